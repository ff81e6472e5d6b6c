"""No answer ever crosses from one scope into another, whatever is stored and asked."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from caching import lookup
from caching.models import Entry
from caching.vectors import index
from caching.vectors.faiss_index import Faiss
from caching.vectors.index import Connection
from caching.vectors.pgvector_index import PgVector
from tests.analytics.books import Book
from tests.caching import shelves

TEAMS = 4
USERS = ("", "ann", "bob", "1", "ann:1")
POINTS = 12
"""So few vectors for so many entries: most of them collide across all scopes."""
INSERTS, LOOKUPS = 3_000, 2_000


@pytest.mark.parametrize("made", [PgVector, Faiss])
def test_thousands_of_answers_are_only_found_in_their_own_scope(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, made: type[PgVector | Faiss]
) -> None:
    chance = random.Random(4)
    opened = made(read_whole=100)
    monkeypatch.setattr(index, "_house", opened)
    teams = [Book.open().team.pk for _ in range(TEAMS)]
    scopes = [_scope(team, user) for team in teams for user in USERS] + ["g:1", "g:2", "g:11"]
    generation = shelves.generation()
    points = [shelves.vector(n) for n in range(POINTS)]
    _fill(connection, chance, scopes, points, generation)
    if isinstance(opened, Faiss):
        opened.follow(connection, generation)
    else:
        opened.build(connection, generation)
    known = {row.pk: row for row in Entry.objects.only("scope", "surroundings")}
    hits = 0
    for _ in range(LOOKUPS):
        within = tuple(chance.sample(scopes, chance.randint(1, 3)))
        around = chance.choice(("s", "x", "1"))
        asked = replace(
            shelves.asked(chance.choice(teams), chance.choice(points), surroundings=around),
            scopes=within,
            fingerprint=chance.choice(("f1", "f2", "f3")),
        )
        found = lookup.neighbours(connection, asked, generation)
        hits += bool(found)
        assert {each.scope for each in found} <= set(within)
        assert {known[each.entry_id].scope for each in found} <= set(within)
        assert {known[each.entry_id].surroundings for each in found} <= {around}
        exact = lookup.find(connection, asked)
        if exact is not None:
            assert known[exact[9]].scope in within
    assert hits > LOOKUPS / 2


def _scope(team_id: int, user: str) -> str:
    return f"u:{team_id}:{user}" if user else f"t:{team_id}"


def _fill(
    connection: Connection,
    chance: random.Random,
    scopes: list[str],
    points: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]],
    generation: int,
) -> None:
    """Straight into the tables: the way a request takes would keep most of the copies out."""
    team_of = {scope: int(scope.split(":")[1]) for scope in scopes if not scope.startswith("g")}
    teams = sorted(set(team_of.values()))
    rows = [
        (team_of.get(scope, chance.choice(teams)), scope, f"f{n % 3 + 1}" if n < 60 else f"n{n}")
        for n in range(INSERTS)
        for scope in [chance.choice(scopes)]
    ]
    placed = []
    for team_id, scope, fingerprint in rows:
        around = chance.choice(("s", "x", "1"))
        made = shelves.fresh(team_id, fingerprint=fingerprint, scope=scope, surroundings=around)
        entry_id = lookup.store(connection, made)
        if entry_id is not None:
            placed += shelves.placed(
                [entry_id],
                [chance.choice(points)],
                generation=generation,
                partition=index.partition(scope, around),
            )
    index.house().add(connection, placed)
