"""The decide stage: what is known of a request and its backends, handed to the pure decision."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from analytics.values import Outcome
from routing import catalog, counts, deadlines, limits, pressure, promises, seats, stakes, vitals
from routing.failover import crowds, pools
from routing.fairness import crowding
from routing.policy import deciding, scoring, wanting
from routing.policy.terms import NAMED, Aim
from routing.policy.values import NOWHERE, VIRTUAL, Backend, Candidate, Decision, NoWay, Wants
from routing.policy.wanting import NO_ALIAS, Circumstances
from routing.way import Due, Way


def decide(way: Way) -> Decision | NoWay:
    aim = aim_of(way)
    asked = way.wants = counts.told(way, wants(way, aim))
    draw = random.random() if way.draw is None else way.draw  # noqa: S311
    late_after_s = scoring.deadline_s(asked, aim.weights)
    way.due = Due(decided_ms=way.clock.elapsed_ms, late_after_s=late_after_s)
    backends = crowding.seen_by(limits.turn(way), catalog.current().live())
    decision = deciding.decide(asked, backends, way.outlook, aim=aim, draw=draw)
    if isinstance(decision, NoWay):
        return decision
    if decision.explored:
        _risk(way, decision)
    return _spread(way, decision, asked, aim)


def _spread(way: Way, decision: Decision, asked: Wants, aim: Aim) -> Decision:
    """Among backends of one model the calls of all web processes are spread."""
    by_name = aim.goal == NAMED
    peers = pools.named(decision, asked.model) if by_name else pools.alike(decision)
    stays = asked.seat.backend == decision.order[0].backend.name
    if len(peers) < 2 or stays or decision.reason in pools.KEPT:
        return decision
    members = [_member(each.backend) for each in peers]
    way.pool = {"model": peers[0].backend.model, "among": pools.told(members)}
    draw = random.random() if way.draw is None else way.draw  # noqa: S311
    return pools.spread(decision, members, draw)


def _member(backend: Backend) -> pools.Member:
    name = backend.name
    return pools.Member(
        name=name,
        weight=backend.weight,
        peak_s=max(vitals.peak_s(vitals.of(name)), crowds.of(name).peak_s),
        in_flight=backend.in_flight,
    )


def aim_of(way: Way) -> Aim:
    """Nothing is risked any more once the day's money for it is gone."""
    effects, terms = way.ruling.effects, way.standing.terms
    aim = pressure.bent(way, terms.aim(effects.use or way.prompt.model, effects.settings), terms)
    aim = promises.stricter(way, aim)
    explore = aim.explore
    if explore.mode != "apply" or stakes.left_usd(way.caller.team_id, explore.usd_a_day) > 0:
        return aim
    way.stakes_gone = True
    return replace(aim, explore=replace(explore, mode="observe"))


def wants(way: Way, aim: Aim) -> Wants:
    effects, terms = way.ruling.effects, way.standing.terms
    named = effects.use or way.prompt.model
    alias = terms.aliases.get(named, NO_ALIAS)
    if alias.constraints:
        limits = wanting.narrowed(way.prompt.constraints, alias)
        way.known_prompt = replace(way.prompt, constraints=limits)
    if aim.sticky.enabled and not way.is_aside:
        way.place = seats.place(way.caller.team_id, way.prompt)
        way.seat = NOWHERE if aim.goal == NAMED else seats.find(way.place, way.prompt)
    around = Circumstances(
        model=terms.plain(named),
        allowed=way.caller.models,
        alias=alias,
        effects=effects,
        left_s=deadlines.left_s(way),
        seat=way.seat,
        protected=wanting.protected(
            way.prompt, aside=way.is_aside, in_loop=seats.in_loop(way.prompt)
        ),
    )
    return wanting.wants(way.prompt, way.signals, around)


def chain(way: Way, names: Sequence[str]) -> tuple[Candidate, ...]:
    """Those named for a failure that may answer this request, in that order."""
    if way.wants is None:
        return ()
    effects, terms = way.ruling.effects, way.standing.terms
    aim = terms.aim(effects.use or way.prompt.model, effects.settings)
    known = [catalog.current().alive(name) for name in names if _may_use(way, name)]
    backends = [each for each in known if each is not None]
    return deciding.fitting(way.wants, backends, way.outlook, aim=aim)


def _may_use(way: Way, name: str) -> bool:
    """Who may use one model by its name may not use others by its failing."""
    asked, caller = way.prompt.model, way.caller
    virtual = asked in VIRTUAL or asked in way.standing.terms.aliases
    return caller.may_use(name) or (virtual and caller.may_use(asked))


def keep_seat(way: Way, outcome: Outcome) -> None:
    """After an answer: all that was read and written is warm where it came from."""
    seats.remember(
        way.place,
        way.prompt,
        backend=outcome.backend,
        tokens=outcome.prompt_tokens + outcome.completion_tokens,
        minutes=way.standing.terms.sticky.minutes,
    )


def _risk(way: Way, decision: Decision) -> None:
    """What it is expected to cost beyond the best of those that were not drawn."""
    taken, *others = decision.order
    best = max(others, key=lambda each: each.score)
    if not taken.backend.failing and way.draw is None:
        stakes.risk(way.caller.team_id, taken.cost - best.cost)
