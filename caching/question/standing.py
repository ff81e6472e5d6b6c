"""Answers that stand for a whole team, whatever app of it asks: where they lie and which requests
look there (pure).

A stored answer of a model belongs to all that surrounded its question. An FAQ that a person brought
belongs to nothing but a question, so it has partitions of its own: for one model or any, and for no
system prompt, one or any. Only plain questions look into them: one user turn of text, no tools, no
format, nothing that asks for more than words.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from caching import scopes
from caching.values import Asked, Question

ANY = "*"
WITHOUT = ""
"""No system prompt. Whether an answer is right under one, only who brought it can say."""
SHORTEST_LIMIT = 32
"""Who wants fewer tokens than this wants a label or a probe, not an answer."""
HARMLESS = frozenset({
    "model", "messages", "stream", "stream_options", "user", "metadata", "store", "service_tier",
    "temperature", "top_p", "seed", "presence_penalty", "frequency_penalty", "max_tokens",
    "max_completion_tokens", "reasoning_effort", "parallel_tool_calls",
})  # fmt: skip
"""Any other field may change what an answer has to be; then nothing stands for it."""
EMPTY: dict[str, Any] = {
    "n": 1,
    "logprobs": False,
    "response_format": {"type": "text"},
    "tool_choice": "none",
}
"""Fields that, at this value, ask for nothing."""
WORKING = re.compile(
    r"(?i)\b(?:translat|summari[sz]|rewrit|rephras|paraphras|proofread|classif|categori[sz]|extract|"
    r"transcrib|anonymi[sz]|redact|sentiment|moderat|übersetz|traduc|tradui|traduz|vertaal|перевод|"
    r"correct (?:the|their|his|any|all) (?:grammar|spelling|text|sentences?|user|input|message))"
    r"|翻译|翻訳|总结|要約|분류|번역"
)
"""Here the user's words may be a text to be worked on, and an answer to them is none: what stands
for any prompt does not stand for these. Too many words cost a hit, too few a wrong answer."""
SPEAKERS = frozenset({"system", "developer"})


def surroundings(model: str = ANY, system: str = ANY) -> str:
    """What an entry has in place of a fingerprint of the request; no request's is like it."""
    parts = ("standing", model or ANY, _squeezed(system))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def fingerprint(surroundings: str, text: str) -> str:
    """What the exact tier finds a standing answer by; `text` is normalised."""
    return hashlib.sha256(f"{surroundings}\0{text}".encode()).hexdigest()


def fingerprints(question: Question) -> tuple[str, ...]:
    return tuple(fingerprint(each, question.text) for each in question.plain)


def places(asked: Asked) -> tuple[tuple[str, str], ...]:
    """Scope and surroundings of every partition that a question may be near something in.

    An FAQ stands in its team's scope, also for a team whose end users have theirs each: only the
    standing partitions are looked into there, never what another user was told.
    """
    question = asked.question
    if question is None:
        return ()
    own = tuple((scope, question.surroundings) for scope in asked.within)
    return own + tuple((scope, each) for scope in whole(asked) for each in question.plain)


def whole(asked: Asked) -> tuple[str, ...]:
    """The caller's scopes and his team's."""
    team = scopes.of_team(asked.team_id)
    return asked.within if team in asked.within else (*asked.within, team)


def seen_from(body: Mapping[str, Any], *, form: str) -> tuple[str, ...]:
    """The surroundings a request looks into, the most particular first; none if it is not plain."""
    if form != "chat" or not _asks_for_words(body):
        return ()
    system = _system(body.get("messages") or ())
    if system is None:
        return ()
    models = (str(body.get("model") or ANY), ANY)
    systems = (system,) if WORKING.search(system) else (system, ANY)
    return tuple(surroundings(model, prompt) for model in models for prompt in systems)


def _asks_for_words(body: Mapping[str, Any]) -> bool:
    fine = all(
        name in HARMLESS or not value or EMPTY.get(name) == value for name, value in body.items()
    )
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or SHORTEST_LIMIT
    return fine and isinstance(limit, int) and limit >= SHORTEST_LIMIT


def _system(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """The system prompt of a conversation that has one user turn and nothing else."""
    *before, last = messages or ({},)
    if last.get("role") != "user" or any(each.get("role") not in SPEAKERS for each in before):
        return None
    texts = [_text(each) for each in messages]
    known = [text for text in texts if text is not None]
    return _squeezed("\n".join(known[:-1])) if len(known) == len(texts) else None


def _text(message: Mapping[str, Any]) -> str | None:
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(part.get("type") == "text" for part in content):
        return "\n".join(str(part.get("text") or "") for part in content)
    return None


def _squeezed(text: str) -> str:
    """Line ends and indentation of a prompt differ between a form and a program."""
    return " ".join(text.split())
