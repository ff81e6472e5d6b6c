"""One request, sent twice under one key: answered once, charged once, told the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from analytics import ledger
from analytics.models import Attempt, Exchange, LedgerRow, Price
from routing import embedders, tasks, vitals
from routing.idempotency import values
from routing.models import Backend, Idempotent
from teams import keys
from teams.models import Organisation, Scope, Team
from tests.analytics import books
from tests.routing import inside, test_embeddings
from tests.routing.hosting import Engines, Hosted
from tests.routing.inside import Heard, Inside
from tests.running import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def team(transactional_db: None) -> Team:
    vitals._vitals.clear()
    for name, options in (
        ("toy", {"reply": "one two three four", "first_token_ms": 1}),
        ("slow", {"reply": "one two three four", "first_token_ms": 600}),
        ("wordy", {"reply": "word " * 60, "first_token_ms": 1, "token_ms": 10}),
    ):
        Price.objects.create(backend=name, price_in=1, price_out=9, price_cached_in=1)
        Backend.objects.create(name=name, kind="sandbox", model="toy", options=options)
    Price.objects.create(backend="ours", price_in=0, price_out=0, price_cached_in=0)
    Backend.objects.create(
        name="ours", kind="local", model="mini:q8_0", capabilities=["completions"]
    )
    organisation = Organisation.objects.create(name="Acme")
    return Team.objects.create(organisation=organisation, name="red")


class Client:
    def __init__(self, kora: Inside, team: Team) -> None:
        self.kora = kora
        self.team = team
        self.text = self.key()

    def key(self) -> str:
        return keys.issue(self.team, name="app", scopes=[Scope.INFER]).text

    def receipt(self, heard: Heard) -> dict[str, Any]:
        path = f"/v1/requests/{heard.headers['x-kora-request-id']}"
        headers = [(b"authorization", f"Bearer {self.text}".encode())]
        found = self.kora.run(self.kora.asking(b"", headers=headers, path=path, method="GET"))
        return dict(orjson.loads(found.body))

    def ask(self, name: str, **more: Any) -> Heard:
        return self.kora.run(self.asking(name, **more))  # type: ignore[no-any-return]

    async def asking(
        self, name: str, path: str = "chat/completions", key: str = "", **more: Any
    ) -> Heard:
        extras = {"cache": "no-cache", **more.pop("extras", {})}
        headers = [(b"authorization", f"Bearer {key or self.text}".encode())]
        headers += [(f"x-kora-{k}".encode(), v.encode()) for k, v in extras.items()]
        if name is not None:
            headers.append((b"Idempotency-Key", name.encode()))
        how = {each: more.pop(each) for each in ("leaves", "send") if each in more}
        body = {"model": "toy", "messages": [{"role": "user", "content": "hi"}], **more}
        if path == "completions":
            body["prompt"] = body.pop("messages")[0]["content"]
        return await self.kora.asking(
            orjson.dumps(body), headers=headers, path=f"/v1/{path}", **how
        )


@pytest.fixture
def client(team: Team) -> Iterator[Client]:
    host = Hosted(slots=64)
    host.running["mini:q8_0"] = 0
    with inside.opened(Engines(host)) as opened:
        yield Client(opened, team)


def same(first: Heard, again: Heard) -> None:
    """What the first was told, to the byte, and a header that says so."""
    assert first.status == 200, first
    assert again.headers.pop("x-kora-idempotent") == "replayed"
    moment = {"x-kora-overhead-ms", "content-length"}
    kept = {k: v for k, v in first.headers.items() if k not in moment}
    assert {k: v for k, v in again.headers.items() if k not in moment} == kept
    assert (again.body, again.status, again.complete) == (first.body, 200, True)


def charges() -> int:
    return LedgerRow.objects.count()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["chat/completions", "completions"])
def test_the_same_request_is_told_the_same_and_charged_once(
    client: Client, path: str, stream: bool
) -> None:
    model = "ours" if path == "completions" else "toy"
    first = client.ask("a", path=path, stream=stream, model=model)
    assert (b"text_completion" in first.body) == (path == "completions")
    same(first, client.ask("a", path=path, stream=stream, model=model))
    same(first, client.ask("a", path=path, stream=stream, model=model))
    assert (charges(), Exchange.objects.count()) == (1, 1)
    row = Idempotent.objects.get()
    assert (row.state, row.replays) == ("answered", 2)
    assert str(row.exchange_id) == first.headers["x-kora-request-id"]
    assert client.receipt(first)["replays"] == 2


def test_vectors_are_told_again_as_they_were(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = test_embeddings.Letters()
    monkeypatch.setitem(embedders._others, test_embeddings.MODEL, letters)
    Price.objects.create(backend="letters", price_in=1, price_out=0, price_cached_in=0)
    Backend.objects.create(
        name="letters", kind="local", model=test_embeddings.MODEL, capabilities=["embeddings"]
    )
    client.kora.refresh()
    headers = [(b"authorization", f"Bearer {client.text}".encode()), (b"idempotency-key", b"a")]
    asks = [
        client.kora.ask(test_embeddings.BODY, headers=headers, path="/v1/embeddings")
        for _ in range(2)
    ]
    same(*asks)
    assert (charges(), len(letters.asked)) == (1, 1)


def test_how_it_is_written_and_how_soon_it_is_wanted_make_no_other_request(client: Client) -> None:
    first = client.ask("a", temperature=1, extras={"tags": "b=1"})
    body = (
        b'{ "temperature":1, "kora": {"tags": {"b": "1"}, "cache": "no-cache"},'
        b'"messages":[{"content":"hi","role":"user"}], "model":"toy"}'
    )
    headers = [
        (b"authorization", f"Bearer {client.text}".encode()),
        (b"idempotency-key", b"a"),
        (b"x-kora-max-latency-ms", b"5000"),
    ]
    same(first, client.kora.ask(body, headers=headers))


@pytest.mark.parametrize(
    "other",
    [
        {"model": "slow"},
        {"stream": True},
        {"messages": [{"role": "user", "content": "ho"}]},
        {"extras": {"min-quality": "0.1"}},
    ],
)
def test_another_request_under_the_same_key_is_a_conflict(
    client: Client, other: dict[str, Any]
) -> None:
    first = client.ask("a")
    refused = client.ask("a", **other)
    assert (refused.status, refused.error["code"]) == (409, "idempotency_conflict")
    assert first.headers["x-kora-request-id"] in refused.error["message"]
    assert charges() == 1
    same(first, client.ask("a"))


@pytest.mark.parametrize("name", ["", "x" * 256, "a\tb"])
def test_a_key_that_is_none_is_refused(client: Client, name: str) -> None:
    assert client.ask(name).error["param"] == "Idempotency-Key"
    assert client.ask("x" * 255).status == 200


def test_another_api_key_has_names_of_its_own(client: Client) -> None:
    first = client.ask("a")
    other = client.ask("a", key=client.key(), model="slow")
    assert other.status == 200
    assert other.headers["x-kora-request-id"] != first.headers["x-kora-request-id"]


def test_a_refusal_leaves_nothing_so_that_a_retry_really_retries(client: Client) -> None:
    toy = Backend.objects.get(name="toy")
    toy.options = {"fail": "500"}
    toy.save()
    client.kora.refresh()
    assert client.ask("a").status == 502
    assert client.ask("a", model="nobody").status == 404
    assert not Idempotent.objects.exists()
    toy.options = {}
    toy.save()
    client.kora.refresh()
    assert client.ask("a").status == 200


def test_a_stored_answer_is_told_again_as_it_was(client: Client) -> None:
    extras = {"cache": "default"}
    client.ask("a", extras=extras)
    hit = client.ask("b", extras=extras, stream=False)
    assert hit.headers["x-kora-tier"] == "exact"
    same(hit, client.ask("b", extras=extras))
    streamed = client.ask("c", extras=extras, stream=True)
    assert streamed.headers["x-kora-tier"] == "exact"
    same(streamed, client.ask("c", extras=extras, stream=True))


@pytest.mark.parametrize("stream", [False, True])
def test_whoever_comes_while_the_first_runs_waits_for_it(client: Client, stream: bool) -> None:
    async def many() -> list[Heard]:
        asks = [client.asking("a", model="slow", stream=stream) for _ in range(20)]
        return list(await asyncio.gather(*asks))

    heard = client.kora.run(many())
    assert {each.status for each in heard} == {200}
    assert len({each.body for each in heard}) == 1
    assert sum("x-kora-idempotent" in each.headers for each in heard) == 19
    assert (charges(), Idempotent.objects.get().replays) == (1, 19)


def test_a_thousand_times_the_same_request_is_one_charge(client: Client) -> None:
    async def many() -> list[Heard]:
        found: list[Heard] = []
        for _ in range(10):
            found += await asyncio.gather(*(client.asking("a", model="slow") for _ in range(100)))
        return found

    heard = client.kora.run(many())
    assert len({(each.status, each.body) for each in heard}) == 1
    assert (heard[0].status, charges(), Attempt.objects.count()) == (200, 1, 1)
    with books.connect() as connection:
        assert ledger.checks(connection) == []


def test_who_waits_has_a_deadline_of_its_own(client: Client) -> None:
    async def both() -> tuple[Heard, Heard]:
        first = asyncio.create_task(client.asking("a", model="slow"))
        await asyncio.sleep(0.1)
        hurried = {"max-latency-ms": "200"}
        return await client.asking("a", model="slow", extras=hurried), await first

    hurried, first = client.kora.run(both())
    assert (hurried.status, first.status) == (504, 200)
    assert charges() == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_finds_its_answer_when_it_comes_again(
    client: Client, stream: bool
) -> None:
    async def leave() -> None:
        leaves, begun = asyncio.Event(), asyncio.Event()

        async def send(message: Any) -> None:
            begun.set()

        model: dict[str, Any] = {"model": "wordy" if stream else "slow", "stream": stream}
        asked = asyncio.create_task(client.asking("a", leaves=leaves, send=send, **model))
        if stream:
            await begun.wait()
        else:
            await asyncio.sleep(0.2)
        leaves.set()
        await asked

    client.kora.run(leave())
    again = client.ask("a", model="wordy" if stream else "slow", stream=stream)
    assert (again.status, again.headers["x-kora-idempotent"]) == (200, "replayed")
    assert (b"[DONE]" in again.body) == stream
    assert (charges(), Attempt.objects.get().state) == (1, "settled")


def test_a_deadline_leaves_nothing(client: Client) -> None:
    assert client.ask("a", model="slow", extras={"max-latency-ms": "400"}).status == 504
    assert not Idempotent.objects.exists()
    assert client.ask("a", model="slow").status == 200


def test_a_stream_that_breaks_leaves_nothing(client: Client) -> None:
    toy = Backend.objects.get(name="toy")
    toy.options = {"reply": "one two three four five six", "fail": "cut"}
    toy.save()
    client.kora.refresh()
    broken = client.ask("a", stream=True)
    assert b"[DONE]" not in broken.body
    assert not Idempotent.objects.exists()


def test_who_died_is_taken_over_when_its_lease_ends(client: Client) -> None:
    client.ask("a")
    Idempotent.objects.update(state="running", answer=None)
    soon = datetime.now(UTC) + timedelta(seconds=0.4)
    Idempotent.objects.update(lease_until=soon)
    again = client.ask("a")
    assert (again.status, datetime.now(UTC) >= soon) == (200, True)
    assert "x-kora-idempotent" not in again.headers
    same(again, client.ask("a"))


def test_what_is_too_large_is_answered_once_and_refused_clearly(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("values", "recording"):
        monkeypatch.setattr(f"routing.idempotency.{module}.LARGEST", 100)
    first = client.ask("a", stream=True)
    assert b"[DONE]" in first.body
    refused = client.ask("a", stream=True)
    assert (refused.status, refused.error["code"]) == (409, "idempotency_conflict")
    assert first.headers["x-kora-request-id"] in refused.error["message"]
    assert charges() == 1


def test_after_a_day_a_key_is_free(client: Client) -> None:
    first = client.ask("a")
    old = datetime.now(UTC)
    Idempotent.objects.update(expires_at=old)
    again = client.ask("a", model="slow")
    assert again.headers["x-kora-request-id"] != first.headers["x-kora-request-id"]
    kept_s = (Idempotent.objects.get().expires_at - datetime.now(UTC)).total_seconds()
    assert values.KEPT_S - 60 < kept_s <= values.KEPT_S
    Idempotent.objects.update(expires_at=old)
    assert tasks.forget_idempotent() == 1
    assert not Idempotent.objects.exists()


def test_a_lost_request_whose_answer_was_kept_is_found(client: Client) -> None:
    first = client.ask("a")
    exchange_id = first.headers["x-kora-request-id"]
    before = Exchange.objects.get(pk=exchange_id)
    Exchange.objects.update(state="lost", status=0, tier="", backend="", reason="", receipt={})
    tasks.forget_idempotent()
    after = Exchange.objects.get(pk=exchange_id)
    for name in ("state", "status", "tier", "backend", "reason", "attempts", "cost"):
        assert getattr(after, name) == getattr(before, name), name
    assert "kept the answer" in after.receipt["idempotent"]


def test_another_process_waits_for_the_first_as_well(client: Client) -> None:
    with inside.opened() as elsewhere:
        other = Client(elsewhere, client.team)
        other.text = client.text
        first = asyncio.run_coroutine_threadsafe(
            client.asking("a", model="slow"), client.kora._loop
        )
        eventually(Idempotent.objects.exists, within_s=10, what="the first")
        again = other.ask("a", model="slow")
        same(first.result(20), again)
    assert charges() == 1
