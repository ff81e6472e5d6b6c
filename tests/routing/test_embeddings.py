"""Vectors made in the web process itself: the book stays right whatever becomes of a request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from decimal import Decimal

import numpy as np
import orjson
import pytest

from analytics import ledger
from analytics.models import Attempt, Exchange, Price
from inference import embedding
from inference.embedding import Embedded
from inference.words import EngineError, Failure
from routing import embedders, tasks, vitals
from routing.models import Backend, Health
from teams import keys
from teams.models import Organisation, Scope, Team
from tests.analytics import books
from tests.routing import inside
from tests.routing.inside import Heard, Inside
from tests.running import eventually

pytestmark = pytest.mark.django_db(transaction=True)

MODEL = "letters:f32"
A_SECOND = Decimal("0.01")
COMPUTE_S = 0.25


class Letters:
    """Counts a text's first letters; what it is told to do instead, it does."""

    name, dimensions, longest, wait_s, tokens_per_s = MODEL, 3, 8, 0.0, 1000.0

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.hangs = False
        self.asked: list[tuple[tuple[str, ...], str]] = []
        self.futures: list[Future[Embedded]] = []
        self.memories: list[str] = []

    def warm(self) -> None:
        """There is nothing to load."""

    def close(self) -> None:
        """There is nothing to close."""

    def remembers(self, texts: Sequence[str], *, domain: str = "") -> bool:
        return (tuple(texts), domain) in self.asked

    def submit(
        self, texts: Sequence[str], *, domain: str = "", memory: str = embedding.USUAL
    ) -> Future[Embedded]:
        self.asked.append((tuple(texts), domain))
        self.memories.append(memory)
        future: Future[Embedded] = Future()
        self.futures.append(future)
        if self.trouble is not None:
            future.set_exception(self.trouble)
        elif not self.hangs:
            rows = [[text.count(letter) for letter in "abc"] for text in texts]
            vectors = np.array(rows, dtype=np.float32)
            future.set_result(Embedded(vectors=vectors, tokens=7, compute_s=COMPUTE_S))
        return future


@pytest.fixture
def letters() -> Iterator[Letters]:
    embedders._others[MODEL] = made = Letters()
    vitals._vitals.clear()
    yield made
    embedders.close()


@pytest.fixture
def key() -> str:
    organisation = Organisation.objects.create(name="Acme")
    team = Team.objects.create(organisation=organisation, name="red")
    Price.objects.create(
        backend="letters", price_in=0, price_out=0, price_cached_in=0, price_compute_s=A_SECOND
    )
    Backend.objects.create(
        name="letters", kind="local", model=MODEL, context=8, capabilities=["embeddings"]
    )
    return keys.issue(team, name="app", scopes=[Scope.INFER]).text


def told(key: str) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", f"Bearer {key}".encode())]


BODY = orjson.dumps({"model": "letters", "input": ["aab", "c"], "encoding_format": "float"})


def ask(kora: Inside, key: str, body: bytes = BODY) -> Heard:
    return kora.ask(body, headers=told(key), path="/v1/embeddings")


def in_order() -> bool:
    with books.connect() as connection:
        live = Attempt.objects.filter(state__in=["held", "running"])
        return ledger.checks(connection) == [] and not live


def test_what_it_took_is_in_the_book(letters: Letters, key: str) -> None:
    with inside.opened() as kora:
        heard = ask(kora, key)
    assert heard.status == 200, heard.body
    assert heard.json()["model"] == "letters"
    assert [row["embedding"] for row in heard.json()["data"]] == [[2, 1, 0], [0, 0, 1]]
    assert letters.asked == [(("aab", "c"), str(Team.objects.get().pk))]
    attempt = Attempt.objects.get()
    spent = Decimal(str(COMPUTE_S)) * A_SECOND
    assert (attempt.cost, float(attempt.compute_s), attempt.tier) == (spent, COMPUTE_S, "local")
    assert Decimal(heard.headers["x-kora-cost"]) == spent
    assert Exchange.objects.get().prompt_tokens == 7
    assert in_order()


def test_the_cache_is_asked_for_as_with_chats(letters: Letters, key: str) -> None:
    def ask_with(cache: str, body: bytes = BODY) -> Heard:
        extra = [(b"x-kora-cache", cache.encode())]
        return kora.ask(body, headers=told(key) + extra, path="/v1/embeddings")

    with inside.opened() as kora:
        unknown = ask_with("only")
        assert (unknown.status, unknown.error["binding"]) == (422, "cache-only")
        assert [ask_with(cache).status for cache in ("no-cache", "no-store", "only")] == [200] * 3
    assert letters.memories == ["no-cache", "no-store", "only"]
    assert in_order()


@pytest.mark.parametrize(
    ("trouble", "status", "code"),
    [
        (EngineError(Failure.SERVER, "no such file"), 502, "upstream_failed"),
        (EngineError(Failure.CLIENT, "half a pair"), 400, "invalid_request"),
        (EngineError(Failure.SERVER, "full", retry_after_s=3.0), 429, "queue_full"),
        (RuntimeError("a bug"), 502, "upstream_failed"),
    ],
)
def test_trouble_frees_what_was_held(
    letters: Letters, key: str, trouble: Exception, status: int, code: str
) -> None:
    letters.trouble = trouble
    with inside.opened() as kora:
        heard = ask(kora, key)
    assert (heard.status, heard.error["code"]) == (status, code)
    assert "bug" not in heard.error["message"]
    if status == 429:
        assert heard.headers["retry-after"] == "3"
    assert {each.cost for each in Attempt.objects.all()} == {0}
    assert in_order()


def test_a_client_that_leaves_ends_the_work_and_pays_nothing(letters: Letters, key: str) -> None:
    letters.hangs = True
    with inside.opened() as kora:
        leaves = asyncio.Event()
        asking = asyncio.run_coroutine_threadsafe(
            kora.asking(BODY, headers=told(key), path="/v1/embeddings", leaves=leaves), kora._loop
        )
        eventually(lambda: letters.futures, within_s=10, what="the embedder being asked")
        kora._loop.call_soon_threadsafe(leaves.set)
        asking.result(10)
        eventually(letters.futures[0].cancelled, within_s=5, what="giving up")
    assert Exchange.objects.get().state == "cancelled"
    assert Attempt.objects.get().cost == 0
    assert in_order()


def test_the_hold_lives_as_long_as_the_request_may(letters: Letters, key: str) -> None:
    """Nobody renews it: a sweeper must not give it up while the texts are still computed."""
    with inside.opened() as kora:
        ask(kora, key)
    attempt = Attempt.objects.get()
    assert (attempt.lease_until - attempt.created_at).total_seconds() > 500


def test_an_embedder_is_tried_out_by_a_text(letters: Letters, key: str) -> None:
    backend = Backend.objects.get()
    tasks.probe_backend(backend.pk)
    assert Health.objects.get().state == "healthy"
    assert letters.asked[0][0] == ("OK",)


def test_one_whose_file_is_absent_says_so(key: str) -> None:
    with inside.opened() as kora:
        heard = ask(kora, key)
    embedders.close()
    assert heard.status == 502
    assert "not in the store" in heard.error["attempts"][0]["message"]
    assert in_order()
