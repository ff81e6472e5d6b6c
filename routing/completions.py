"""`/v1/completions`: a text to go on from, not a conversation; told in its own shape (pure)."""

from __future__ import annotations

from typing import Any

from routing.errors import InvalidRequest

Body = dict[str, Any]
USUAL_LENGTH = 16
"""OpenAI's, when a request names none."""
NOT_HERE = ("echo", "suffix", "best_of", "logprobs")
"""Parameters of this path alone that change the answer; dropping them would be a lie."""


def check(body: Body) -> None:
    """Refuses what cannot be answered faithfully; a list of one text becomes that text."""
    body["prompt"] = _text(body.get("prompt"))
    if "messages" in body:
        raise InvalidRequest("'messages' belong to /v1/chat/completions.", param="messages")
    for name in NOT_HERE:
        value = body.pop(name, None)
        if value is not None and value is not False and (name, value) != ("best_of", 1):
            raise InvalidRequest(f"'{name}' is not supported here.", param=name)
    if body.get("max_tokens") is None:
        body["max_tokens"] = USUAL_LENGTH


def _text(prompt: object) -> str:
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str) or not prompt:
        raise InvalidRequest(
            "'prompt' is required and must be one text; tokens or several texts will not do.",
            param="prompt",
        )
    return prompt


def shown(body: Body) -> Body:
    """A chat answer, or a chunk of one, as this path shows it."""
    choices = [_choice(choice) for choice in body.get("choices") or ()]
    return {**body, "object": "text_completion", "choices": choices}


def _choice(choice: Body) -> Body:
    said = choice.get("message") or choice.get("delta") or {}
    return {
        "index": choice.get("index", 0),
        "text": said.get("content") or "",
        "logprobs": None,
        "finish_reason": choice.get("finish_reason"),
    }
