"""Clients that leave at bad moments: nothing stays held, and nobody else waits for them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from analytics import ledger
from analytics.models import Attempt, Exchange, Price
from routing import catalog, stages
from routing.models import Backend
from teams import keys
from teams.models import Organisation, Scope, Team
from tests.analytics import books
from tests.routing import inside
from tests.routing.inside import Heard, Inside, Message
from tests.running import eventually

pytestmark = pytest.mark.django_db(transaction=True)

BODY = orjson.dumps({"model": "toy", "messages": [{"role": "user", "content": "hello"}]})
STREAM = BODY[:-1] + b',"stream":true}'


@pytest.fixture
def headers(transactional_db: None) -> list[tuple[bytes, bytes]]:
    organisation = Organisation.objects.create(name="Acme")
    team = Team.objects.create(organisation=organisation, name="red")
    text = keys.issue(team, name="app", scopes=[Scope.INFER]).text
    Price.objects.create(backend="toy", price_in=1, price_out=2, price_cached_in=1)
    Backend.objects.create(name="toy", kind="sandbox", model="toy", options={"token_ms": 20})
    return [(b"authorization", f"Bearer {text}".encode())]


@pytest.fixture
def kora(headers: list[tuple[bytes, bytes]]) -> Iterator[Inside]:
    with inside.opened() as opened:
        yield opened
        eventually(lambda: not opened.room.switchboard.waiting, within_s=5, what="an end of calls")
        assert not opened.room.flights._flying, "somebody would wait for ever"
    assert not Attempt.objects.filter(state__in=["held", "running"]).exists()
    assert not Exchange.objects.filter(state="open").exists()
    with books.connect() as connection:
        assert ledger.checks(connection) == []


class Pause:
    """Stops a stage's thread until it may go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, where: Any, name: str) -> None:
        self.reached, self.may_go_on = threading.Event(), threading.Event()
        real = getattr(where, name)

        def paused(*args: Any, **named: Any) -> Any:
            done = real(*args, **named)
            self.reached.set()
            assert self.may_go_on.wait(10)
            return done

        monkeypatch.setattr(where, name, paused)


@pytest.mark.parametrize("stage", ["board", "hold"])
def test_one_cancelled_while_its_stages_run_frees_what_they_take(
    kora: Inside,
    headers: list[tuple[bytes, bytes]],
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
) -> None:
    pause = Pause(monkeypatch, stages, stage)

    async def leave() -> None:
        asking = asyncio.create_task(kora.asking(BODY, headers=headers))
        await asyncio.to_thread(pause.reached.wait, 10)
        asking.cancel()
        await asyncio.sleep(0.05)
        pause.may_go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await asking

    kora.run(leave())
    assert Exchange.objects.get().state == "cancelled"
    monkeypatch.undo()
    assert kora.ask(BODY, headers=headers).status == 200


def test_one_that_leaves_before_the_first_byte_ends_its_request(
    kora: Inside, headers: list[tuple[bytes, bytes]]
) -> None:
    async def leave() -> None:
        end, begun = asyncio.Event(), asyncio.Event()

        async def takes_nothing(message: Message) -> None:
            begun.set()
            await asyncio.sleep(30)

        asking = asyncio.create_task(
            kora.asking(STREAM, headers=headers, leaves=end, send=takes_nothing)
        )
        await begun.wait()
        end.set()
        await asking

    kora.run(leave())
    assert Exchange.objects.get().state == "cancelled"


def test_a_stage_that_crashes_lets_the_next_one_ask(
    kora: Inside, headers: list[tuple[bytes, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any) -> None:
        raise ValueError("a bug of ours")

    with monkeypatch.context() as broken:
        broken.setattr(stages, "semantic", crash)
        heard = kora.ask(BODY, headers=headers)
    assert heard.error["code"] == "internal_error"
    assert b"a bug of ours" not in heard.body
    assert kora.ask(BODY, headers=headers).status == 200


def test_a_model_is_asked_once_for_many_and_each_for_itself_when_that_was_in_vain(
    kora: Inside, headers: list[tuple[bytes, bytes]]
) -> None:
    async def together(body: bytes) -> list[str]:
        heard = await asyncio.gather(*(kora.asking(body, headers=headers) for _ in range(5)))
        assert {each.status for each in heard} == {200}
        return [each.headers["x-kora-tier"] for each in heard]

    assert sorted(kora.run(together(BODY))) == ["cloud"] + ["exact"] * 4
    short = BODY[:-1] + b',"max_tokens":2}'
    assert kora.run(together(short)) == ["cloud"] * 5


def test_a_price_beyond_what_the_book_holds_is_refused_as_money(
    kora: Inside, headers: list[tuple[bytes, bytes]]
) -> None:
    most = 99_999_999_999_999
    Price.objects.create(backend="toy", price_in=most, price_out=most, price_cached_in=most)
    Backend.objects.filter(name="toy").update(max_output=10_000_000, context=10_000_000)
    catalog.refresh()
    dear = orjson.dumps({**orjson.loads(BODY), "max_tokens": 9_000_000})
    for _ in range(2):
        answer = kora.ask(dear, headers=headers)
        assert (answer.status, answer.error["code"]) == (402, "budget_exceeded")


@pytest.mark.parametrize("stream", [False, True])
def test_whoever_still_waits_when_kora_stops_is_told_and_pays_for_what_was_made(
    kora: Inside, headers: list[tuple[bytes, bytes]], stream: bool
) -> None:
    Backend.objects.filter(name="toy").update(options={"token_ms": 300, "reply": "a " * 90})
    catalog.refresh()

    async def wait() -> Heard:
        asking = asyncio.create_task(kora.asking(STREAM if stream else BODY, headers=headers))
        await asyncio.sleep(1.5)
        kora.gateway.stop()
        return await asking

    heard = kora.run(wait())
    row = Exchange.objects.get()
    assert (row.state, row.status, row.error_code) == ("failed", 503, "unavailable")
    assert row.overhead_ms < 500 < row.total_ms
    if stream:
        assert b'event: error\ndata: {"error":{"message":"KORA is stopping' in heard.body
        assert b"[DONE]" not in heard.body
        eventually(lambda: Exchange.objects.get().cost > 0, within_s=5, what="a settlement")
    else:
        assert (heard.status, heard.error["code"]) == (503, "unavailable")
