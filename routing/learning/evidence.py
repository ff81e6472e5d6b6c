"""What outcomes add up to, the older counting less; a changed backend lets go of the old (pure).

The newest outcomes are remembered one by one, so that a word which comes late can be put in its
place; of those before them only sums are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import numpy as np
import numpy.typing as npt

from routing.learning import lengths, quality
from routing.learning.lengths import Heard
from routing.learning.projecting import NO_PROJECTION, Projection
from routing.learning.quality import Case, Floats, Learned, Numbers

HALF_LIFE = 8_000
"""Outcomes of all backends after which one counts half."""
REMEMBERED = 8_000
SLACK, ALARM = 0.5, 12.0
"""Of the sum that looks for changes, in deviations of the noise: what is forgiven, what is not."""
LEFT = 0.05
"""What evidence from before a change still counts."""
RESTLESS = 3_000
"""Outcomes of all backends for which one that has changed may be expected to change again,"""
RESTLESS_HALF_LIFE = 200
"""after so many of which what was seen of it counts half: so that it is tried again."""
SMALLEST_NOISE = 0.15
KNOWN_ENOUGH = 30.0
"""Outcomes before which a surprise is no sign of a change: it was only guessed."""
Sums = tuple[Floats, Floats, Floats]
"""By backend: of the rows with themselves, with the rewards, and of the rewards with themselves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One outcome as it is learned from."""

    id: UUID
    case: Case
    backend: str
    reward: float
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """Sums of surprise at one backend, pleasant and not, and over how many outcomes each."""

    better: float = 0.0
    worse: float = 0.0
    better_over: int = 0
    worse_over: int = 0
    changes: int = 0
    restless: int = 0

    def hear(self, surprise: float) -> tuple[Watch, int]:
        """And how many of the newest outcomes came after a change; 0 where there was none."""
        better, better_over = _added(self.better, self.better_over, surprise)
        worse, worse_over = _added(self.worse, self.worse_over, -surprise)
        since = max(better_over if better > ALARM else 0, worse_over if worse > ALARM else 0)
        if since:
            return Watch(changes=self.changes + 1, restless=RESTLESS), since
        heard = replace(self, better=better, better_over=better_over)
        return replace(heard, worse=worse, worse_over=worse_over), 0

    def aged(self, by: int) -> Watch:
        return replace(self, restless=max(0, self.restless - by)) if self.restless else self

    @property
    def half_life(self) -> int:
        return RESTLESS_HALF_LIFE if self.restless else HALF_LIFE


def _added(total: float, over: int, surprise: float) -> tuple[float, int]:
    total = max(0.0, total + surprise - SLACK)
    return total, over + 1 if total else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Ring:
    """The remembered outcomes, the newest last; one row of each for an outcome."""

    ids: npt.NDArray[np.void]
    rows: Floats
    who: Numbers
    rewards: Floats
    weights: Floats
    teams: Numbers
    intents: npt.NDArray[np.str_]

    def part(self, which: slice) -> Ring:
        return Ring(**{name: getattr(self, name)[which] for name in self.__slots__})

    def then(self, other: Ring) -> Ring:
        both = {n: np.concatenate((getattr(self, n), getattr(other, n))) for n in self.__slots__}
        return Ring(**both)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """The worker's own; web processes only get what is fitted to it."""

    projection: Projection = NO_PROJECTION
    backends: tuple[str, ...] = ()
    ring: Ring
    grams: Floats
    """Of each backend's outcomes that are not remembered any more, what they sum up to."""
    pulls: Floats
    squares: Floats
    watches: tuple[Watch, ...] = ()
    heard: Heard = field(default_factory=lengths.nothing_heard)
    outcomes: int = 0

    @property
    def width(self) -> int:
        return int(self.ring.rows.shape[1])


