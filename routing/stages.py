"""What each stage of the way does; their order stands in `pipeline`."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import orjson
import psycopg
from django.conf import settings

from analytics import budgets, ledger
from analytics.values import Held, Hold, Refused
from caching import matching
from caching.question import fingerprints
from caching.values import Match, NoMatch
from routing import (
    catalog,
    choosing,
    connections,
    deadlines,
    embeddings,
    habits,
    limits,
    pressure,
    purses,
    semantics,
    vitals,
)
from routing.errors import (
    BudgetExceeded,
    DeadlineExceeded,
    Infeasible,
    InvalidRequest,
    ModelNotFound,
    NotAllowed,
    NothingStored,
    QueueFull,
    Resting,
    UnknownKey,
)
from routing.failover import breakers, circuits
from routing.flights import Flight
from routing.policy import deciding
from routing.policy.values import VIRTUAL, Candidate, Decision, NoWay
from routing.questions import Prompt
from routing.tries import Try
from routing.way import Incoming, Planned, Room, Way
from teams import keys
from teams.errors import InvalidKey
from teams.models import Scope
from teams.values import Caller

QUEUE_RETRY_S = 2.0
OVER_BUDGET = "fallback:budget"
JUDGE = "judge"
"""The tier in the book of calls that KORA makes for itself, to compare answers."""


def authenticate(incoming: Incoming) -> Caller:
    try:
        caller = keys.recognise(bearer(incoming))
    except InvalidKey as error:
        raise UnknownKey from error
    if not caller.may_come_from(incoming.address):
        raise NotAllowed("This key may not be used from this address.")
    if Scope.INFER not in caller.scopes:
        raise NotAllowed("This key's scopes do not include `infer`.")
    return caller


def bearer(incoming: Incoming) -> str:
    kind, _, text = incoming.headers.get("authorization", "").partition(" ")
    return text.strip() if kind.lower() == "bearer" else ""


def fingerprint(prompt: Prompt) -> str:
    """Of the request alone; whose it is, `semantics.place` adds."""
    constraints = prompt.constraints
    try:
        return fingerprints.fingerprint(
            prompt.body, locality=constraints.locality, min_quality=constraints.min_quality
        )
    except (orjson.JSONEncodeError, RecursionError) as error:
        raise InvalidRequest("The body is nested too deeply.") from error


def guard(way: Way, room: Room) -> None:
    """Known model, allowed model, a time that is not over, rate limits."""
    check_model(way)
    if deadlines.whole_s(way) <= 0:
        raise DeadlineExceeded(attempts=[])
    limits.look(way, room)


def check_model(way: Way) -> None:
    model, caller = way.prompt.model, way.caller
    if not _is_known(way, model):
        raise ModelNotFound(f"The model '{model}' does not exist or is not enabled.", param="model")
    if not _may_use(way, caller, model):
        raise NotAllowed(f"This key may not use the model '{model}'.", param="model")


def _is_known(way: Way, model: str) -> bool:
    named = model in VIRTUAL or model in way.standing.terms.aliases
    known = catalog.current()
    return named or known.backend(model) is not None or bool(known.pool(model))


def _may_use(way: Way, caller: Caller, model: str) -> bool:
    """A virtual model may be asked for if any concrete one is allowed: eligibility sees to it."""
    if model in VIRTUAL or model in way.standing.terms.aliases or caller.may_use(model):
        return True
    return any(caller.may_use(each.name) for each in catalog.current().pool(model))


def exact(way: Way) -> Match | NoMatch:
    """For nobody in particular nothing is stored where each end user has his own answers."""
    if not way.prompt.constraints.reads_stored:
        return NoMatch(reason="not-wanted")
    if not way.scopes:
        return NoMatch(reason="no-user")
    return matching.exact(connections.current(), semantics.asked(way))


def semantic(way: Way) -> Match | NoMatch:
    return semantics.look(way)


def patterns(way: Way) -> Match | NoMatch:
    return habits.look(way)


def board(way: Way, room: Room) -> Flight | None:
    """Follow an identical question in flight, or lead those that come after.

    One that has followed in vain asks alone: else those behind it would wait one after the other.
    """
    constraints = way.prompt.constraints
    choosy = constraints.max_age_s is not None or constraints.similarity is not None
    choosy = choosy or constraints.deadline is not None  # it may wait, and nobody behind it
    if way.asks_alone or choosy or constraints.cache != "default" or not way.scopes:
        return None
    key = (way.caller.team_id, way.fingerprint)
    flying = room.flights.board(key)
    if flying is None:
        way.flight = key
    return flying


def choose(way: Way) -> Decision:
    if way.prompt.constraints.cache == "only" and not way.prompt.inputs:
        asked = way.given or way.prompt.constraints  # of vectors, their backend knows
        raise NothingStored(by_rule=asked.cache != "only")
    pressure.refuse_models(way)
    way.decision = choosing.decide(way)
    if isinstance(way.decision, NoWay) and way.decision.binding == "busy":
        raise QueueFull(
            "Every backend that could answer has as many calls as it may.",
            retry_after_s=_free_in_s(way.decision),
        )
    if isinstance(way.decision, NoWay):
        raise _infeasible(way, way.decision)
    if not pressure.chooses(way):
        way.decision = habits.preferred(way, way.decision)
    return way.decision


def _free_in_s(found: NoWay) -> float:
    """Our own models say how long their queue is; of others it is known how fast calls end."""
    if found.wait_s is not None:
        return found.wait_s
    busy = [each.backend.name for each in found.candidates if each.excluded == "busy"]
    return min((vitals.free_in_s(name) for name in busy), default=QUEUE_RETRY_S)


def _infeasible(way: Way, found: NoWay) -> Infeasible | NotAllowed:
    """The rules that held are named: the caller may never have heard of them."""
    if found.binding == "not-allowed":
        return NotAllowed("This key may use none of the models that could answer.", param="model")
    held = way.ruling.held
    rules = f" Rules that held: {', '.join(held)}." if held else ""
    return Infeasible(
        f"No backend satisfies this request: {found.why}.{rules}",
        binding=found.binding,
        relaxations=list(found.relaxations),
    )


def hold_first(way: Way, decision: Decision) -> Planned:
    """What was chosen for being good, or by a pattern, must not cost a request its place in the
    budget: where only a cheaper one has room, that one answers."""
    decision = _awake(way, decision)
    first, *cheaper = _ever_cheaper(decision.order)
    try:
        each = hold(way, first, decision.reason, counts=not cheaper)
        return Planned(decision=decision, first=each)
    except BudgetExceeded:
        affordable = _affordable(way, cheaper)
        if affordable is None:
            raise
        way.decision = deciding.beginning_at(decision, affordable.candidate, OVER_BUDGET)
        return Planned(decision=way.decision, first=affordable)


def _awake(way: Way, decision: Decision) -> Decision:
    """Without those whose breaker is open; if nobody is left, that is said at once."""
    awake = tuple(each for each in decision.order if each.backend.breaker != circuits.OPEN)
    if not awake:
        raise Resting(
            [each.backend.name for each in decision.order],
            retry_after_s=min(breakers.retry_s(each.backend) for each in decision.order),
        )
    if len(awake) < len(decision.order):
        decision = way.decision = replace(decision, order=awake)
    return decision


def _ever_cheaper(order: Sequence[Candidate]) -> list[Candidate]:
    """By score; each at most half as dear as the one before, so that few are asked of the book."""
    chosen = [order[0]]
    for candidate in order[1:]:
        if candidate.worst_case <= chosen[-1].worst_case / 2:
            chosen.append(candidate)
    return chosen


def _affordable(way: Way, cheaper: Sequence[Candidate]) -> Try | None:
    for candidate in cheaper:
        with contextlib.suppress(BudgetExceeded):
            return hold(way, candidate, OVER_BUDGET, counts=candidate is cheaper[-1])
    return None


def hold(way: Way, candidate: Candidate, reason: str, *, counts: bool = True) -> Try:
    """The worst case of one attempt, in every window it falls into, or a refusal."""
    caller = way.caller
    terms = budgets.applying(
        catalog.current().budgets,
        organisation_id=caller.organisation_id,
        team_id=caller.team_id,
        key_id=caller.key_id,
        tags=way.prompt.constraints.tags,
    )
    each = Try(
        attempt_id=uuid4(),
        number=len(way.tries) + 1,
        candidate=candidate,
        reason=reason,
        booked_as=JUDGE if way.is_aside else "",
        spans=tuple(budgets.span(each_term, way.at) for each_term in terms),
    )
    held = _held(
        way,
        Hold(
            attempt_id=each.attempt_id,
            number=each.number,
            backend=candidate.backend.name,
            tier=each.tier,
            amount=candidate.worst_case,
            price_id=candidate.backend.price.price_id,
            lease_s=_lease_s(candidate),
            spans=each.spans,
            counts=counts,
        ),
    )
    if isinstance(held, Refused):
        raise _over_budget(held, candidate.worst_case)
    purses.note(each.spans, candidate.worst_case)
    each.budget_shadow = tuple(_as_told(refused) for refused in held.shadow)
    way.tries.append(each)
    return each


def _held(way: Way, asked: Hold) -> Held | Refused:
    try:
        return ledger.hold(connections.current(), way.origin, asked)
    except psycopg.errors.NumericValueOutOfRange as error:
        raise BudgetExceeded(
            f"At the price of '{asked.backend}' this request may cost {asked.amount:.6f} USD; with "
            "what is spent and held beside it that is more than the book can hold.",
            backend=asked.backend,
            amount_usd=f"{asked.amount:f}",
        ) from error


def _lease_s(candidate: Candidate) -> float:
    """No worker claims what is embedded here and renews its lease, so it gets all of it at once."""
    here = embeddings.is_here(candidate.backend)
    return settings.KORA_DEADLINE_S if here else settings.KORA_LEASE_S


def _over_budget(refused: Refused, needed: Decimal) -> BudgetExceeded:
    """Without what it needs nobody could tell why a budget with money in it refuses."""
    most = f"limit {refused.limit_usd:.6f} USD"
    if refused.until is not None:
        most += f" by an override until {refused.until.isoformat()} ({refused.reason})"
    fits = f"has no room for this request, which may cost {needed:.6f} USD"
    why = fits if refused.limit_usd else "is suspended"
    details: dict[str, Any] = _as_told(refused) | {"needed_usd": f"{needed:f}"}
    return BudgetExceeded(
        f"The budget '{refused.budget}' ({refused.scope} {refused.scope_id}) {why}: {most}, spent "
        f"{refused.settled:.6f}, held by running requests {refused.held:.6f}; it resets at "
        f"{refused.resets_at.isoformat()}.",
        **details,
    )


def _as_told(refused: Refused) -> dict[str, str]:
    """To clients whom it refuses, and in receipts of those whom it would have refused."""
    until: dict[str, str] = {}
    if refused.until is not None:
        until = {"override_until": refused.until.isoformat(), "override_reason": refused.reason}
    return {
        "budget": refused.budget,
        "scope": refused.scope,
        "scope_id": refused.scope_id,
        "limit_usd": f"{refused.limit_usd:f}",
        "settled_usd": f"{refused.settled:f}",
        "held_usd": f"{refused.held:f}",
        "resets_at": refused.resets_at.isoformat(),
        **until,
    }
