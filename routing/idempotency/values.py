"""What is known of a request that carries an `Idempotency-Key`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

KEPT_S = 86_400.0
"""How long an answer is given again."""
LEASES = 2
"""A row outlives whoever works on it by so many leases of a call: when it may be taken over, no
worker can claim the first one's call any more, and one that had would have renewed the row."""
LARGEST = 8 * 2**20
"""Bytes of an answer that are kept."""
TOO_LARGE = "too-large"


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """Whose key it is, and a digest of what was asked under it."""

    key_id: int
    name: str
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Mine:
    """This request is the first of its name, and has to answer for those that come after."""

    row_id: int
    exchange_id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """The first of this name is on its way, somewhere."""

    row_id: int
    exchange_id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What the first one was told, to the byte."""

    answer: bytes
    streamed: bool
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    """The name stands for something that cannot be answered again: why not."""

    why: str
    exchange_id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """An answer on its way into its row; none where it is too large."""

    mine: Mine
    answer: bytes
    streamed: bool
    headers: Mapping[str, str]

    @property
    def fits(self) -> bool:
        return len(self.answer) <= LARGEST
