"""What a simulation says: how much spend, quality, time and lateness would differ, and where."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from routing.simulating import estimators
from routing.simulating.comparing import Line, Share
from routing.simulating.estimators import Floats, Overlap, Reading

SHOWN = 50
MOVES = 30
DOUBT = 0.3
"""By how much a forecast may be off for a backend that hardly answered anything in this traffic."""
FEW = 20.0
"""Answers of a backend that what was forecast of it weighs against."""
FURTHEST = 5.0
USD_POINT = 50.0
"""Points of quality a dollar, to order the requests that would change most: as `auto` weighs."""
REFUSAL = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """What answers of each backend really cost and took beside what was forecast."""

    usd: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    seen: Mapping[str, int] = field(default_factory=dict)

    def doubt(self, backend: str) -> float:
        return DOUBT * math.sqrt(FEW / (FEW + self.seen.get(backend, 0)))


def scale(lines: Iterable[Line]) -> Scale:
    """Forecasts are put right by what was seen in the same traffic."""
    sums: dict[str, list[float]] = {}
    for each in lines:
        if each.done is not None:
            known = sums.setdefault(each.done.backend, [0.0] * 5)
            for place, value in enumerate(
                (1.0, each.usd, each.done.usd, each.seconds, each.done.seconds)
            ):
                known[place] += value
    return Scale(
        usd={name: _ratio(s[0], s[1], s[2]) for name, s in sums.items()},
        seconds={name: _ratio(s[0], s[3], s[4]) for name, s in sums.items()},
        seen={name: int(s[0]) for name, s in sums.items()},
    )


def _ratio(count: float, seen: float, forecast: float) -> float:
    """Shrunk towards what was forecast, while there is little to put it right by."""
    if forecast <= 0 or count <= 0:
        return 1.0
    prior = FEW * forecast / count
    return min(FURTHEST, max(1 / FURTHEST, (seen + prior) / (forecast + prior)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """By request, what each figure would change by; `overlap` says what that rests on."""

    usd: Floats
    seconds: Floats
    late: Floats
    quality: Floats
    overlap: Overlap
    usd_doubt: float
    seconds_doubt: float


def terms(lines: Sequence[Line], scales: Scale) -> Terms:
    both = [each for each in lines if each.was_asked and each.is_asked]
    return Terms(
        usd=np.array([_usd(each, scales) for each in lines]),
        seconds=np.array([_seconds(each, scales) for each in lines]),
        late=np.array([_late(each) for each in lines]),
        quality=_quality(both),
        overlap=_overlap(both),
        usd_doubt=_mean(_doubt(each, scales, "usd") for each in lines),
        seconds_doubt=_mean(_doubt(each, scales, "seconds") for each in lines),
    )


def _usd(each: Line, scales: Scale) -> float:
    def put_right(share: Share) -> float:
        return share.usd * scales.usd.get(share.backend, 1.0)

    return _term(each, each.usd, put_right)


def _seconds(each: Line, scales: Scale) -> float:
    def put_right(share: Share) -> float:
        return share.seconds * scales.seconds.get(share.backend, 1.0)

    return _term(each, each.seconds, put_right)


def _late(each: Line) -> float:
    return _term(each, each.late, lambda share: share.late)


def _term(each: Line, seen: float, of: Callable[[Share], float]) -> float:
    """Doubly robust against what was seen; a request that no backend is asked for costs nothing,
    and one that none was asked for is what is expected of it."""
    expected = sum(share.chance * of(share) for share in each.shares)
    if each.done is None:
        return expected
    if not each.is_asked:
        return 0.0 if each.before == each.after else -seen
    told = of(each.done)
    return float(expected - told + (each.weight - 1.0) * (seen - told))


def _quality(both: Sequence[Line]) -> Floats:
    """Where nobody said how good an answer was, what was expected of it stands for it."""
    known = sum(not math.isnan(each.reward) for each in both)
    share = known / len(both) if both else 1.0
    return np.array([_better(each, share) for each in both])


def _better(each: Line, known: float) -> float:
    told = each.done.quality if each.done else 0.0
    term = sum(share.chance * share.quality for share in each.shares) - told
    if not math.isnan(each.reward):
        term += (each.weight - 1.0) * (each.reward - told) / known
    return term


def _overlap(both: Sequence[Line]) -> Overlap:
    if not both:
        return Overlap(effective=0.0)
    weights = np.array([each.weight for each in both])
    unsupported = np.array([1.0 - each.supported for each in both])
    doubt = _mean(
        sum(share.chance * share.deviation for share in each.shares if share.was <= 0)
        for each in both
    )
    return Overlap(
        effective=estimators.effective_size(weights) + float(unsupported.sum()),
        unsupported=float(unsupported.mean()),
        doubt=doubt,
    )


def _doubt(each: Line, scales: Scale, figure: str) -> float:
    return sum(
        share.chance * float(getattr(share, figure)) * scales.doubt(share.backend)
        for share in each.shares
        if share.was <= 0
    )


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0


def group(lines: Sequence[Line], scales: Scale) -> dict[str, Any]:
    """The differences of some requests, each with its interval."""
    found = terms(lines, scales)
    count = float(len(lines))
    sure = Overlap(effective=count, unsupported=found.overlap.unsupported)
    spent = sum(each.usd for each in lines)
    return {
        "requests": len(lines),
        "changed_share": round(_mean(each.moved for each in lines), 6),
        "refused_more": sum(each.is_refused for each in lines)
        - sum(each.was_refused for each in lines),
        "spent_usd": round(spent, 9),
        "spend_usd": _told(
            estimators.total(found.usd, _with(sure, found.usd_doubt)).within(least=-spent)
        ),
        "quality": _told(_share(estimators.mean(found.quality, found.overlap))),
        "latency_s": _told(estimators.mean(found.seconds, _with(sure, found.seconds_doubt))),
        "misses_share": _told(_share(estimators.mean(found.late, sure))),
        "rewarded": sum(not math.isnan(each.reward) for each in lines if each.was_asked),
    }


def _with(known: Overlap, doubt: float) -> Overlap:
    return Overlap(effective=known.effective, unsupported=known.unsupported, doubt=doubt)


def _share(reading: Reading) -> Reading:
    """Of what runs from 0 to 1 no difference is larger."""
    return reading.within(least=-1.0, most=1.0)


def _told(reading: Reading) -> dict[str, Any]:
    return reading.as_json()


def report(lines: Sequence[Line], undecided: Mapping[str, int]) -> dict[str, Any]:
    scales = scale(lines)
    teams = sorted({each.team for each in lines})
    by_team = {name: [each for each in lines if each.team == name] for name in teams}
    return {
        "total": group(lines, scales),
        "teams": {name: group(some, scales) for name, some in by_team.items()},
        "undecided": {"count": sum(undecided.values()), "why": dict(undecided)},
        "moves": _moves(lines),
        "most_changed": [_shown(each, scales) for each in _most_changed(lines, scales)],
        "quality_from": _quality_from(lines),
    }


def _quality_from(lines: Sequence[Line]) -> dict[str, int]:
    """How many of the requests that were answered by a model somebody said something of."""
    asked = [each for each in lines if each.was_asked and each.is_asked]
    rewarded = sum(not math.isnan(each.reward) for each in asked)
    return {"outcomes": rewarded, "expected": len(asked) - rewarded}


def _moves(lines: Sequence[Line]) -> list[dict[str, Any]]:
    counted: Counter[tuple[str, str]] = Counter()
    for each in lines:
        if each.moved >= 0.5 and each.before != each.after:
            counted[(each.before, each.after)] += 1
    return [
        {"from": before, "to": after, "requests": count}
        for (before, after), count in counted.most_common(MOVES)
    ]


def _most_changed(lines: Sequence[Line], scales: Scale) -> list[Line]:
    """Somebody else would answer; that another one would be tried out now and then is no change of
    a request."""
    moved = [each for each in lines if each.moved > 0 and each.before != each.after]
    return heapq.nlargest(SHOWN, moved, key=lambda each: _weighty(each, scales))


def _weighty(each: Line, scales: Scale) -> float:
    points = abs(_usd(each, scales)) * USD_POINT + abs(_gain(each))
    return each.moved * (points + REFUSAL * (each.is_refused != each.was_refused))


def _gain(each: Line) -> float:
    if each.done is None or not each.shares:
        return 0.0
    return sum(s.chance * s.quality for s in each.shares) - each.done.quality


def _shown(each: Line, scales: Scale) -> dict[str, Any]:
    return {
        "id": str(each.exchange_id),
        "at": each.at.isoformat(),
        "team": each.team,
        "from": each.before,
        "to": each.after,
        "why": each.why,
        "chance": round(each.moved, 4),
        "usd": round(each.usd, 9),
        "delta_usd": round(_usd(each, scales), 9),
        "delta_quality": round(_gain(each), 4),
    }
