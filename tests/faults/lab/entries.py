"""What the provider wrote down of each request, and what it bills for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from inference import counting
from tests.faults.lab.scripts import Manner, Script

MILLION = Decimal(1_000_000)
UNBILLED_BREAKS = frozenset({"error", "broken-json", "bad-utf8", "not-a-chunk"})
"""What went wrong on the provider's side before it had written anything costs nobody anything."""


@dataclass(kw_only=True)
class Entry:
    """One request; times are those of the machine's monotonic clock, the same in all processes."""

    number: int
    model: str
    key: str
    at_s: float
    stream: bool
    text: str
    """Of the last message."""
    fields: dict[str, Any]
    """Of the body, but the messages."""
    prompt_tokens: int
    status: int = 200
    sent: int = 0
    """Words."""
    first_at_s: float | None = None
    ended_at_s: float | None = None
    whole: bool = False
    """Everything was sent, in good order."""
    left_at_s: float | None = None
    """When the client closed the connection before that."""
    billed_in: int = 0
    billed_out: int = 0
    usd: str = "0"

    def bill(self, manner: Manner, script: Script) -> None:
        self.billed_in, self.billed_out = billed(manner, prompt=self.prompt_tokens, sent=self.sent)
        cost = self.billed_in * Decimal(script.price_in) + self.billed_out * Decimal(
            script.price_out
        )
        self.usd = str(cost / MILLION)

    def packed(self) -> dict[str, Any]:
        return asdict(self)


def billed(manner: Manner, *, prompt: int, sent: int) -> tuple[int, int]:
    """Refusals are free; whatever was read and written is not, whoever hung up."""
    if manner.status != 200 or (manner.breaks in UNBILLED_BREAKS and not sent):
        return 0, 0
    if manner.usage == "zero" and sent == manner.words:
        return 0, 0
    return prompt, sent


def read(number: int, *, key: str, at_s: float, body: dict[str, Any], model: str) -> Entry:
    messages = body.get("messages") or [{"content": body.get("prompt") or ""}]
    return Entry(
        number=number,
        model=model,
        key=key,
        at_s=at_s,
        stream=bool(body.get("stream")),
        text=str(messages[-1].get("content"))[:500],
        fields={name: value for name, value in body.items() if name != "messages"},
        prompt_tokens=counting.estimate_tokens(body),
    )
