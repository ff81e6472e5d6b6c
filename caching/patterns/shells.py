"""A request taken apart for patterns: the words of its last turn, and a shell of all else (pure).

Unlike a question, which is normalised and may be a part of the turn, the words stay as they came:
what is filled is copied from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caching.question import fields, fingerprints, freshness, questions

LONGEST_TURN = 2_000
HELD = "\0turn"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shell:
    shell: str = ""
    turn: str = ""


NO_SHELL = Shell()


def read(body: Mapping[str, Any], *, form: str, wanted: tuple[str, float | None]) -> Shell:
    """Nothing where each answer is one of its own, or is only true for a while."""
    if questions.refusal(body):
        return NO_SHELL
    turn, rest = _apart(body, form)
    if not 0 < len(turn) < LONGEST_TURN or "\0" in turn or freshness.of(turn):
        return NO_SHELL
    locality, min_quality = wanted
    shell = fingerprints.fingerprint(rest, locality=locality, min_quality=min_quality)
    return Shell(shell=shell, turn=turn)


def _apart(body: Mapping[str, Any], form: str) -> tuple[str, dict[str, Any]]:
    if form == "text":
        prompt = body.get("prompt")
        return (prompt, {**body, "prompt": HELD}) if isinstance(prompt, str) else ("", {})
    messages = list(body.get("messages") or ())
    last = fields.plain(messages[-1]) if messages else {}
    words = last.get("content")
    if last.get("role") != "user" or not isinstance(words, str):
        return "", {}
    return words, {**body, "messages": [*messages[:-1], {**last, "content": HELD}]}
