"""Answers without a model: the same request, a question that means the same, a pattern."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg

from caching import lookup
from caching.judge import judging
from caching.judge.minds import Mind
from caching.values import Asked, Fresh, Match, Neighbour, NoMatch, Verdict


def exact(connection: psycopg.Connection[Any], asked: Asked) -> Match | NoMatch:
    row = lookup.find(connection, asked)
    if row is None:
        return NoMatch(reason="nothing-stored")
    found = _match(row, tier="exact", reason="cache:pinned" if row[10] else "cache:exact")
    if asked.max_age_s is not None and found.age_s > asked.max_age_s:
        return NoMatch(reason="too-old")
    return found


def _match(row: tuple[Any, ...], *, tier: str, reason: str) -> Match:
    backend, answer, chunks, cost, prompt_tokens, completion_tokens, *rest = row
    source, created_at, age_s, entry_id, _ = rest
    return Match(
        tier=tier,
        reason=reason,
        backend=backend,
        answer=bytes(answer),
        chunks=None if chunks is None else bytes(chunks),
        cost=cost,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        exchange_id=source,
        created_at=created_at,
        age_s=age_s,
        entry_id=entry_id,
    )


def semantic(
    connection: psycopg.Connection[Any], asked: Asked, mind: Mind, generation: int
) -> Match | NoMatch:
    """The answer to a question that is near enough, or what stood in the way."""
    if asked.question is None or asked.vector is None:
        return NoMatch(reason="no-question")
    found = lookup.neighbours(connection, asked, generation)
    near = tuple(each for each in found if _is_fresh(asked, each))
    if found and not near:
        return NoMatch(reason="too-old", neighbours=tuple(found))
    verdict = judging.judge(asked.question.text, near, mind, asked.terms)
    if isinstance(verdict, NoMatch):
        return replace(verdict, neighbours=near)
    reason = _objection(asked, verdict)
    if reason:
        return NoMatch(reason=reason, verdict=replace(verdict, served=False), neighbours=near)
    row = lookup.fetch(connection, asked, verdict.entry_id)
    if row is None:
        return NoMatch(reason="just-gone", neighbours=near)
    pinned = any(each.pinned for each in near if each.entry_id == verdict.entry_id)
    served = _match(row, tier="semantic", reason="cache:pinned" if pinned else "cache:semantic")
    return replace(served, similarity=verdict.similarity, verdict=verdict, neighbours=near)


def _is_fresh(asked: Asked, neighbour: Neighbour) -> bool:
    return asked.max_age_s is None or neighbour.age_s <= asked.max_age_s


def _objection(asked: Asked, verdict: Verdict) -> str:
    """The judge's, or the caller's own, who can only ask for more."""
    if not verdict.served:
        return verdict.reason
    too_far = asked.similarity is not None and verdict.similarity < asked.similarity
    return "caller-similarity" if too_far else ""


def remember(connection: psycopg.Connection[Any], fresh: Fresh) -> int | None:
    """The entry's id, under which its vector can be placed; None where a pinned answer stands."""
    return lookup.store(connection, fresh)
