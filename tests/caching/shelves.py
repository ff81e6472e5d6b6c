"""What the tests of stored answers say again and again: entries, vectors, questions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import numpy as np

from caching import lookup
from caching.models import Generation
from caching.values import Asked, Fresh, Question
from caching.vectors import index
from caching.vectors.index import Placed
from inference.embedding import USUAL, Embedded

if TYPE_CHECKING:
    from caching.values import Vector
    from caching.vectors.index import Connection

DIMENSIONS = 16


def vector(seed: int, *, dimensions: int = DIMENSIONS) -> Vector:
    made = np.random.default_rng(seed).standard_normal(dimensions).astype(np.float32)
    return made / np.linalg.norm(made)


def near(to: Vector, similarity: float, seed: int = 0) -> Vector:
    """A vector of exactly this cosine similarity, in a direction that the seed chooses."""
    away = vector(seed + 1_000_003, dimensions=len(to))
    away = away - (away @ to) * to
    away = away / np.linalg.norm(away)
    made: Vector = (similarity * to + np.sqrt(1 - similarity**2) * away).astype(np.float32)
    return made


def generation(*, state: str = "live", embedder: str = "toy", dimensions: int = DIMENSIONS) -> int:
    made = Generation.objects.create(embedder=embedder, dimensions=dimensions, state=state)
    return int(made.pk)


def fresh(team_id: int, question: str = "q", answer: str = "a", **facts: Any) -> Fresh:
    plain = Fresh(
        team_id=team_id,
        fingerprint=facts.pop("fingerprint", uuid4().hex),
        model_asked="auto",
        backend="toy",
        question=question,
        answer=b'{"choices":[{"message":{"content":"%s"}}]}' % answer.encode(),
        chunks=None,
        prompt_tokens=3,
        completion_tokens=2,
        cost=Decimal("0.001"),
        exchange_id=uuid4(),
        ttl_s=60,
        surroundings="s",
    )
    return replace(plain, **facts)


def stored(connection: Connection, made: Fresh) -> int:
    entry_id = lookup.store(connection, made)
    assert entry_id is not None
    return entry_id


def entries(connection: Connection, team_id: int, count: int, *, scope: str = "") -> list[int]:
    """Many at once, each a question of its own."""
    rows = connection.execute(
        """INSERT INTO caching_entry (team_id, scope, fingerprint, surroundings, model_asked,
                                      backend, question, answer, cost, tags, exchange_id,
                                      prompt_tokens, completion_tokens, expires_at)
           SELECT %s, %s, gen_random_uuid()::text, 's', 'auto', 'toy', 'question ' || n, 'a', 1,
                  '{}', gen_random_uuid(), 0, 0, now() + interval '1 hour'
             FROM generate_series(1, %s) n RETURNING id""",
        (team_id, scope or f"t:{team_id}", count),
    ).fetchall()
    return [entry_id for (entry_id,) in rows]


def placed(
    entry_ids: Sequence[int], vectors: Sequence[Vector], *, generation: int, partition: UUID
) -> list[Placed]:
    return [
        Placed(entry_id=entry_id, generation=generation, partition=partition, vector=each)
        for entry_id, each in zip(entry_ids, vectors, strict=True)
    ]


def remember(connection: Connection, made: Fresh, at: Vector, generation: int) -> int:
    """Stored and findable, as a request does it."""
    entry_id = stored(connection, made)
    where = index.partition(made.scope or f"t:{made.team_id}", made.surroundings)
    assert lookup.place(connection, entry_id, where, at, generation)
    return entry_id


def asked(team_id: int, at: Vector, *, text: str = "q", **facts: Any) -> Asked:
    question = Question(text=text, surroundings=facts.pop("surroundings", "s"))
    return Asked(team_id=team_id, fingerprint="none", question=question, vector=at, **facts)


class Hashing:
    """An embedder whose vectors are random but for ever the same for one text; counts its texts."""

    longest = 512
    wait_s = 0.0
    tokens_per_s = 0.0

    def __init__(self, name: str = "hashing", dimensions: int = DIMENSIONS) -> None:
        self.name = name
        self.dimensions = dimensions
        self.texts = 0

    def warm(self) -> None: ...

    def remembers(self, texts: Sequence[str], *, domain: str = "") -> bool:
        return False

    def submit(
        self, texts: Sequence[str], *, domain: str = "", memory: str = USUAL
    ) -> Future[Embedded]:
        self.texts += len(texts)
        made = np.stack([self.vector(text) for text in texts])
        done: Future[Embedded] = Future()
        done.set_result(Embedded(vectors=made, tokens=len(texts)))
        return done

    def vector(self, text: str) -> Vector:
        seed = hashlib.blake2b(f"{self.name}\0{text}".encode(), digest_size=8).digest()
        return vector(int.from_bytes(seed), dimensions=self.dimensions)

    def close(self) -> None: ...
