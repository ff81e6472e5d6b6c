"""Answers in OpenAI's form, out of what the engine tells: whole ones, and chunks of streams."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from inference.local.words import Ended, Piece, Scored
from inference.talk.tools import Called, Reader
from inference.words import Body, Delta, Usage


@dataclass(kw_only=True, slots=True)
class Choice:
    """One of the `n` answers, as far as it has come."""

    index: int
    reader: Reader | None = None
    logprobs: bool = False
    text: list[str] = field(default_factory=list)
    calls: list[Body] = field(default_factory=list)
    scored: list[Scored] = field(default_factory=list)
    """Of all its text, streamed or not."""
    ended: Ended | None = None
    _held: list[Scored] = field(default_factory=list)
    _begun: bool = False

    def take(self, piece: Piece) -> Iterator[Body]:
        self._held += piece.scored
        written = self.reader.feed(piece.text) if self.reader else [piece.text]
        yield from self._parts(written)

    def end(self, ended: Ended) -> Iterator[Body]:
        self.ended = ended
        yield from self._parts(self.reader.end() if self.reader else [])
        yield from self._opening()
        yield self._part({}, finish=self.finish)

    @property
    def finish(self) -> str:
        return "tool_calls" if self.calls else self.ended.finish if self.ended else ""

    @property
    def message(self) -> Body:
        text = "".join(self.text)
        if self.calls:
            return {"role": "assistant", "content": text or None, "tool_calls": self.calls}
        return {"role": "assistant", "content": text, "refusal": None}

    @property
    def whole(self) -> Body:
        return {
            "index": self.index,
            "message": self.message,
            "logprobs": _logprobs(self.scored) if self.logprobs else None,
            "finish_reason": self.finish,
        }

    def _parts(self, written: Sequence[str | Called]) -> Iterator[Body]:
        for each in written:
            if isinstance(each, Called):
                yield from self._opening()
                yield from self._called(each)
            elif each or self._held:
                yield from self._opening()
                yield self._said(each)

    def _opening(self) -> Iterator[Body]:
        if not self._begun:
            self._begun = True
            yield self._part({"role": "assistant", "content": ""})

    def _said(self, text: str) -> Body:
        held, self._held = self._held, []
        self.text.append(text)
        self.scored += held
        return self._part({"content": text}, scored=held)

    def _called(self, called: Called) -> Iterator[Body]:
        """First the name, then its arguments: nothing can be done before the last of them."""
        self._held = []
        number, name = len(self.calls), {"name": called.name}
        call = {"id": f"call_{secrets.token_hex(12)}", "type": "function"}
        self.calls.append({**call, "function": {**name, "arguments": called.arguments}})
        first = {"index": number, **call, "function": {**name, "arguments": ""}}
        yield self._part({"tool_calls": [first]})
        rest = {"index": number, "function": {"arguments": called.arguments}}
        yield self._part({"tool_calls": [rest]})

    def _part(self, delta: Body, *, scored: Sequence[Scored] = (), finish: str = "") -> Body:
        logprobs = _logprobs(scored) if self.logprobs and scored else None
        return {
            "index": self.index,
            "delta": delta,
            "logprobs": logprobs,
            "finish_reason": finish or None,
        }


class Answer:
    """Under one id: the choices, and what all of them together used."""

    def __init__(self, model: str, choices: Sequence[Choice]) -> None:
        self.choices = choices
        self._head = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": "kora-local",
        }

    @property
    def done(self) -> bool:
        return all(choice.ended for choice in self.choices)

    def take(self, index: int, told: Piece | Ended) -> list[Delta]:
        choice = self.choices[index]
        parts = choice.end(told) if isinstance(told, Ended) else choice.take(told)
        return [self._delta(part) for part in parts]

    @property
    def usage(self) -> Usage:
        """The prompt is one, however many answers there are; so is what was read of it before."""
        ends = [choice.ended for choice in self.choices if choice.ended]
        return Usage(
            prompt_tokens=max((end.prompt_tokens for end in ends), default=0),
            completion_tokens=sum(end.completion_tokens for end in ends),
            cached_tokens=min((end.cached_tokens for end in ends), default=0),
            compute_s=sum(end.compute_s for end in ends),
        )

    @property
    def body(self) -> Body:
        usage = self.usage
        return {
            **self._head,
            "object": "chat.completion",
            "choices": [choice.whole for choice in self.choices],
            "usage": {
                "prompt_tokens": usage.prompt_tokens,
                "completion_tokens": usage.completion_tokens,
                "total_tokens": usage.total_tokens,
                "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
            },
        }

    def _delta(self, part: Body) -> Delta:
        chunk = {**self._head, "object": "chat.completion.chunk", "choices": [part]}
        delta = part["delta"]
        return Delta(chunk=chunk, has_content=bool(delta.get("content") or "tool_calls" in delta))


def _logprobs(scored: Sequence[Scored]) -> Body:
    content = [
        {
            **_entry(one.token, one.logprob),
            "top_logprobs": [_entry(token, logprob) for token, logprob in one.top],
        }
        for one in scored
    ]
    return {"content": content, "refusal": None}


def _entry(token: bytes, logprob: float) -> dict[str, Any]:
    """A token may be part of a character: its bytes say which."""
    text = token.decode(errors="replace")
    return {"token": text, "logprob": max(logprob, -9999.0), "bytes": list(token)}
