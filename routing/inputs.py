"""Reads a request for embeddings: checks what KORA relies on, keeps the rest (pure)."""

from __future__ import annotations

from collections.abc import Mapping

from routing import extras, questions
from routing.errors import InvalidRequest
from routing.questions import Body, Prompt

MOST_INPUTS = 2048
FORMATS = ("float", "base64")
MOST_DIMENSIONS = 65_536
LARGEST_TOKEN = 2**31 - 1


def parse(raw: bytes, headers: Mapping[str, str]) -> Prompt:
    body, model, given = questions.opened(raw, headers)
    inputs = _inputs(body.get("input"))
    _check_format(body)
    _check_dimensions(body)
    questions.check_user(body)
    if body.get("stream"):
        raise InvalidRequest("Embeddings are not streamed.", param="stream")
    return Prompt(
        body=body,
        model=model,
        stream=False,
        max_tokens=0,
        choices=1,
        constraints=extras.constraints(given, body),
        form="embeddings",
        inputs=inputs,
    )


def texts(body: Body) -> list[str] | None:
    """What is to be embedded, or None when it came as numbers of tokens."""
    given = body["input"]
    if isinstance(given, str):
        return [given]
    return given if isinstance(given[0], str) else None


def _inputs(given: object) -> int:
    """How many: a text, texts, a text as token numbers, or texts as token numbers."""
    if isinstance(given, str):
        _must(bool(given), "'input' must not be empty.")
        return 1
    _must(isinstance(given, list) and bool(given), "'input' must be a string or a list of strings.")
    return _listed(given) if isinstance(given, list) else 0


def _listed(given: list[object]) -> int:
    if all(_is_token(each) for each in given):
        return 1
    _must(len(given) <= MOST_INPUTS, f"'input' may hold at most {MOST_INPUTS} texts.")
    for index, each in enumerate(given):
        where = f"input[{index}]"
        same = isinstance(each, str) == isinstance(given[0], str)
        _must(same and (isinstance(each, str) or _is_tokens(each)), _MIXED.format(where), where)
        _must(bool(each), f"'{where}' must not be empty.", where)
    return len(given)


_MIXED = "'{}' must be a string like the others, or all of them lists of token numbers."


def _is_tokens(given: object) -> bool:
    return isinstance(given, list) and all(_is_token(each) for each in given)


def _is_token(given: object) -> bool:
    return type(given) is int and 0 <= given <= LARGEST_TOKEN


def _check_format(body: Body) -> None:
    wanted = body.get("encoding_format")
    _must(
        wanted is None or wanted in FORMATS,
        "'encoding_format' must be float or base64.",
        "encoding_format",
    )


def _check_dimensions(body: Body) -> None:
    wanted = body.get("dimensions")
    _must(
        wanted is None or (type(wanted) is int and 1 <= wanted <= MOST_DIMENSIONS),
        "'dimensions' must be a whole number, one or more.",
        "dimensions",
    )


def _must(holds: bool, message: str, param: str = "input") -> None:
    if not holds:
        raise InvalidRequest(message, param=param)
