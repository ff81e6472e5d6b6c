"""Reads out of a request what is compared by meaning, and what has to be the same (pure)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from caching.question import fields, standing, turns
from caching.values import NoQuestion, Question

HOTTEST = 1.0
"""A caller who sets a higher temperature wants another answer each time."""
EXACT_TOKENS = 64
"""Limits up to here are taken exactly, longer ones by powers of two."""
MEDIA = {
    "image_url": "images", "input_image": "images", "image": "images", "input_audio": "audio",
    "audio": "audio", "file": "files", "input_file": "files", "video_url": "video",
}  # fmt: skip
CLASSED = frozenset(
    {"messages", "prompt", "model", "temperature", "top_p", "max_tokens", "max_completion_tokens"}
)
TOOLED = ("web_search_options", "mcp_servers", "plugins")
Body = Mapping[str, Any]


def read(
    body: Body, *, form: str = "chat", model: str = "", locale: str = ""
) -> Question | NoQuestion:
    """The question of a request, or in one word why it is never compared by meaning."""
    try:
        return _read(body, (form, model, locale))
    except (TypeError, ValueError, AttributeError, RecursionError):
        # What does not have the shape of a question is none; the checks of the gateway come first.
        return NoQuestion(reason="unreadable")


def _read(body: Body, asked: tuple[str, ...]) -> Question | NoQuestion:
    reason = refusal(body)
    if reason:
        return NoQuestion(reason=reason)
    messages = _messages(body, asked[0])
    if not messages or messages[-1].get("role") != "user":
        return NoQuestion(reason="no-user-turn")
    text = _text(messages[-1].get("content"))
    if isinstance(text, NoQuestion):
        return text
    turn = turns.split(text)
    if isinstance(turn, turns.Unclear):
        return NoQuestion(reason=turn.reason)
    around = [*asked, *map(str, turn.around)]
    return Question(
        text=turn.question,
        surroundings=_surroundings(body, messages, around),
        plain=() if turn.around else standing.seen_from(body, form=asked[0]),
    )


def _messages(body: Body, form: str) -> list[dict[str, Any]]:
    if form == "text":
        return [{"role": "user", "content": body.get("prompt")}]
    return list(body.get("messages") or ())


def refusal(body: Body) -> str:
    """Why a request wants an answer of its own, whatever it asks."""
    if (body.get("n") or 1) != 1 or (body.get("best_of") or 1) != 1:
        return "n"
    if body.get("logprobs") or body.get("top_logprobs"):
        return "logprobs"
    if body.get("seed") is not None:
        return "seed"
    if (body.get("temperature") or 0) > HOTTEST:
        return "sampling"
    if "audio" in (body.get("modalities") or ()) or body.get("audio"):
        return "audio"
    return "tools-in-play" if _tools_in_play(body) else ""


def _tools_in_play(body: Body) -> bool:
    """Whether the answer may be a call, or rests on what a call gave back."""
    if any(body.get(name) for name in TOOLED):
        return True
    if (body.get("tools") or body.get("functions")) and "none" not in (
        body.get("tool_choice"), body.get("function_call")
    ):  # fmt: skip
        return True
    return any(
        message.get("role") in ("tool", "function") or message.get("tool_calls")
        for message in body.get("messages") or ()
    )


def _text(content: object) -> str | NoQuestion:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return NoQuestion(reason="empty")
    media = next(
        (p.get("type") for p in content if p.get("type") not in ("text", "input_text")), ""
    )
    if media:
        return NoQuestion(reason=MEDIA.get(str(media), "parts"))
    return "\n".join(str(part.get("text") or "") for part in content)


def _surroundings(body: Body, messages: list[dict[str, Any]], around: list[str]) -> str:
    asked = {
        name: value
        for name, value in body.items()
        if name not in CLASSED and fields.matters(name, value)
    }
    last = {name: value for name, value in messages[-1].items() if name != "content"}
    asked["\0"] = [_classes(body), *around]
    asked["messages"] = [*map(fields.plain, messages[:-1]), last]
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _classes(body: Body) -> list[object]:
    """Sampling and length in classes: 0.7 and 0.8 ask for the same kind of answer."""
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    heat = 1 if body.get("temperature") is None else body["temperature"]
    nucleus = 1 if body.get("top_p") is None else body["top_p"]
    return [_heat(heat), nucleus > 0.5, _length(limit)]


def _heat(temperature: float) -> str:
    return "cold" if temperature <= 0.3 else "warm"


def _length(limit: int | None) -> int:
    if not limit:
        return 0
    return limit if limit <= EXACT_TOKENS else 1 << limit.bit_length()
