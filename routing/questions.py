"""Reads a request to a model: checks what KORA relies on, keeps what it does not know (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from routing import completions, extras
from routing.errors import InvalidRequest
from routing.extras import EXTRAS, LONGEST_NAME, NO_CONSTRAINTS, Constraints

__all__ = [
    "EXTRAS",
    "NO_CONSTRAINTS",
    "Body",
    "Constraints",
    "Prompt",
    "check_user",
    "opened",
    "parse",
]

Body = dict[str, Any]
ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """A request as the rest of KORA knows it; `body` is what goes upstream."""

    body: Body
    model: str
    stream: bool
    max_tokens: int | None
    choices: int
    constraints: Constraints
    form: str = "chat"
    """Or `text`: the body has a `prompt` instead of `messages`; or `embeddings`: `input`."""
    inputs: int = 0
    """Texts to be made vectors of."""

    @property
    def messages(self) -> list[Body]:
        if self.form == "text":
            return [{"role": "user", "content": self.body["prompt"]}]
        if self.form == "embeddings":
            return []
        messages: list[Body] = self.body["messages"]
        return messages

    @property
    def wants_tools(self) -> bool:
        return bool(self.body.get("tools") or self.body.get("functions"))


def parse(raw: bytes, headers: Mapping[str, str], form: str = "chat") -> Prompt:
    body, model, given = opened(raw, headers)
    if form == "text":
        completions.check(body)
    else:
        _check_messages(body.get("messages"))
    _check_numbers(body)
    stream = body.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise InvalidRequest("'stream' must be true or false.", param="stream")
    return Prompt(
        body=body,
        model=model,
        stream=bool(stream),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        choices=body.get("n") or 1,
        constraints=extras.constraints(given, body),
        form=form,
    )


def opened(raw: bytes, headers: Mapping[str, str]) -> tuple[Body, str, dict[str, Any]]:
    """What every request has: a body without our own fields, a model, the extras."""
    body = _object(raw)
    _check_depth(body)
    given = extras.told(body.pop("kora", None), headers)
    return body, _text(body.get("model"), "model"), given


def _object(raw: bytes) -> Body:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"The body is not valid JSON: {error}.") from error
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.")
    return body


def _check_depth(body: Body) -> None:
    """orjson reads deeper than it writes: a call that cannot be sent must not hold money first."""
    try:
        orjson.dumps([[[body]]])
    except (orjson.JSONEncodeError, RecursionError) as error:
        raise InvalidRequest("The body is nested too deeply.") from error


def _text(value: object, param: str) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f"'{param}' is required and must be a string.", param=param)
    if len(value) > LONGEST_NAME or not value.isprintable():
        raise InvalidRequest(f"'{param}' must be a short printable string.", param=param)
    return value


def _check_messages(messages: object) -> None:
    if not isinstance(messages, list) or not messages:
        raise InvalidRequest(
            "'messages' must be a list with at least one message.", param="messages"
        )
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        if not isinstance(message, dict):
            raise InvalidRequest(f"'{where}' must be an object.", param=where)
        role = message.get("role")
        if not isinstance(role, str) or role not in ROLES:
            raise InvalidRequest(
                f"'{where}.role' must be one of {', '.join(sorted(ROLES))}.", param=f"{where}.role"
            )
        _check_content(message, where)


def _check_content(message: Body, where: str) -> None:
    content = message.get("content")
    if content is None:
        if message["role"] != "assistant":
            raise InvalidRequest(f"'{where}.content' is required.", param=f"{where}.content")
        return
    if isinstance(content, str):
        return
    parts_fine = isinstance(content, list) and all(
        isinstance(part, dict) and isinstance(part.get("type"), str) for part in content
    )
    if not parts_fine:
        raise InvalidRequest(
            f"'{where}.content' must be a string or a list of typed parts.",
            param=f"{where}.content",
        )


WHOLE_NUMBERS = {
    "max_tokens": 10_000_000,
    "max_completion_tokens": 10_000_000,
    "n": 128,
    "top_logprobs": 20,
}
NUMBERS = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
}
LISTS = ("tools", "functions")


def _check_numbers(body: Body) -> None:
    for name, most in WHOLE_NUMBERS.items():
        value = body.get(name)
        least = 0 if name == "top_logprobs" else 1
        if value is not None and not (type(value) is int and least <= value <= most):
            raise InvalidRequest(
                f"'{name}' must be a whole number from {least} to {most}.", param=name
            )
    for name, (low, high) in NUMBERS.items():
        value = body.get(name)
        if value is not None and not (type(value) in (int, float) and low <= value <= high):
            raise InvalidRequest(f"'{name}' must be a number from {low} to {high}.", param=name)
    _check_shapes(body)


def _check_shapes(body: Body) -> None:
    for name in LISTS:
        value = body.get(name)
        if value is not None and not (
            isinstance(value, list) and all(isinstance(item, dict) for item in value)
        ):
            raise InvalidRequest(f"'{name}' must be a list of objects.", param=name)
    _check_objects(body)
    _check_tools(body)
    stop = body.get("stop")
    if stop is not None and not isinstance(stop, str):
        whole = isinstance(stop, list) and all(isinstance(item, str) for item in stop)
        if not whole:
            raise InvalidRequest("'stop' must be a string or a list of strings.", param="stop")


def _check_objects(body: Body) -> None:
    for name in ("response_format", "stream_options", "metadata"):
        if body.get(name) is not None and not isinstance(body[name], dict):
            raise InvalidRequest(f"'{name}' must be an object.", param=name)
    wanted = body.get("response_format") or {"type": "text"}
    if not isinstance(wanted.get("type"), str):
        raise InvalidRequest(
            "'response_format.type' is required and must be a string.", param="response_format.type"
        )
    if wanted["type"] == "json_schema" and not _is_schema(wanted.get("json_schema")):
        raise InvalidRequest(
            "'response_format.json_schema' must be an object whose schema is an object.",
            param="response_format.json_schema",
        )
    check_user(body)


def check_user(body: Body) -> None:
    user = body.get("user")
    if user is not None and not (isinstance(user, str) and "\0" not in user):
        raise InvalidRequest("'user' must be a string without NUL characters.", param="user")


def _is_schema(given: object) -> bool:
    return isinstance(given, dict) and isinstance(given.get("schema", {}), dict)


def _check_tools(body: Body) -> None:
    for index, tool in enumerate(body.get("tools") or ()):
        where = f"tools[{index}]"
        if not isinstance(tool.get("type"), str):
            raise InvalidRequest(
                f"'{where}.type' is required and must be a string.", param=f"{where}.type"
            )
        if tool["type"] == "function" and not _is_function(tool.get("function")):
            raise InvalidRequest(
                f"'{where}.function' must be an object with a name.", param=f"{where}.function"
            )
    choice = body.get("tool_choice")
    if choice is None or isinstance(choice, str):
        return
    if not isinstance(choice, dict) or not isinstance(choice.get("function", {}), dict):
        raise InvalidRequest(
            "'tool_choice' must be a string or an object that names a tool.", param="tool_choice"
        )


def _is_function(given: object) -> bool:
    return (
        isinstance(given, dict)
        and isinstance(given.get("name"), str)
        and isinstance(given.get("parameters") or {}, dict)
    )
