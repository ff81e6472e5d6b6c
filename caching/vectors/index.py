"""Where vectors lie and which are nearest: the words for it, and the one place that opens an index.

An index only proposes. Whatever it is, what serves a request comes out of a query on Postgres in
whose WHERE stand the caller's scopes, what surrounds his question, and that it may be served.
"""

from __future__ import annotations

import hashlib
import importlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString, Protocol, TypeAlias
from uuid import UUID

import psycopg
from django.conf import settings

from caching.values import Neighbour

if TYPE_CHECKING:
    from caching.values import Vector

Connection: TypeAlias = psycopg.Connection[Any]

DEFAULT = "caching.vectors.pgvector_index.PgVector"
_lock = threading.Lock()
_house: Index | None = None

# The parts of a hypothesis that its entry tells, for `neighbour`; and whose entries may be one.
FACTS: LiteralString = """
e.question, e.answer_class, e.rights, e.wrongs,
extract(epoch FROM now() - e.created_at)::float8 AS age_s, e.pinned_at IS NOT NULL AS pinned,
e.scope, e.doubts
"""
SERVABLE: LiteralString = """
(e.scope, e.surroundings) IN (SELECT * FROM unnest(%(scopes)s::text[], %(surroundings)s::text[]))
AND e.quarantined_at IS NULL AND (e.expires_at > now() OR e.pinned_at IS NOT NULL)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """Where one entry's question lies."""

    entry_id: int
    generation: int
    partition: UUID
    vector: Vector


@dataclass(frozen=True, kw_only=True, slots=True)
class Sought:
    """What a caller may be answered from, and what he asks."""

    generation: int
    vector: Vector
    places: tuple[tuple[str, str], ...]
    """Scopes, each with surroundings that he may be answered from inside it."""

    @property
    def partitions(self) -> list[UUID]:
        """Entries of others are not even looked at."""
        return [partition(scope, surroundings) for scope, surroundings in self.places]

    @property
    def words(self) -> dict[str, Any]:
        """What `SERVABLE` asks for."""
        return {
            "scopes": [scope for scope, _ in self.places],
            "surroundings": [surroundings for _, surroundings in self.places],
        }


class Index(Protocol):
    """Vectors have length one. Partitions are hard: nothing of another one is ever returned.

    A vector whose length is not its generation's is refused with WrongDimensions. An answer has
    fewer than `k` entries only where the partitions do.
    """

    def near(
        self,
        connection: Connection,
        *,
        generation: int,
        partitions: Sequence[UUID],
        vector: Vector,
        k: int,
    ) -> list[tuple[int, float]]:
        """Entries and cosine similarities, the nearest first."""

    def neighbours(self, connection: Connection, sought: Sought, k: int) -> list[Neighbour]:
        """The nearest that may be served, as Postgres knows them now."""

    def add(self, connection: Connection, rows: Sequence[Placed]) -> None:
        """An entry has one place a generation, so adding it again moves it; one gone has none."""

    def remove(self, connection: Connection, entry_ids: Sequence[int]) -> None: ...

    def build(self, connection: Connection, generation: int) -> None:
        """What makes large partitions quick. May take minutes; the connection is in autocommit."""

    def drop(self, connection: Connection, generation: int) -> None:
        """The opposite of `build`; the vectors stay."""

    def close(self) -> None: ...


def partition(scope: str, surroundings: str) -> UUID:
    made = hashlib.blake2b(f"{scope}\0{surroundings}".encode(), digest_size=16)
    return UUID(bytes=made.digest())


def neighbour(row: tuple[Any, ...]) -> Neighbour:
    """A row of entry, similarity and `FACTS`."""
    entry_id, similarity, question, answer_class, rights, wrongs, age_s, pinned, *rest = row
    scope, doubts = rest
    return Neighbour(
        entry_id=entry_id,
        similarity=similarity,
        question=question,
        answer_class=bytes(answer_class),
        rights=rights,
        wrongs=wrongs,
        age_s=age_s,
        pinned=pinned,
        scope=scope,
        doubts=doubts,
    )


def open_index(dotted: str) -> Index:
    """By the dotted path of a class or function without arguments; nothing is loaded yet."""
    module, _, name = dotted.rpartition(".")
    made: Index = getattr(importlib.import_module(module), name)()
    return made


def house() -> Index:
    """This process's one; `KORA_INDEX` names it."""
    global _house
    with _lock:
        if _house is None:
            _house = open_index(settings.KORA_INDEX)
        return _house


def close() -> None:
    global _house
    with _lock:
        opened, _house = _house, None
    if opened is not None:
        opened.close()
