"""The worker's side of an idempotent call: it writes down what the client is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from inference.words import Completion
from routing import answers, scripts
from routing.answers import Body
from routing.idempotency.values import LARGEST, Kept, Mine
from routing.scripts import Script

Errand = dict[str, Any]
"""What the message of a call says of it: the row, the form of its path, and the headers."""
ZERO = Decimal(0)


@dataclass(kw_only=True, slots=True)
class Recording:
    """Grows with the stream up to what may be kept; the web process writes the same bytes."""

    mine: Mine
    script: Script
    headers: dict[str, str]
    stream: bool
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0
    head: Body = field(default_factory=dict)

    def add(self, chunk: Body) -> None:
        self.head = self.head or chunk
        if self.size <= LARGEST:
            self._take(self.script.chunk(chunk))

    def ended(self, done: Completion, cost: Decimal) -> Kept:
        used = scripts.usage(
            prompt=done.usage.prompt_tokens,
            completion=done.usage.completion_tokens,
            cached=done.usage.cached_tokens,
            reasoning=done.usage.reasoning_tokens,
        )
        if self.stream:
            money = scripts.money(cost, saved=ZERO, estimated=done.usage.estimated)
            self._take(self.script.last(self.head, {**used, **money}) + answers.DONE)
            return self._kept()
        self._take(self.script.whole({**done.body, "usage": {**used, **_usage(done.body)}}))
        self.headers |= {"x-kora-cost": answers.usd(cost), "x-kora-saved": answers.usd(ZERO)}
        return self._kept()

    def _take(self, piece: bytes) -> None:
        self.pieces.append(piece)
        self.size += len(piece)

    def _kept(self) -> Kept:
        return Kept(
            mine=self.mine,
            answer=b"".join(self.pieces),
            streamed=self.stream,
            headers=self.headers,
        )


def _usage(body: Body) -> Body:
    return body.get("usage") or {}


def of(message: dict[str, Any]) -> Recording | None:
    """Nothing where the call's message asks for no such thing."""
    errand: Errand | None = message.get("errand")
    if errand is None:
        return None
    exchange_id = UUID(errand["exchange"])
    return Recording(
        mine=Mine(row_id=errand["row"], exchange_id=exchange_id),
        script=scripts.of(message.get("form", "chat"), exchange_id),
        headers=dict(errand["headers"]),
        stream=message["stream"],
    )


def errand(mine: Mine, headers: dict[str, str]) -> Errand:
    return {"row": mine.row_id, "exchange": str(mine.exchange_id), "headers": headers}
