"""Answers without a model: exact now; the semantic tier and patterns keep their place."""

from __future__ import annotations

from typing import Any

import psycopg

from caching import lookup
from caching.values import Asked, Fresh, Match, NoMatch


def exact(connection: psycopg.Connection[Any], asked: Asked) -> Match | NoMatch:
    row = lookup.find(connection, asked)
    if row is None:
        return NoMatch(reason="nothing-stored")
    backend, answer, chunks, cost, prompt_tokens, completion_tokens, source, created_at, age_s = row
    if asked.max_age_s is not None and age_s > asked.max_age_s:
        return NoMatch(reason="too-old")
    return Match(
        tier="exact",
        reason="cache:exact",
        backend=backend,
        answer=bytes(answer),
        chunks=None if chunks is None else bytes(chunks),
        cost=cost,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        exchange_id=source,
        created_at=created_at,
        age_s=age_s,
    )


def semantic(connection: psycopg.Connection[Any], asked: Asked) -> Match | NoMatch:
    """No embedder is installed yet, so nothing is similar to anything."""
    del connection, asked
    return NoMatch(reason="no-embedder")


def patterns(connection: psycopg.Connection[Any], asked: Asked) -> Match | NoMatch:
    """No pattern has been learned yet."""
    del connection, asked
    return NoMatch(reason="no-patterns")


def remember(connection: psycopg.Connection[Any], fresh: Fresh) -> None:
    lookup.store(connection, fresh)
