"""Vectors of one embedder are a generation; another model fills the next one beside the live one.

Lookups use the live one, and only while its embedder is the one that runs: vectors of two models
say nothing to each other. The new one is filled in the background and becomes live in one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString
from uuid import UUID

from django.conf import settings

from caching import lookup
from caching.values import NoMatch
from caching.vectors import index
from inference import embedding

if TYPE_CHECKING:
    from caching.vectors.index import Connection
    from inference.embedding import Embedder

BATCH = 64
DROPPED_AT_ONCE = 5_000
FILLING = "generation-filling"

KNOWN: LiteralString = """
SELECT id, embedder, dimensions, state FROM caching_generation WHERE state <> 'retired' ORDER BY id
"""
# The first one is live at once. Two processes that begin it together make one.
BEGIN: LiteralString = """
INSERT INTO caching_generation (embedder, dimensions, state, live_at)
SELECT %s, %s::int, CASE WHEN live.found THEN 'filling' ELSE 'live' END,
       CASE WHEN live.found THEN NULL ELSE now() END
  FROM (SELECT EXISTS (SELECT 1 FROM caching_generation WHERE state = 'live') AS found) live
ON CONFLICT DO NOTHING
"""
# Those of the last minute are placed by the process that answered.
UNPLACED: LiteralString = """
SELECT e.id, e.scope, e.surroundings, e.question FROM caching_entry e
 WHERE e.id > %s AND e.surroundings <> '' AND e.question <> ''
   AND e.created_at < now() - %s::float8 * interval '1 second'
   AND (e.expires_at > now() OR e.pinned_at IS NOT NULL)
   AND NOT EXISTS (SELECT 1 FROM caching_entryvector v
                    WHERE v.entry_id = e.id AND v.generation_id = %s)
 ORDER BY e.id LIMIT %s
"""
RETIRE_LIVE: LiteralString = """
UPDATE caching_generation SET state = 'retired'
 WHERE state = 'live'
   AND EXISTS (SELECT 1 FROM caching_generation WHERE id = %s AND state = 'filling')
"""
RISE: LiteralString = """
UPDATE caching_generation SET state = 'live', live_at = now() WHERE id = %s AND state = 'filling'
"""
RETIRE_UNFINISHED: LiteralString = """
UPDATE caching_generation SET state = 'retired'
 WHERE state = 'filling' AND id <> %s AND created_at < now() - interval '1 hour'
"""
RETIRED: LiteralString = """
SELECT g.id FROM caching_generation g
 WHERE g.state = 'retired'
   AND EXISTS (SELECT 1 FROM caching_entryvector v WHERE v.generation_id = g.id)
   AND NOT EXISTS (SELECT 1 FROM caching_generation n
                    WHERE n.live_at > now() - %s::float8 * interval '1 second')
"""
DROP_SOME: LiteralString = """
DELETE FROM caching_entryvector WHERE id IN (
    SELECT id FROM caching_entryvector WHERE generation_id = %s LIMIT %s FOR UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    id: int
    embedder: str
    dimensions: int
    state: str

    def is_of(self, embedder: Embedder) -> bool:
        """The name first: it is known before the model is loaded."""
        return self.embedder == embedder.name and self.dimensions == embedder.dimensions


def known(connection: Connection) -> tuple[Generation, ...]:
    """The live one and those being filled; a process keeps them until the revision changes."""
    rows = connection.execute(KNOWN).fetchall()
    return tuple(Generation(id=a, embedder=b, dimensions=c, state=d) for a, b, c, d in rows)


def to_search(generations: Sequence[Generation], embedder: Embedder) -> Generation | NoMatch:
    live = next((each for each in generations if each.state == "live"), None)
    if live is None or not live.is_of(embedder):
        return NoMatch(reason=FILLING)
    return live


def to_fill(generations: Sequence[Generation], embedder: Embedder) -> Generation | None:
    """Where new vectors of this embedder go: live or not yet."""
    return next((each for each in generations if each.is_of(embedder)), None)


def begin(connection: Connection, embedder: Embedder) -> Generation:
    """The generation of this embedder, made where there is none yet."""
    found = to_fill(known(connection), embedder)
    if found is None:
        dimensions = embedder.dimensions  # what computes is settled by then, and so is the name
        connection.execute(BEGIN, (embedder.name, dimensions))
        found = to_fill(known(connection), embedder)
    if found is None:  # another process began the first one at the same moment
        return begin(connection, embedder)
    return found


def open_embedder() -> Embedder:
    """The background worker's own: the web's is in another process."""
    terms = embedding.Terms(
        model=settings.KORA_EMBEDDER_MODEL,
        models=settings.KORA_MODELS,
        threads=1,
        engine=settings.KORA_EMBEDDER_ENGINE,
        api_base=settings.KORA_EMBEDDER_URL,
        secret=settings.KORA_EMBEDDER_KEY,
    )
    return embedding.open_embedder(settings.KORA_EMBEDDER, terms)


def fill(
    connection: Connection, generation: Generation, embedder: Embedder, *, after: int = 0
) -> int:
    """Places one batch of stored questions that have no vector yet; the last entry's id, or 0.

    What is placed is found in the table, so a killed worker's successor goes on where it ended.
    """
    settled_s = 0.0 if generation.state == "filling" else 60.0
    rows = connection.execute(UNPLACED, (after, settled_s, generation.id, BATCH)).fetchall()
    if not rows:
        return 0
    made = embedding.embed(embedder, [question for *_, question in rows])
    for (entry_id, scope, surroundings, _), vector in zip(rows, made.vectors, strict=True):
        partition: UUID = index.partition(scope, surroundings)
        lookup.place(connection, entry_id, partition, vector, generation.id)
    last: int = rows[-1][0]
    return last


def switch(connection: Connection, generation: Generation) -> bool:
    """The full one becomes live and the old one retires, in one step; its graph stands by then."""
    index.house().build(connection, generation.id)
    with connection.transaction():
        connection.execute(RETIRE_LIVE, (generation.id,))
        return connection.execute(RISE, (generation.id,)).rowcount == 1


def retire_unfinished(connection: Connection, kept: Generation) -> None:
    """Of models that were tried and given up before they were done."""
    connection.execute(RETIRE_UNFINISHED, (kept.id,))


def drop_retired(connection: Connection, *, rested_s: float = 600.0) -> int:
    """Frees what a retired generation takes, once no process can still be reading from it."""
    dropped = 0
    for (generation,) in connection.execute(RETIRED, (rested_s,)).fetchall():
        index.house().drop(connection, generation)
        while gone := connection.execute(DROP_SOME, (generation, DROPPED_AT_ONCE)).rowcount:
            dropped += gone
    return dropped
