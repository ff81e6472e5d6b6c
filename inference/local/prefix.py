"""Where the keys and values of a prompt's beginning already are, and which lane can be given up."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

LEAST = 16
"""Shorter beginnings cost more to copy than to read again."""
DEAREST = 32
"""A copy moves the whole lane: one this many times longer than what is wanted of it is left."""


@dataclass(kw_only=True, slots=True, eq=False)
class Lane:
    """A place for one sequence in the context. `tokens[:read]` is what its keys and values hold."""

    number: int
    domain: str = ""
    tokens: array[int] = field(default_factory=lambda: array("i"))
    read: int = 0
    prompt: int = 0
    """How many of its tokens will be read for sure: more may be wanted of it than is there yet."""
    busy: bool = False
    used: int = 0
    """The higher, the later it was last used."""

    def clear(self) -> None:
        self.domain, self.tokens = "", array("i")
        self.read = self.prompt = self.used = 0
        self.busy = False


@dataclass(frozen=True, slots=True)
class Match:
    """The lane that holds most of a prompt's beginning, and how much of it."""

    lane: Lane | None
    shared: int = 0


def common(one: array[int], other: array[int], limit: int) -> int:
    """The length of the beginning that both have, up to `limit`."""
    length = min(len(one), len(other), limit)
    if length <= 0 or one[0] != other[0]:
        return 0
    differ = np.frombuffer(one, np.intc, length) != np.frombuffer(other, np.intc, length)
    first = int(differ.argmax())
    return first if differ[first] else length


def best(tokens: array[int], domain: str, lanes: Iterable[Lane]) -> Match:
    """The longest beginning there is, without the last token: its logits are wanted."""
    found = Match(None)
    for lane in _of(domain, lanes):
        shared = common(tokens, lane.tokens, min(lane.read, len(tokens) - 1))
        if shared > found.shared and shared >= LEAST and shared * DEAREST >= lane.read:
            found = Match(lane, shared)
    return found


def coming(tokens: array[int], domain: str, lanes: Iterable[Lane], *, than: int) -> Match:
    """A lane that is just reading a longer beginning (by LEAST) than what there is to take."""
    found = Match(None, than + LEAST - 1)
    for lane in _of(domain, lanes):
        if lane.busy and lane.read < lane.prompt:
            shared = common(tokens, lane.tokens, min(lane.prompt, len(tokens) - 1))
            if shared > found.shared and lane.read < shared:
                found = Match(lane, shared)
    return found


def place(match: Match, lanes: Sequence[Lane]) -> Lane:
    """The lane for a new sequence: the matching one if nothing of it is lost, else the one missed
    least, of equal ones the nearest to those that run. Some lane must be idle."""
    whole = match.lane
    if whole is not None and not whole.busy and whole.read - match.shared < LEAST:
        return whole
    running = [lane.number for lane in lanes if lane.busy]
    idle = [lane for lane in lanes if not lane.busy]
    spare = [lane for lane in idle if lane is not whole] or idle
    return min(spare, key=lambda lane: (lane.used, _distance(lane.number, running), lane.number))


def _distance(number: int, running: Sequence[int]) -> int:
    return min((abs(number - other) for other in running), default=number)


def _of(domain: str, lanes: Iterable[Lane]) -> Iterable[Lane]:
    return (lane for lane in lanes if lane.domain == domain and lane.prompt)