def empty(features: int, projection: Projection = NO_PROJECTION) -> Evidence:
    width = features + projection.width
    return Evidence(
        projection=projection,
        ring=_ring((), (), width),
        grams=np.zeros((0, width, width)),
        pulls=np.zeros((0, width)),
        squares=np.zeros(0),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One whole answer's length, and of what."""

    case: Case
    backend: str
    tokens: int


def hear(known: Evidence, answers: Sequence[Answer]) -> Evidence:
    if not answers:
        return known
    known = _with_backends(known, [each.backend for each in answers])
    places = {name: place for place, name in enumerate(known.backends)}
    fresh = Heard(
        rows=np.array([each.case.features for each in answers]),
        who=np.array([places[each.backend] for each in answers], dtype=np.intp),
        intents=np.array([each.case.intent for each in answers], dtype="U64"),
        tokens=np.array([each.tokens for each in answers], dtype=np.float64),
    )
    return replace(known, heard=known.heard.then(fresh))


def gathered(
    outcomes: Sequence[Seen], backends: Sequence[str], features: int, projection: Projection
) -> Evidence:
    """From the beginning, all of it remembered and none of it watched."""
    begun = _with_backends(empty(features, projection), backends)
    return replace(begun, ring=_ring(outcomes, begun.backends, begun.width), outcomes=len(outcomes))


def take(known: Evidence, outcomes: Sequence[Seen], learned: Learned) -> Evidence:
    """The outcomes in the order in which they came; one that is remembered is only corrected."""
    places = {mark: place for place, mark in enumerate(known.ring.ids.tolist())}
    late = [each for each in outcomes if each.id.bytes in places]
    new = [each for each in outcomes if each.id.bytes not in places]
    known = _corrected(known, late, places)
    if not new:
        return known
    known = _with_backends(known, [each.backend for each in new])
    fresh = _ring(new, known.backends, known.width)
    aged = _aged(known, len(new))
    moved = shortened(replace(aged, ring=aged.ring.then(fresh)), REMEMBERED)
    return _watched(moved, new, learned)


def _ring(outcomes: Sequence[Seen], backends: Sequence[str], width: int) -> Ring:
    rows = np.array([each.case.row for each in outcomes]).reshape(len(outcomes), width)
    places = {name: place for place, name in enumerate(backends)}
    return Ring(
        ids=np.array([each.id.bytes for each in outcomes], dtype="V16"),
        rows=rows,
        who=np.array([places[each.backend] for each in outcomes], dtype=np.intp),
        rewards=np.array([each.reward for each in outcomes], dtype=np.float64),
        weights=np.array([each.weight for each in outcomes], dtype=np.float64),
        teams=np.array([each.case.team_id for each in outcomes], dtype=np.intp),
        intents=np.array([each.case.intent for each in outcomes], dtype="U64"),
    )


def _corrected(known: Evidence, late: Sequence[Seen], places: dict[bytes, int]) -> Evidence:
    if not late:
        return known
    rewards = known.ring.rewards.copy()
    for each in late:
        rewards[places[each.id.bytes]] = each.reward
    return replace(known, ring=replace(known.ring, rewards=rewards))


def _with_backends(known: Evidence, named: Sequence[str]) -> Evidence:
    new = [name for name in dict.fromkeys(named) if name not in known.backends]
    if not new:
        return known
    width, more = known.width, len(new)
    return replace(
        known,
        backends=(*known.backends, *new),
        grams=np.concatenate((known.grams, np.zeros((more, width, width)))),
        pulls=np.concatenate((known.pulls, np.zeros((more, width)))),
        squares=np.concatenate((known.squares, np.zeros(more))),
        watches=(*known.watches, *(Watch() for _ in new)),
    )


def _aged(known: Evidence, by: int) -> Evidence:
    left = np.array([0.5 ** (by / watch.half_life) for watch in known.watches])
    ring = replace(known.ring, weights=known.ring.weights * left[known.ring.who])
    return replace(
        known,
        ring=ring,
        grams=known.grams * left[:, None, None],
        pulls=known.pulls * left[:, None],
        squares=known.squares * left,
        watches=tuple(watch.aged(by) for watch in known.watches),
        outcomes=known.outcomes + by,
    )


def shortened(known: Evidence, most: int) -> Evidence:
    """The oldest outcomes become sums."""
    over = len(known.ring.who) - most
    if over <= 0:
        return known
    old = known.ring.part(slice(None, over))
    grams, pulls, squares = sums(old, len(known.backends))
    return replace(
        known,
        ring=known.ring.part(slice(over, None)),
        grams=known.grams + grams,
        pulls=known.pulls + pulls,
        squares=known.squares + squares,
    )


def sums(ring: Ring, backends: int) -> Sums:
    width = ring.rows.shape[1]
    grams, pulls = np.zeros((backends, width, width)), np.zeros((backends, width))
    squares = np.zeros(backends)
    for who in np.unique(ring.who):
        mine = ring.who == who
        rows, weights, rewards = ring.rows[mine], ring.weights[mine], ring.rewards[mine]
        weighed = rows * weights[:, None]
        grams[who], pulls[who] = weighed.T @ rows, weighed.T @ rewards
        squares[who] = float(weights @ rewards**2)
    return grams, pulls, squares


def _watched(known: Evidence, new: Sequence[Seen], learned: Learned) -> Evidence:
    """Where a backend has changed, what was seen of it before hardly counts any more."""
    watches = list(known.watches)
    places = {name: place for place, name in enumerate(learned.backends)}
    changed: dict[str, int] = {}
    for each in new:
        place = places.get(each.backend)
        if each.backend in changed:
            changed[each.backend] += 1
        if place is None or learned.counts[place] < KNOWN_ENOUGH:
            continue
        expected = float(quality.expect(learned, each.case).quality[place])
        surprise = (each.reward - expected) / max(learned.noise, SMALLEST_NOISE)
        at = known.backends.index(each.backend)
        watches[at], since = watches[at].hear(surprise)
        if since:
            changed[each.backend] = since
    known = replace(known, watches=tuple(watches))
    for backend, since in changed.items():
        known = _let_go(known, known.backends.index(backend), since)
    return known


def _let_go(known: Evidence, who: int, since: int) -> Evidence:
    mine = np.flatnonzero(known.ring.who == who)
    weights, left = known.ring.weights.copy(), np.ones(len(known.backends))
    weights[mine[: max(0, len(mine) - since)]] *= LEFT
    left[who] = LEFT
    return replace(
        known,
        ring=replace(known.ring, weights=weights),
        grams=known.grams * left[:, None, None],
        pulls=known.pulls * left[:, None],
        squares=known.squares * left,
    )
