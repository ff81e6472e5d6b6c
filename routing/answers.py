"""Answers as bytes: whole or streamed, fresh or replayed, always under this request's id (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import orjson

Body = dict[str, Any]
DONE = b"data: [DONE]\n\n"
USD = Decimal("0.000000001")
LONGEST_ABSORBED = 16_384


def usd(amount: Decimal) -> str:
    """Dollars with nine decimals, as headers and usage show them."""
    return f"{amount.quantize(USD):f}"


def strip(body: Body) -> bytes:
    """What can be stored and replayed: everything but the id."""
    return orjson.dumps({key: value for key, value in body.items() if key != "id"})


def vectors(body: Body) -> bytes:
    """An embeddings answer, which has no id; its vectors may be numpy's."""
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)


def with_id(stored: bytes, answer_id: str) -> bytes:
    """The stored object with this request's id in front."""
    rest = stored[1:]
    return b'{"id":"%s"%s%s' % (answer_id.encode(), b"" if rest == b"}" else b",", rest)


def event(stored: bytes, answer_id: str) -> bytes:
    return b"data: " + with_id(stored, answer_id) + b"\n\n"


def usage_event(like: Body, *, kind: str, usage: Body, answer_id: str) -> bytes:
    """The chunk that ends every stream: no choices, tokens, cost, saving."""
    chunk = {
        "id": answer_id,
        "object": kind,
        "created": like.get("created", 0),
        "model": like.get("model", ""),
        "choices": [],
        "usage": usage,
    }
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def error_event(error: Body) -> bytes:
    return b"event: error\ndata: " + orjson.dumps(error) + b"\n\n"


def assemble(chunks: Iterable[Body], usage: Body) -> Body:
    """The whole answer that a stream of chunks amounts to."""
    choices: dict[int, Body] = {}
    head: Body = {}
    for chunk in chunks:
        head = head or chunk
        for choice in chunk.get("choices") or ():
            _add(choices.setdefault(choice.get("index", 0), _empty_choice(choice)), choice)
    return {
        "object": "chat.completion",
        "created": head.get("created", 0),
        "model": head.get("model", ""),
        "choices": [choices[index] for index in sorted(choices)],
        "usage": usage,
    }


def _empty_choice(choice: Body) -> Body:
    return {
        "index": choice.get("index", 0),
        "message": {"role": "assistant", "content": None},
        "finish_reason": None,
    }


def _add(whole: Body, choice: Body) -> None:
    delta = choice.get("delta") or {}
    message = whole["message"]
    for name, value in delta.items():
        if name == "tool_calls":
            for call in value or ():
                _add_call(message.setdefault("tool_calls", []), call)
        elif name == "role":
            message["role"] = value or message["role"]
        elif isinstance(value, str):
            message[name] = (message.get(name) or "") + value
        elif value is not None:
            message[name] = value
    if choice.get("finish_reason"):
        whole["finish_reason"] = choice["finish_reason"]
    if choice.get("logprobs"):
        _add_logprobs(whole, choice["logprobs"])


def _add_call(calls: list[Body], piece: Body) -> None:
    index = piece.get("index", 0)
    while len(calls) <= index:
        calls.append({"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
    call = calls[index]
    call["id"] = piece.get("id") or call["id"]
    function = piece.get("function") or {}
    call["function"]["name"] += function.get("name") or ""
    call["function"]["arguments"] += function.get("arguments") or ""


def _add_logprobs(whole: Body, piece: Body) -> None:
    known = whole.setdefault("logprobs", {"content": []})
    known["content"] = (known.get("content") or []) + (piece.get("content") or [])


def split(body: Body) -> list[Body]:
    """The chunks that a whole answer would have come in: role, content, finish."""
    chunks = []
    for choice in body.get("choices") or ():
        message = dict(choice.get("message") or {})
        calls = [
            {**call, "index": index}
            for index, call in enumerate(message.pop("tool_calls", None) or ())
        ]
        delta = {**message, **({"tool_calls": calls} if calls else {})}
        chunks.append(_chunk(body, choice, delta, finish=None))
        chunks.append(
            _chunk(body, {**choice, "logprobs": None}, {}, finish=choice.get("finish_reason"))
        )
    return chunks


def _chunk(body: Body, choice: Body, delta: Body, *, finish: str | None) -> Body:
    return {
        "object": "chat.completion.chunk",
        "created": body.get("created", 0),
        "model": body.get("model", ""),
        "choices": [
            {
                "index": choice.get("index", 0),
                "delta": delta,
                "logprobs": choice.get("logprobs"),
                "finish_reason": finish,
            }
        ],
    }


def may_be_stored(body: Body) -> bool:
    """Complete, with a normal finish in every choice, and no tool call that could have effects."""
    choices = body.get("choices") or ()
    return bool(choices) and all(
        choice.get("finish_reason") == "stop"
        and not (choice.get("message") or {}).get("tool_calls")
        and not (choice.get("message") or {}).get("function_call")
        for choice in choices
    )


def absorb(chunk: Body, later: Body) -> bool:
    """Adds a later chunk's text to an earlier one; False if either is more than text."""
    first, second = _only_text(chunk), _only_text(later)
    if first is None or second is None or first["index"] != second["index"]:
        return False
    if len(first["delta"]["content"]) > LONGEST_ABSORBED:
        return False
    first["delta"]["content"] += second["delta"]["content"]
    return True


def _only_text(chunk: Body) -> Body | None:
    choices = chunk.get("choices") or []
    if len(choices) != 1 or chunk.get("usage"):
        return None
    choice: Body = choices[0]
    delta = choice.get("delta") or {}
    plain = delta.keys() == {"content"} and isinstance(delta["content"], str)
    ended = choice.get("finish_reason") or choice.get("logprobs")
    return choice if plain and not ended and "index" in choice else None
