"""Counts as the scripts do, in this process alone: what holds while Redis is away (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from routing.fairness import visit
from routing.fairness.promised import Asked, Promised
from routing.fairness.visit import Visit
from routing.fairness.window import SLICE_MS, Window


@dataclass(frozen=True, slots=True)
class Row:
    """One scope of a request."""

    requests: Asked | None
    tokens: Asked | None
    slots: str
    most: int


class Alone:
    """One for each process; whoever uses it holds a lock."""

    def __init__(self) -> None:
        self._windows: dict[str, tuple[Window, Promised]] = {}
        self._slots: dict[str, set[str]] = {}
        self._noted: dict[str, dict[str, int]] = {}
        """When whoever was refused may come, by what it is known by."""

    def admit(
        self,
        names: Sequence[Sequence[str]],
        asked: Sequence[int],
        lease: str,
        now_ms: int,
        *,
        known_by: str = "",
    ) -> list[int]:
        """The same answer as `admit.lua` gives."""
        rows = [self._row(row, asked[at * 4 : at * 4 + 4], now_ms) for at, row in enumerate(names)]
        every = [each for row in rows for each in (row.requests, row.tokens) if each]
        noted = self._noted.setdefault(names[0][0], {})
        here = visit.begin(every, noted, known_by, now_ms)
        refused, short = _refused(rows, here), self._short(rows, here)
        is_told = refused[0] or short[1] == 1
        told = here.told_ms(max(refused[1], short[2])) if is_told else 0
        here.goes(told, has_slot=not short[0])
        said = [refused[0], told if refused[0] else 0, *short[:2], told if short[1] == 1 else 0]
        for row in rows:
            goes = not refused[0]
            said += _count(row.requests, goes, now_ms)
            said += _count(row.tokens, goes and not short[0], now_ms)
            if row.most >= 0 and goes and not short[0]:
                self._slots.setdefault(row.slots, set()).add(lease)
        return said

    def settle(
        self,
        names: Sequence[Sequence[str]],
        changes: Sequence[int],
        lease: str,
        now_ms: int,
        *,
        released: tuple[str, Sequence[int]] = ("", ()),
    ) -> None:
        """What is released: what a promise is known by, and of each scope its tokens."""
        known_by, tokens_of = released
        due = self._noted.get(names[0][0], {}).pop(known_by, None)
        for at, (requests, tokens, slots) in enumerate(names):
            slice_r, change_r, slice_t, change_t = changes[at * 4 : at * 4 + 4]
            self._change(requests, slice_r, change_r, now_ms)
            self._change(tokens, slice_t, change_t, now_ms)
            self._slots.get(slots, set()).discard(lease)
            if due is not None:
                self._both(requests)[1].unbook(due // SLICE_MS, 1)
                self._both(tokens)[1].unbook(due // SLICE_MS, tokens_of[at])

    def _both(self, name: str) -> tuple[Window, Promised]:
        return self._windows.setdefault(name, (Window(), Promised()))

    def _row(self, names: Sequence[str], asked: Sequence[int], now: int) -> Row:
        requests, tokens, slots, reserve = asked
        return Row(
            self._asked(names[0], requests, 1, now),
            self._asked(names[1], tokens, reserve, now),
            names[2],
            slots,
        )

    def _asked(self, name: str, limit: int, amount: int, now: int) -> Asked | None:
        if limit < 0:
            return None
        window, ahead = self._both(name)
        slice_ = window.look(now)
        ahead.look(slice_)
        return Asked(window, ahead, limit, amount)

    def _short(self, rows: Sequence[Row], here: Visit) -> list[int]:
        worst = [0, 0, 0]
        for at, row in enumerate(rows, 1):
            wait = row.tokens.over_ms(here.now, holds=here.holds) if row.tokens else 0
            if wait > worst[2]:
                worst = [at, 1, wait]
        for at, row in enumerate(rows, 1):
            if not worst[0] and 0 <= row.most <= len(self._slots.get(row.slots, ())):
                worst = [at, 2, 0]
        return worst

    def _change(self, name: str, slice_: int, amount: int, now: int) -> None:
        if amount:
            window, _ = self._both(name)
            current = window.look(now)
            is_there = any(each[0] == slice_ for each in window.taken)
            if is_there or amount > 0:
                window.add(slice_ if is_there else current, amount)


def _refused(rows: Sequence[Row], here: Visit) -> list[int]:
    worst = [0, 0]
    for at, row in enumerate(rows, 1):
        wait = row.requests.over_ms(here.now, holds=here.holds) if row.requests else 0
        if wait > worst[1]:
            worst = [at, wait]
    return worst


def _count(asked: Asked | None, goes: bool, now: int) -> list[int]:
    if asked is None:
        return [0, 0, 0]
    window, ahead, slice_ = asked.window, asked.promised, now // SLICE_MS
    window.add(slice_, asked.amount * goes)
    ahead.learn(asked.limit)
    left = asked.limit - window.total - ahead.expected(asked.limit, ahead.others)
    return [max(0, left), window.resets_ms(now), slice_]
