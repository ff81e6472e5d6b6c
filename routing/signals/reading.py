"""Reads the signals of a prompt, once (pure)."""

from __future__ import annotations

from inference import counting
from routing.questions import Prompt
from routing.signals.values import Signals

LONGEST_QUESTION = 2_000


def read(prompt: Prompt) -> Signals:
    last = question(prompt)
    return Signals(
        prompt_tokens=counting.estimate_tokens(prompt.body),
        format_tokens=counting.estimate_format(prompt.body),
        turns=sum(1 for message in prompt.messages if message["role"] == "user"),
        last_turn_characters=len(last),
        tools=prompt.wants_tools,
        structured=_is_structured(prompt.body.get("response_format")),
        images=any(_has_image(message.get("content")) for message in prompt.messages),
        code="```" in last,
    )


def question(prompt: Prompt) -> str:
    """The text of the last user turn."""
    for message in reversed(prompt.messages):
        if message["role"] == "user":
            return _text(message.get("content"))
    return ""


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = (part.get("text") for part in content)
        return "\n".join(text for text in texts if isinstance(text, str))
    return ""


def _is_structured(wanted: object) -> bool:
    return isinstance(wanted, dict) and wanted.get("type") in {"json_object", "json_schema"}


def _has_image(content: object) -> bool:
    return isinstance(content, list) and any(
        part.get("type") in {"image_url", "input_image"} for part in content
    )
