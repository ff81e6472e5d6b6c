"""What the sandbox provider says: decided by the prompt alone, so that every run is the same."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from inference import counting, shapes
from inference.words import Body, Usage

LONGEST_ECHO = 240
MOST_CHOICES = 16
OPENING = "This is the KORA sandbox, which stands in for a paid model."
CLOSINGS = (
    "A real provider would answer at length here; enter its key in the console and it will.",
    "No provider was called, and the price in the book is a pretended one.",
    "The same question always gets this same answer, which makes it good for trying things out.",
    "Point this backend at a real model whenever you are ready.",
)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One answer of the `n` asked for."""

    text: str = ""
    finish_reason: str = "stop"
    tool_calls: list[Body] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        """The text in the pieces it is streamed in; joined they are the text."""
        return re.findall(r"\s*\S+|\s+\Z", self.text)

    @property
    def message(self) -> Body:
        if self.tool_calls:
            return {"role": "assistant", "content": None, "tool_calls": self.tool_calls}
        return {"role": "assistant", "content": self.text, "refusal": None}

    @property
    def tokens(self) -> int:
        calls = (counting.written({"tool_calls": self.tool_calls})) if self.tool_calls else ()
        return counting.count(self.text) + sum(counting.count(text) for text in calls)


@dataclass(frozen=True, kw_only=True)
class Answer:
    id: str
    choices: list[Choice]
    usage: Usage


def answer(body: Body, options: Mapping[str, Any]) -> Answer:
    digest = _digest(body)
    wanted = body.get("n")
    number = wanted if isinstance(wanted, int) and wanted > 0 else 1
    choices = [_choice(body, options, digest, n) for n in range(min(number, MOST_CHOICES))]
    usage = Usage(
        prompt_tokens=counting.estimate_tokens(body),
        completion_tokens=sum(choice.tokens for choice in choices),
    )
    return Answer(id=f"chatcmpl-sandbox-{digest[:24]}", choices=choices, usage=usage)


def logprobs(texts: list[str]) -> Body:
    """The least that a client's parser accepts: every token was certain."""
    content = [
        {"token": text, "logprob": 0.0, "bytes": list(text.encode()), "top_logprobs": []}
        for text in texts
    ]
    return {"content": content, "refusal": None}


def _choice(body: Body, options: Mapping[str, Any], digest: str, number: int) -> Choice:
    if (function := _called(body)) is not None:
        return Choice(tool_calls=[_tool_call(function, digest, number)], finish_reason="tool_calls")
    return _limited(_stopped(_text(body, options, digest, number), body), body)


def _text(body: Body, options: Mapping[str, Any], digest: str, number: int) -> str:
    if "reply" in options:
        return str(options["reply"])
    if (told := options.get("answers", {}).get(mark(question(body)))) is not None:
        return str(told)
    if (shape := _shape(body)) is not None:
        return json.dumps(shape, ensure_ascii=False)
    asked = " ".join(question(body).split())
    if len(asked) > LONGEST_ECHO:
        asked = asked[:LONGEST_ECHO].rstrip() + "…"
    closing = CLOSINGS[(int(digest[:8], 16) + number) % len(CLOSINGS)]
    return f"{OPENING} You asked: “{asked}” {closing}"


def question(body: Body) -> str:
    """The words of the last message of the user, or else of the last message."""
    messages = [message for message in body.get("messages") or () if isinstance(message, dict)]
    users = [message for message in messages if message.get("role") == "user"]
    return " ".join(_texts((users or messages or [{}])[-1].get("content")))


def mark(asked: str) -> str:
    """By which `answers` know a question."""
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]


def _shape(body: Body) -> Any:
    wanted = body.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind == "json_schema":
        return shapes.example(
            (wanted or {}).get("json_schema", {}).get("schema", {"type": "object"})
        )
    if kind == "json_object":
        return {"provider": "KORA sandbox", "asked": question(body)[:LONGEST_ECHO]}
    return None


def _called(body: Body) -> Body | None:
    """The tool that the client insists on; left to choose, the sandbox answers with words."""
    functions = [tool["function"] for tool in body.get("tools") or () if "function" in tool]
    choice = body.get("tool_choice")
    if choice == "required" and functions:
        first: Body = functions[0]
        return first
    name = choice.get("function", {}).get("name") if isinstance(choice, dict) else None
    return next((function for function in functions if function.get("name") == name), None)


def _tool_call(function: Body, digest: str, number: int) -> Body:
    arguments = shapes.example(function.get("parameters") or {"type": "object"})
    return {
        "id": f"call_{digest[:20]}{number:02}",
        "type": "function",
        "function": {"name": function.get("name"), "arguments": json.dumps(arguments)},
    }


def _stopped(text: str, body: Body) -> str:
    stops = body.get("stop") or ()
    stops = [stops] if isinstance(stops, str) else stops
    found = [at for stop in stops if stop and (at := text.find(stop)) >= 0]
    return text[: min(found)] if found else text


def _limited(text: str, body: Body) -> Choice:
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if not isinstance(limit, int) or counting.count(text) <= limit:
        return Choice(text=text)
    kept = text.encode()[: limit * counting.BYTES_PER_TOKEN].decode(errors="ignore")
    return Choice(text=kept, finish_reason="length")


def _digest(body: Body) -> str:
    said = orjson.dumps(body.get("messages"), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(said).hexdigest()
