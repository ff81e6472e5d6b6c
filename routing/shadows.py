"""Asks some of the served questions again, after the reply, to see whether the answer was right."""

from __future__ import annotations

import random
from dataclasses import replace

from caching.judge import evidence
from caching.judge.evidence import Seen
from caching.values import Match, Verdict
from routing import afterwards, answers, asides, catalog, connections, execution, minds
from routing.afterwards import Errand
from routing.asides import Aside
from routing.way import Room, Way


def consider(way: Way, room: Room, match: Match) -> None:
    """By chance, and only of answers that were served for their meaning."""
    verdict, share = match.verdict, minds.of(way.caller.team_id).share(way.terms.shadow_share)
    if match.tier != "semantic" or verdict is None or way.question is None:
        return
    if way.prompt.constraints.may_store and random.random() < share:  # noqa: S311
        afterwards.soon(room, Errand.MARK, _ask_again(way, room, match, share))


async def _ask_again(way: Way, room: Room, match: Match, share: float) -> None:
    verdict = match.verdict
    if verdict is None or not await execution.in_thread(room, _is_news, way, verdict):
        return
    aside = Aside(
        caller=way.caller,
        prompt=asides.plain(way.prompt),
        backend=_whom(way, match),
        purpose="shadow",
        about=way.exchange_id,
        cap_usd=way.terms.shadow_usd_a_day,
        effects=way.ruling.effects,
    )
    body = await asides.ask(room, aside)
    if body is not None:
        seen = replace(_seen(way, replace(verdict, served=True), body), weight=1 / share)
        await execution.in_thread(room, _note, seen)


def _whom(way: Way, match: Match) -> str:
    """The backend that the answer is of, while it is there and the key may use it."""
    there = catalog.known().backend(match.backend) and way.caller.may_use(match.backend)
    return match.backend if there else way.prompt.model


def _is_news(way: Way, verdict: Verdict) -> bool:
    question = way.question.text if way.question else ""
    return not evidence.was_seen(connections.current(), verdict.entry_id, question)


def _seen(way: Way, verdict: Verdict, body: answers.Body) -> Seen:
    return Seen(
        team_id=way.caller.team_id,
        question=way.question.text if way.question else "",
        verdict=verdict,
        exchange_id=way.exchange_id,
        source="shadow",
        answer=answers.strip(body),
    )


def _note(seen: Seen) -> None:
    evidence.note(connections.current(), seen)
