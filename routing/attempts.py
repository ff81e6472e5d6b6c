"""One call in a worker: what came with its message, and how far it has come."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any
from uuid import UUID

from analytics import hedged, prices
from analytics.values import Settlement
from inference import counting
from inference.words import Delta, Failure, Usage
from routing import papers
from routing.idempotency import recording
from routing.idempotency.values import Kept
from routing.keyrings import Turn


class Attempt:
    """What came in with the message, and how much has been produced."""

    __slots__ = (
        "attempt_id", "backend_id", "began", "body", "deadline", "domain", "ended", "form",
        "gone", "has_content", "kept", "model", "papers", "price", "priority", "produced",
        "prompt_tokens", "recording", "stream", "turn", "uuid", "version", "web",
    )  # fmt: skip

    def __init__(self, message: dict[str, Any]) -> None:
        self.attempt_id: str = message["attempt"]
        self.uuid = UUID(self.attempt_id)
        self.web: str = message["web"]
        self.backend_id: int = message["backend"]
        self.version: str = message["version"]
        self.body: dict[str, Any] = message["body"]
        self.stream: bool = message["stream"]
        self.deadline: float = message["deadline"]
        self.prompt_tokens: int = message["prompt_tokens"]
        self.domain: str = message.get("domain", "")
        self.priority: int = message.get("priority", 0)
        self.form: str = message.get("form", "chat")
        self.papers: papers.Packed = message.get("papers") or {}
        self.price = papers.unpack_price(message["price"])
        self.recording = recording.of(message)
        """Where somebody may ask again: then the call goes on without its client."""
        self.kept: Kept | None = None
        self.gone = Failure.CANCELLED.value
        """The word for its end if it is cancelled."""
        self.model = ""
        self.produced = 0
        self.turn: Turn | None = None
        """Through its backend's keys, once it has begun."""
        self.has_content = False
        self.began = 0.0
        self.ended = 0.0

    def count(self, delta: Delta) -> int:
        """How much a chunk holds; shown to anybody or not, it was produced."""
        tokens = counting.count(text_of(delta.chunk)) if delta.has_content else 0
        self.produced += tokens
        return tokens

    @property
    def keys(self) -> list[dict[str, str]]:
        return self.turn.told() if self.turn else []

    def stop(self) -> None:
        """The engine is done; what follows is KORA's own time."""
        self.ended = time.perf_counter()

    @property
    def engine_ms(self) -> float:
        if not self.began:
            return 0.0
        return ((self.ended or time.perf_counter()) - self.began) * 1000

    @property
    def seconds_left(self) -> float:
        return self.deadline - time.time()

    def settlement(self, usage: Usage, cost: Decimal, failure: str = "") -> Settlement:
        return Settlement(
            attempt_id=self.uuid,
            cost=cost,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cached_tokens=usage.cached_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            compute_s=prices.seconds(usage.compute_s),
            estimated=usage.estimated,
            unconfirmed=failure == Failure.TIMEOUT,
            failure=failure,
            note=failure if failure == hedged.LOST else "",
        )

    def likely(self, compute_s: float) -> Usage:
        """What it used if it ends before its engine could say."""
        return Usage(
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.produced,
            estimated=True,
            compute_s=compute_s,
        )

    def cost(self, usage: Usage) -> Decimal:
        return prices.cost_of(
            self.price,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cached_tokens=usage.cached_tokens,
            compute_s=prices.seconds(usage.compute_s),
        )


def text_of(chunk: dict[str, Any]) -> str:
    """All that was generated in a chunk: words, thoughts, tool arguments."""
    texts = []
    for choice in chunk.get("choices") or ():
        delta = choice.get("delta") or {}
        texts += [value for value in delta.values() if isinstance(value, str)]
        for call in delta.get("tool_calls") or ():
            texts.append((call.get("function") or {}).get("arguments") or "")
    return "".join(texts)
