"""Reads the signals of a prompt, once (pure)."""

from __future__ import annotations

from typing import Any

from inference import counting
from routing.questions import Body, Prompt
from routing.signals import languages, marks, shapes, texts
from routing.signals.values import Signals

LONGEST_QUESTION = 2_000
ENDS = 2_000
"""Characters of a long text that are looked at, at its beginning and at its end."""
TOOL_ROLES = frozenset({"tool", "function"})
PARTS = {
    "image_url": "image", "input_image": "image", "image": "image", "input_audio": "audio",
    "audio": "audio", "file": "file", "input_file": "file",
}  # fmt: skip


def read(prompt: Prompt) -> Signals:
    messages = prompt.messages
    users = [each for each in messages if each["role"] == "user"]
    said = texts.said(prompt)
    brought = [_brought(each.get("content")) for each in messages]
    media = frozenset[str]().union(*brought) if any(brought) else frozenset[str]()
    return Signals(
        prompt_tokens=counting.estimate_tokens(prompt.body),
        format_tokens=counting.estimate_format(prompt.body),
        turns=len(users),
        tools=prompt.wants_tools,
        structured=_is_structured(prompt.body.get("response_format")),
        images="image" in media,
        audio="audio" in media,
        files="file" in media,
        modality=_modality(users[-1].get("content")) if media and users else "text",
        tool_loop=_loops(messages),
        injected_characters=said.injected,
        **_of_the_text(prompt, said.own),
        **_of_both(said.own, users),
    )


def question(prompt: Prompt) -> str:
    """The text of the last user turn, with all that programs put in."""
    for message in reversed(prompt.messages):
        if message["role"] == "user":
            return texts.of(message.get("content"))
    return ""


def _of_the_text(prompt: Prompt, own: str) -> dict[str, Any]:
    looked, system = ends(own), texts.system(prompt)
    asked, share = marks.of(looked), shapes.code_share(looked)
    count, number_share = shapes.numbers(looked)
    form = asked.format if asked.format != "none" or not system else marks.of(ends(system)).format
    return {
        "last_turn_characters": len(own),
        "system_characters": len(system),
        "length": shapes.length(len(own)),
        "language": languages.of(looked),
        "code": shapes.has_code(looked, share),
        "code_share": share,
        "numbers": count,
        "number_share": number_share,
        "maths": asked.maths,
        "reasoning": asked.reasoning,
        "asks": asked.asks,
        "format": "json" if _is_structured(prompt.body.get("response_format")) else form,
    }


def _of_both(own: str, users: list[Body]) -> dict[str, Any]:
    """This turn of the user beside the one before."""
    if len(users) < 2:
        return {}
    before = texts.apart(ends(texts.of(users[-2].get("content")))).own
    alike = shapes.likeness(own, before)
    return {"likeness": alike, "re_ask": shapes.is_again(own, before, alike)}


def ends(text: str) -> str:
    """A text, or of a long one the beginning and the end."""
    return text if len(text) <= 2 * ENDS else f"{text[:ENDS]}\n{text[-ENDS:]}"


def _is_structured(wanted: object) -> bool:
    return isinstance(wanted, dict) and wanted.get("type") in {"json_object", "json_schema"}


def _brought(content: object) -> frozenset[str]:
    if not isinstance(content, list):
        return frozenset()
    return frozenset(PARTS[kind] for part in content if (kind := part.get("type")) in PARTS)


def _modality(content: object) -> str:
    brought = _brought(content)
    return next((kind for kind in ("image", "audio", "file") if kind in brought), "text")


def _loops(messages: list[Body]) -> bool:
    """What a tool gave back is to be answered, or a call of one is still open."""
    last = messages[-1] if messages else {}
    return last.get("role") in TOOL_ROLES or bool(
        last.get("role") == "assistant" and (last.get("tool_calls") or last.get("function_call"))
    )
