"""Decides a request of the past again under another policy, by the code that decides live ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from routing import ruled
from routing.errors import NothingStored
from routing.policy import costs, deciding, moments, promptness, scoring, thrift, wanting, weights
from routing.policy.terms import Aim
from routing.policy.thrift import Thrift
from routing.policy.values import NOWHERE, VIRTUAL, Candidate, Decision, Seat, Wants
from routing.policy.wanting import NO_ALIAS, Circumstances
from routing.publishing.in_force import InForce
from routing.questions import Constraints, Prompt
from routing.rules import judging
from routing.rules.judging import Undecided
from routing.rules.values import Effects, Ruling
from routing.signals.values import NAMES, Signals
from routing.simulating import remembered, worlds
from routing.simulating.records import Record
from routing.simulating.worlds import World

LEAST = 1e-9
"""Chances below this are rounding."""
DECIDED, REFUSED, ANSWERED = "decided", "refused", "answered"
INFEASIBLE, SAME, UNDECIDED = "infeasible", "same", "undecided"


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """What one backend would have brought."""

    quality: float
    deviation: float
    usd: float
    late: float
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayed:
    """What would have come of a request: a backend for it, or an end without one."""

    kind: str
    why: str = ""
    """Which rule, which constraint, or what the receipt does not say."""
    chances: Mapping[str, float] = field(default_factory=dict)
    """By backend; they sum to one."""
    first: str = ""
    """The backend that is most likely to be asked."""
    expected: Mapping[str, Expectation] = field(default_factory=dict)
    late_after_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Under:
    """The policy in question for one team; by rule, the condition as it was written."""

    standing: InForce
    everyone: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)


def replay(record: Record, under: Under, world: World) -> Replayed:
    unclear = _unclear(record, world)
    if unclear:
        return Replayed(kind=UNDECIDED, why=unclear)
    if not _can_change(record):
        return Replayed(kind=SAME)
    try:
        ruling = _judged(record, under, world)
        return _ended(ruling) or _went_on(record, ruling, under.standing, world)
    except Undecided as error:
        return Replayed(kind=UNDECIDED, why=f"rule:{error.rule}")
    except NothingStored:
        return Replayed(kind=REFUSED, why="nothing-stored")


def _unclear(record: Record, world: World) -> str:
    if not record.is_readable:
        return "older-receipt"
    gone = world.gone(record)
    if gone:
        return f"backend-gone:{gone}"
    return "budget" if record.reason == "fallback:budget" else ""


def _can_change(record: Record) -> bool:
    """A policy decides nothing of a request that ended before or for other reasons."""
    chosen = record.was_decided or record.was_stored or record.was_ruled or record.was_infeasible
    return chosen and not (record.receipt.get("experiment") or record.receipt.get("cascade"))


def _judged(record: Record, under: Under, world: World) -> Ruling:
    standing = under.standing
    facts = remembered.facts(record, standing.settings.get("time_zone", remembered.UTC))
    try:
        ruling = judging.judge(standing.everyone, facts)
        return judging.judge(standing.own, facts, before=ruling)
    except Undecided:
        everyone = _answers(record, under.everyone, world, None)
        own = _answers(record, under.own, world, record.team_id)
        ruling = judging.judge(remembered.known(standing.everyone, everyone), facts)
        return judging.judge(remembered.known(standing.own, own), facts, before=ruling)


def _answers(
    record: Record, now: Mapping[str, Any], world: World, scope: int | None
) -> Mapping[str, bool]:
    """Of the rules that stand as they stood then, whether they held then."""
    then = tuple(world.content(scope, record.policy).get("rules", ()))
    stood = remembered.held_then(record, then)
    return {name: held for name, (when, held) in stood.items() if name in now and now[name] == when}


def _ended(ruling: Ruling) -> Replayed | None:
    if ruling.deny is not None:
        return Replayed(kind=REFUSED, why=ruling.reason)
    return Replayed(kind=ANSWERED, why=ruling.reason) if ruling.reply is not None else None


def _went_on(record: Record, ruling: Ruling, standing: InForce, world: World) -> Replayed:
    given = moments.constraints(record.asked.get("constraints") or {})
    limits = ruled.narrowed(given, ruling.effects)
    if record.was_stored and limits.reads_stored:
        same = _demands(limits, ruling.effects) == _demands_then(record, given)
        return Replayed(kind=SAME) if same else Replayed(kind=UNDECIDED, why="stored-answer")
    if limits.cache == "only":
        return Replayed(kind=REFUSED, why="nothing-stored")
    return _decided(record, limits, ruling.effects, (standing, world))


def _demands(limits: Constraints, effects: Effects) -> tuple[Any, ...]:
    return (limits.locality, limits.min_quality, ruled.demands(effects))


def _demands_then(record: Record, given: Constraints) -> tuple[Any, ...]:
    """An answer that was stored under other demands is not found under these."""
    said = record.receipt.get("rules") or {}
    only = said.get("only")
    effects = Effects(
        use=said.get("use", ""),
        only=None if only is None else frozenset(only),
        avoid=frozenset(said.get("avoid", ())),
        constraints=said.get("constraints", {}),
    )
    kept = {k: v for k, v in effects.constraints.items() if k in ("locality", "min_quality")}
    return _demands(ruled.narrowed(given, replace(effects, constraints=kept)), effects)


def _decided(
    record: Record, limits: Constraints, effects: Effects, known: tuple[InForce, World]
) -> Replayed:
    standing, world = known
    terms = standing.terms
    named = effects.use or record.model
    aim, alias = terms.aim(named, effects.settings), terms.aliases.get(named, NO_ALIAS)
    limits = wanting.narrowed(limits, alias)
    prompt = _prompt(record, limits)
    around = Circumstances(
        model=terms.plain(named),
        allowed=frozenset(record.asked.get("allowed") or ()),
        alias=alias,
        effects=effects,
        left_s=_left_s(record, limits),
        seat=_seat(record) if aim.sticky.enabled else NOWHERE,
        protected=wanting.protected(prompt, aside=False, in_loop=_in_loop(record)),
    )
    asked = wanting.wants(prompt, _signals(record), around)
    outlook = moments.outlook(
        record.candidates, record.moment, int(record.receipt.get("learned") or 0)
    )
    backends = world.backends(record, _named(record, asked, effects))
    aimed = _aimed(record, thrift.bent(aim, terms, _thrift(record)))
    decision = deciding.decide(asked, backends, outlook, aim=aimed)
    if not isinstance(decision, Decision):
        return Replayed(kind=INFEASIBLE, why=decision.binding)
    if record.reason.startswith("pattern:") and record.model in VIRTUAL:
        decision = deciding.preferring(decision, record.tried, record.reason)
    return _told(decision, scoring.prospect(asked, outlook, aim), record.tried)


def _thrift(record: Record) -> Thrift:
    """Its budgets were as full as they were, whatever policy decides."""
    pressed, paced = record.receipt.get("pressure") or {}, record.receipt.get("pacing") or {}
    action = "" if pressed.get("shadow") else str(pressed.get("action") or "")
    return Thrift(action=action, weight=float(paced.get("lambda") or 1.0))


def _aimed(record: Record, aim: Aim) -> Aim:
    """Where the day's money for trying out was gone, it was gone; so with an SLA that burned."""
    pressed = (record.receipt.get("sla") or {}).get("weights") or {}
    aim = replace(aim, weights=weights.over(aim.weights, pressed)) if pressed else aim
    gone = record.asked.get("stakes_gone") and aim.explore.mode == "apply"
    return replace(aim, explore=replace(aim.explore, mode="observe")) if gone else aim


