"""Whatever comes and goes, each lane holds the tokens that it is said to hold."""

from __future__ import annotations

from array import array
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from inference.local.lanes import Lanes
from inference.local.prefix import Lane

COUNT = 5
PROMPTS = st.builds(
    lambda trunk, own: [trunk] * 40 + own,
    st.integers(1, 2),
    st.lists(st.integers(1, 3), min_size=1, max_size=40),
)


class Ledger:
    """Stands in for the context: what each lane holds, token for token, and whose it is."""

    def __init__(self) -> None:
        self.held: list[list[tuple[str, int]]] = [[] for _ in range(COUNT)]
        self.refusing = False

    def cut(self, lane: int, length: int) -> bool:
        """While it refuses, it forgets only all of a sequence."""
        refused = self.refusing and 0 < length < len(self.held[lane])
        del self.held[lane][0 if refused else length :]
        return not refused

    def save(self, lane: int) -> list[tuple[str, int]]:
        return list(self.held[lane])

    def restore(self, lane: int, saved: list[tuple[str, int]]) -> bool:
        assert not self.held[lane], "restored over something"
        if self.refusing:
            return False
        self.held[lane] = list(saved)
        return True

    def copy(self, source: int, target: int, length: int) -> bool:
        self.cut(target, 0)
        return self.restore(target, self.save(source)) and self.cut(target, length)


class Traffic(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        context: Any = self.ledger
        self.lanes = Lanes(context, COUNT)
        self.busy: list[Lane] = []

    @precondition(lambda self: len(self.busy) < COUNT - 1)
    @rule(prompt=PROMPTS, domain=st.sampled_from("ab"), refusing=st.booleans())
    def comes(self, prompt: list[int], domain: str, refusing: bool) -> None:
        self.ledger.refusing = refusing
        lane = self.lanes.take(array("i", prompt), domain)
        self.ledger.refusing = False
        assert lane.read < len(prompt)
        assert lane not in self.busy
        self.busy.append(lane)

    @precondition(lambda self: self.busy)
    @rule(which=st.integers(0, 99), count=st.integers(1, 60))
    def reads(self, which: int, count: int) -> None:
        lane = self.busy[which % len(self.busy)]
        new = lane.tokens[lane.read : lane.read + count]
        self.ledger.held[lane.number] += [(lane.domain, token) for token in new]
        lane.read += len(new)

    @precondition(lambda self: self.busy)
    @rule(which=st.integers(0, 99), fails=st.booleans())
    def goes(self, which: int, fails: bool) -> None:
        lane = self.busy.pop(which % len(self.busy))
        if fails:
            self.ledger.held[lane.number] += [("nobody", 9)]
            self.lanes.clear(lane)
        else:
            self.lanes.keep(lane)

    @rule(refusing=st.booleans())
    def gathers(self, refusing: bool) -> None:
        self.ledger.refusing = refusing
        self.lanes.close_gaps(self.busy)
        self.ledger.refusing = False
        numbers = sorted(lane.number for lane in self.busy)
        assert not numbers or numbers[-1] - numbers[0] + 1 == len(numbers)

    @invariant()
    def each_lane_holds_its_own(self) -> None:
        for lane in self.lanes.all:
            held = [(lane.domain, token) for token in lane.tokens[: lane.read]]
            assert self.ledger.held[lane.number] == held


Traffic.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestTraffic = Traffic.TestCase
