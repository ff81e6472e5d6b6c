"""Answers of `/completions` in the shape of chat answers, which is what engines speak of."""

from __future__ import annotations

from inference.chunks import MisshapenError
from inference.words import Body


def as_chat(answer: Body, *, part: str) -> Body:
    """`part` is where chat has the text: `delta` of a chunk, `message` of a whole answer."""
    choices = answer.get("choices")
    if not isinstance(choices, list):
        return answer
    kind = "chat.completion.chunk" if part == "delta" else "chat.completion"
    return {**answer, "object": kind, "choices": [_choice(each, part) for each in choices]}


def _choice(choice: object, part: str) -> Body:
    if not isinstance(choice, dict) or not isinstance(choice.get("text"), str):
        raise MisshapenError
    rest = {name: value for name, value in choice.items() if name not in {"text", "logprobs"}}
    said = {"content": choice["text"]}
    return {**rest, part: said if part == "delta" else {"role": "assistant", **said}}
