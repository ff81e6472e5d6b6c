"""A month of bursty traffic under one budget, in virtual time, decided by KORA's own choosing."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from analytics.pacing import profile, steering
from analytics.pacing.steering import Course, Plan
from analytics.values import PriceTag
from routing.learning.values import Estimate, Forecast, Outlook
from routing.loads import Load
from routing.policy import deciding
from routing.policy.terms import Aim
from routing.policy.values import Backend, Candidate, Decision, Wants
from routing.questions import Constraints

BEGINS, ENDS = datetime(2027, 6, 1, tzinfo=UTC), datetime(2027, 7, 1, tzinfo=UTC)
DAYS, HOUR = 30, timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One that comes: what it asks, and what nobody knows before it is answered."""

    at: datetime
    wants: Wants
    outlook: Outlook
    written: int
    """Tokens that its answer turns out to have."""
    quality: Mapping[str, float]
    """That each backend's answer turns out to have."""


@dataclass(kw_only=True, slots=True)
class Month:
    """What became of it."""

    spent: float = 0.0
    answered: int = 0
    refused: int = 0
    quality: float = 0.0
    """The sum over answered requests."""
    weights: list[float] = field(default_factory=list)
    first_refused: datetime | None = None

    @property
    def requests(self) -> int:
        return self.answered + self.refused

    @property
    def share_refused(self) -> float:
        return self.refused / self.requests

    @property
    def of_answered(self) -> float:
        return self.quality / max(self.answered, 1)

    @property
    def of_all(self) -> float:
        """A refusal is an answer of no quality."""
        return self.quality / self.requests


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A backend of the roster: what it costs, and its quality for what is easy and what is hard."""

    name: str
    kind: str
    usd: tuple[str, str]
    """For a million tokens in and out."""
    easy: float
    hard: float
    able: frozenset[str] = frozenset({"tools"})


ROSTER = (
    Model(name="local", kind="local", usd=("0", "0"), easy=0.82, hard=0.25, able=frozenset()),
    Model(name="cheap", kind="cloud", usd=("0.15", "0.6"), easy=0.90, hard=0.50),
    Model(name="mid", kind="cloud", usd=("1", "5"), easy=0.94, hard=0.72),
    Model(name="dear", kind="cloud", usd=("5", "25"), easy=0.96, hard=0.90),
)
COMPUTE_USD = "0.000004"
"""A second of our own processors, which is spend like any other."""
BACKENDS = tuple(
    Backend(
        backend_id=number,
        name=model.name,
        kind=model.kind,
        model=model.name,
        version="1",
        price=PriceTag(
            price_id=None,
            price_in=Decimal(model.usd[0]),
            price_out=Decimal(model.usd[1]),
            price_cached_in=Decimal(model.usd[0]),
            price_compute_s=Decimal(COMPUTE_USD if model.kind == "local" else 0),
        ),
        context=200_000,
        max_output=4096,
        capabilities=model.able,
        max_parallel=1000,
        weight=1.0,
        quality=0.5,
        load=Load(prefill_tps=800.0, decode_tps=60.0) if model.kind == "local" else Load(),
    )
    for number, model in enumerate(ROSTER)
)
Shape = Callable[[int], float]
"""How strong demand is at an hour of the month."""


def working_week(hour: int) -> float:
    """Busy days, quiet nights, quieter weekends."""
    at = BEGINS + hour * HOUR
    day = 0.12 + math.exp(-(((at.hour - 14) / 4.5) ** 2))
    return day * (0.35 if at.weekday() >= 5 else 1.0)


def weekend_lull(hour: int) -> float:
    at = BEGINS + hour * HOUR
    return working_week(hour) * (0.05 if at.weekday() >= 5 else 1.0)


def launch(hour: int) -> float:
    """Three times as much from the third week on, for a week."""
    return working_week(hour) * (3.0 if 14 <= hour / 24 < 21 else 1.0)


def flood(hour: int) -> float:
    """Ten times as much on the first day."""
    return working_week(hour) * (10.0 if hour < 24 else 1.0)


SHAPES: Mapping[str, Shape] = {
    "working week": working_week,
    "weekend lull": weekend_lull,
    "launch in week three": launch,
    "first-day flood": flood,
}


def demand(shape: Shape, *, requests: int, seed: int) -> list[Request]:
    """Lognormal bursts over the hours, lognormal sizes in them."""
    chance = random.Random(seed)
    hours = [shape(hour) * _burst(chance) for hour in range(DAYS * 24)]
    scale = requests / math.fsum(hours)
    made: list[Request] = []
    for hour, strength in enumerate(hours):
        for _ in range(_poisson(strength * scale, chance)):
            at = BEGINS + (hour + chance.random()) * HOUR
            made.append(_request(at, chance))
    return sorted(made, key=lambda each: each.at)


def _burst(chance: random.Random) -> float:
    return chance.lognormvariate(0.0, 0.7) * (6.0 if chance.random() < 0.01 else 1.0)


def _poisson(mean: float, chance: random.Random) -> int:
    if mean > 50:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    bound, count, product = math.exp(-mean), 0, chance.random()
    while product > bound:
        count, product = count + 1, product * chance.random()
    return count


def _request(at: datetime, chance: random.Random) -> Request:
    hard = chance.betavariate(1.2, 2.2)
    usual = min(3000.0, chance.lognormvariate(math.log(250), 0.8))
    quality = {each.name: each.easy + (each.hard - each.easy) * hard for each in ROSTER}
    return Request(
        at=at,
        wants=Wants(
            model="auto",
            prompt_tokens=int(min(100_000, chance.lognormvariate(math.log(700), 1.1))) + 1,
            output_tokens=None,
            choices=1,
            needs=frozenset({"tools"} if chance.random() < 0.3 else ()),
            constraints=Constraints(),
        ),
        outlook=Outlook(
            estimates={n: Estimate(quality=q, deviation=0.05) for n, q in quality.items()},
            output=Forecast(tokens=usual, high=usual * 2.8),
        ),
        written=int(min(4096, usual * chance.lognormvariate(0.0, 0.5))) + 1,
        quality={n: min(1.0, max(0.0, chance.gauss(q, 0.05))) for n, q in quality.items()},
    )


def free(requests: Sequence[Request], aim: Aim, weight: float = 1.0) -> Month:
    """Where there is no budget, and a dollar weighs the same all month."""
    month, hours = Month(), [0.0] * (DAYS * 24)
    for each in requests:
        _note(month, each, _admitted(each, _weighed(aim, weight), math.inf), hours)
    return month


def unpaced(requests: Sequence[Request], aim: Aim, limit_usd: float) -> Month:
    """As if there were no limit, until it is reached: the cliff."""
    month, hours = Month(), [0.0] * (DAYS * 24)
    for each in requests:
        _note(month, each, _admitted(each, aim, limit_usd - month.spent), hours)
    return month


def paced(requests: Sequence[Request], aim: Aim, limit_usd: float) -> Month:
    month, hours = Month(), [0.0] * (DAYS * 24)
    course = Course(limit_usd=limit_usd, starts_at=BEGINS, ends_at=ENDS)
    for each in requests:
        course = _anchored(course, month.spent, each.at, hours)
        weight = steering.pace(course, month.spent, each.at).weight
        month.weights.append(weight)
        _note(month, each, _admitted(each, _weighed(aim, weight), limit_usd - month.spent), hours)
    return month


def _weighed(aim: Aim, weight: float) -> Aim:
    return replace(aim, weights=replace(aim.weights, usd=aim.weights.usd * weight))


def _anchored(course: Course, spent: float, at: datetime, hours: Sequence[float]) -> Course:
    """As the background worker does it (`analytics.outlooks`): hours that are over, and no others,
    say what is usual."""
    begins = steering.anchored(course, spent, at)
    if begins is course.plan.anchor:
        return course
    over = ((BEGINS + n * HOUR, hours[n]) for n in range(int((at - BEGINS) / HOUR)))
    return replace(course, plan=Plan(usual=profile.learned(over), anchor=begins))


def _admitted(each: Request, aim: Aim, left_usd: float) -> Candidate | None:
    """As the book does it: where the chosen one's worst case has no room, one that is at most half
    as dear is asked for, and so on; nobody at all is a refusal."""
    decision = deciding.decide(each.wants, BACKENDS, each.outlook, aim=aim)
    assert isinstance(decision, Decision)
    first, *others = decision.order
    asked = first
    if asked.worst_case <= left_usd:
        return asked
    for other in others:
        if other.worst_case <= asked.worst_case / 2:
            if other.worst_case <= left_usd:
                return other
            asked = other
    return None


def _note(month: Month, each: Request, by: Candidate | None, hours: list[float]) -> None:
    if by is None:
        month.refused += 1
        month.first_refused = month.first_refused or each.at
        return
    usd = _usd(each, by.backend)
    hours[int((each.at - BEGINS) / HOUR)] += usd
    month.spent += usd
    month.answered += 1
    month.quality += each.quality[by.backend.name]


def _usd(each: Request, backend: Backend) -> float:
    read, rates, load = each.wants.prompt_tokens, backend.rates, backend.load
    usd = read * rates.into + each.written * rates.out
    if backend.is_ours:
        usd += (read / load.prefill_tps + each.written / load.decode_tps) * rates.compute_s
    return usd