def _named(record: Record, asked: Wants, effects: Effects) -> frozenset[str]:
    """Beside those that were weighed: what a rule names, or all where a choice is to be made that
    nobody had then."""
    if asked.model in VIRTUAL and not _chose_among_all(record):
        return worlds.ALL
    return frozenset({asked.model}) | (effects.only or frozenset()) | (asked.only or frozenset())


def _chose_among_all(record: Record) -> bool:
    said = (record.receipt.get("rules") or {}).get("use") or record.model
    return bool(record.candidates) and said not in record.candidates


def _told(decision: Decision, of: scoring.Prospect, tried: str) -> Replayed:
    chances = {name: chance for name, chance in _chances(decision).items() if chance > LEAST}
    return Replayed(
        kind=DECIDED,
        why=decision.reason,
        chances=chances,
        first=decision.order[0].backend.name,
        expected={
            c.backend.name: _expectation(c, of)
            for c in decision.candidates
            if c.backend.name in chances or c.backend.name == tried
        },
        late_after_s=of.late_after_s,
    )


def _chances(decision: Decision) -> Mapping[str, float]:
    return decision.propensities or {decision.order[0].backend.name: 1.0}


def _expectation(candidate: Candidate, of: scoring.Prospect) -> Expectation:
    backend, asked = candidate.backend, of.asked
    read = costs.read_tokens(asked, backend)
    most = costs.longest_output(asked, backend, read)
    seconds = promptness.expected_s(backend, read, of.output_of(backend), most_output=max(most, 1))
    return Expectation(
        quality=candidate.estimate.quality,
        deviation=candidate.estimate.deviation,
        usd=candidate.cost,
        late=candidate.p_miss,
        seconds=seconds,
    )


def _prompt(record: Record, limits: Constraints) -> Prompt:
    said = record.asked
    return Prompt(
        body={},
        model=record.model,
        stream=record.streamed,
        max_tokens=said.get("max_tokens"),
        choices=said.get("choices", 1),
        constraints=limits,
        form=said.get("form", "chat"),
        inputs=said.get("inputs", 0),
    )


def _signals(record: Record) -> Signals:
    return Signals(**{name: value for name, value in record.signals.items() if name in NAMES})


def _seat(record: Record) -> Seat:
    said = record.receipt.get("session") or {}
    return Seat(
        backend=said.get("backend", ""),
        tokens=said.get("tokens", 0),
        in_loop=bool(said.get("in_loop")),
    )


def _in_loop(record: Record) -> bool:
    return bool(record.signals.get("tool_loop"))


def _left_s(record: Record, limits: Constraints) -> float | None:
    """A stricter limit counts from the arrival too."""
    left_s: float | None = record.asked.get("left_s")
    asked_ms = limits.max_latency_ms
    if left_s is None or asked_ms is None:
        return left_s
    return min(left_s, asked_ms / 1000)
