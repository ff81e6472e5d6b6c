"""Rate limits of keys and teams through the whole data plane: counted, given back, and told."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
import redis as redis_py
from django.conf import settings

from analytics.models import Price
from routing import meter as meters
from routing.fairness import scripts
from routing.fairness.values import Scope
from routing.meter import Meter
from routing.models import Backend
from teams import keys
from teams.models import Organisation, Team
from teams.models import Scope as KeyScope
from tests.routing import inside
from tests.routing.inside import Heard, Inside
from tests.running import eventually

pytestmark = pytest.mark.django_db(transaction=True)
PROCESSES, SPAN_S = 3, 4.0


@pytest.fixture
def team(transactional_db: None) -> Team:
    Price.objects.create(backend="toy", price_in=1, price_out=2, price_cached_in=1)
    options = {"reply": "one two three four", "token_ms": 0}
    Backend.objects.create(name="toy", kind="sandbox", model="toy", options=options)
    slow = {"reply": "one two three four", "first_token_ms": 400}
    Backend.objects.create(name="slow", kind="sandbox", model="slow", options=slow)
    Price.objects.create(backend="slow", price_in=1, price_out=2, price_cached_in=1)
    organisation = Organisation.objects.create(name="Acme")
    return Team.objects.create(organisation=organisation, name="red")


@pytest.fixture(autouse=True)
def _counts_begin_anew() -> Iterator[None]:
    with redis_py.Redis.from_url(settings.SERVICES.redis_url) as client:
        for name in client.scan_iter("kora:limit:*"):
            client.delete(name)
        yield


def limited(team: Team, **limits: Any) -> list[tuple[bytes, bytes]]:
    text = keys.issue(team, name="app", scopes=[KeyScope.INFER], **limits).text
    return [(b"authorization", f"Bearer {text}".encode())]


def ask(kora: Inside, headers: Any, words: str = "hello", **fields: Any) -> Heard:
    body = {"model": "toy", "messages": [{"role": "user", "content": words}], **fields}
    return kora.ask(orjson.dumps(body), headers=headers)


def test_a_key_without_limits_hears_of_none(team: Team) -> None:
    headers = limited(team)
    with inside.opened() as kora:
        heard = ask(kora, headers)
    assert heard.status == 200
    assert not [name for name in heard.headers if name.startswith("x-ratelimit")]


def test_requests_run_out_and_it_is_said_when_they_come_back(team: Team) -> None:
    headers = limited(team, requests_per_minute=2)
    with inside.opened() as kora:
        answered = [ask(kora, headers, f"hello {n}") for n in range(2)]
        refused = ask(kora, headers, "hello again")
    assert [each.headers["x-ratelimit-remaining-requests"] for each in answered] == ["1", "0"]
    assert answered[0].headers["x-ratelimit-limit-requests"] == "2"
    assert answered[0].headers["x-ratelimit-reset-requests"].endswith("s")
    assert refused.error["code"] == "rate_limited"
    assert refused.error["limited"] == "key:requests"
    assert "This key may make 2 requests a minute" in refused.error["message"]
    assert 50 <= int(refused.headers["retry-after"]) <= 61
    assert 50_000 <= int(refused.headers["retry-after-ms"]) <= 60_500


def test_a_place_that_was_promised_is_not_for_whoever_comes_first(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The minute is shortened: the slices of the script are, so that all of it is waited for."""
    short = scripts.ADMIT.replace("SLICE, SLICES = 250, 240", "SLICE, SLICES = 250, 6")
    monkeypatch.setattr(scripts, "ADMIT", short)
    headers = limited(team, requests_per_minute=1)
    with inside.opened() as kora:
        ask(kora, headers, "hello")
        told = [ask(kora, headers, words) for words in ("mine", "mine", "another")]
        waits = [int(each.headers["retry-after-ms"]) for each in told]
        time.sleep(waits[1] / 1000)
        stranger = ask(kora, headers, "a stranger")
        mine = ask(kora, headers, "mine")
    assert waits[1] <= waits[0] < waits[2], "its own moment once, and a later one for the next"
    assert [stranger.status, mine.status] == [429, 200]
    assert int(stranger.headers["retry-after-ms"]) > 0


def test_what_is_never_allowed_is_said_plainly(team: Team) -> None:
    headers = limited(team, requests_per_minute=0)
    with inside.opened() as kora:
        refused = ask(kora, headers)
    assert refused.error["code"] == "rate_limited"
    assert "Coming again does not help" in refused.error["message"]
    assert "retry-after" not in refused.headers


def test_the_promise_of_a_request_that_a_stored_answer_served_is_for_others(team: Team) -> None:
    headers = limited(team, tokens_per_minute=1000)
    with inside.opened() as kora:
        assert ask(kora, headers, max_tokens=1000).status == 200
        assert ask(kora, headers, max_tokens=1000).headers["x-kora-tier"] == "exact"
        with redis_py.Redis.from_url(settings.SERVICES.redis_url) as client:
            assert not list(client.scan_iter("kora:limit:*:promises"))


def test_the_limit_of_a_team_holds_for_all_its_keys_together(team: Team) -> None:
    team.requests_per_minute = 2
    team.save()
    one, other = limited(team, requests_per_minute=9), limited(team)
    with inside.opened() as kora:
        first = ask(kora, one)
        ask(kora, other, "and I")
        refused = ask(kora, one, "once more")
    assert first.headers["x-ratelimit-limit-requests"] == "2", "the tighter of both is told"
    assert refused.error["limited"] == "team:requests"
    assert "This team may make 2 requests a minute" in refused.error["message"]


def test_tokens_are_reserved_and_corrected_by_what_was_used(team: Team) -> None:
    headers = limited(team, tokens_per_minute=1000)
    with inside.opened() as kora:
        first = ask(kora, headers, max_tokens=900)
        second = ask(kora, headers, "another", max_tokens=900)
    used = first.json()["usage"]["total_tokens"]
    assert used < 100
    assert first.headers["x-ratelimit-remaining-tokens"] == str(1000 - used)
    assert second.status == 200, "what was reserved and not used is free again"


def test_what_is_running_keeps_its_reservation(team: Team) -> None:
    headers = limited(team, tokens_per_minute=1000)
    body = {"model": "slow", "max_tokens": 900}
    with inside.opened() as kora, ThreadPoolExecutor(1) as pool:
        running = pool.submit(ask, kora, headers, "long", **body)
        time.sleep(0.2)
        refused = ask(kora, headers, "meanwhile", max_tokens=900)
        assert running.result(20).status == 200
    assert refused.error["limited"] == "key:tokens"


def test_a_request_larger_than_the_limit_goes_when_nothing_else_does(team: Team) -> None:
    headers = limited(team, tokens_per_minute=50)
    with inside.opened() as kora:
        assert ask(kora, headers, max_tokens=5000).status == 200


def named(headers: Any, name: bytes = b"a") -> Any:
    return [*headers, (b"idempotency-key", name), (b"x-kora-cache", b"no-store")]


def test_an_answer_that_is_told_again_counts_as_a_request(team: Team) -> None:
    headers = named(limited(team, requests_per_minute=2, tokens_per_minute=1000))
    with inside.opened() as kora:
        first, again, refused = (ask(kora, headers, max_tokens=900) for _ in range(3))
    assert [each.status for each in (first, again, refused)] == [200, 200, 429]
    assert again.headers["x-kora-idempotent"] == "replayed"
    assert again.headers["x-ratelimit-remaining-requests"] == "0"
    assert refused.error["limited"] == "key:requests"


async def _both(kora: Inside, headers: Any, **fields: Any) -> list[Heard]:
    body = orjson.dumps({"messages": [{"role": "user", "content": "once"}], **fields})
    asking = asyncio.create_task(kora.asking(body, headers=headers))
    await asyncio.sleep(0.15)
    return [await kora.asking(body, headers=headers), await asking]


def test_whoever_waits_for_the_first_needs_neither_tokens_nor_a_slot(team: Team) -> None:
    limits = {"requests_per_minute": 9, "tokens_per_minute": 1000, "max_parallel": 1}
    headers = named(limited(team, **limits))
    with inside.opened() as kora:
        waited, first = kora.run(_both(kora, headers, model="slow", max_tokens=900))
    assert (first.status, waited.status) == (200, 200)
    assert waited.headers["x-kora-idempotent"] == "replayed"
    assert waited.body == first.body
    assert waited.headers["x-ratelimit-remaining-requests"] == "7"


def test_whoever_takes_over_from_the_first_is_counted_once_and_takes_the_rest(team: Team) -> None:
    failing = {"fail": "500", "first_token_ms": 400}
    Backend.objects.filter(name="slow").update(options=failing)
    limits = {"requests_per_minute": 9, "tokens_per_minute": 1000, "max_parallel": 1}
    headers = limited(team, **limits)
    with inside.opened() as kora:
        both = kora.run(_both(kora, named(headers), model="slow", max_tokens=900))
        after = ask(kora, headers, max_tokens=900)
    assert [each.status for each in both] == [502, 502]
    assert "x-ratelimit-limit-tokens" in both[0].headers
    assert after.status == 200, "what both had taken is free again"
    assert after.headers["x-ratelimit-remaining-requests"] == "6"


def test_a_stored_answer_counts_as_a_request_and_not_as_tokens(team: Team) -> None:
    headers = limited(team, tokens_per_minute=1000, requests_per_minute=3)
    with inside.opened() as kora:
        fresh = ask(kora, headers)
        stored = ask(kora, headers)
    assert stored.headers["x-kora-tier"] == "exact"
    left = [each.headers["x-ratelimit-remaining-tokens"] for each in (fresh, stored)]
    assert left[0] == left[1]
    assert stored.headers["x-ratelimit-remaining-requests"] == "1"


def test_stored_answers_go_on_when_tokens_have_run_out(team: Team) -> None:
    plenty = limited(team)
    headers = limited(team, tokens_per_minute=0, requests_per_minute=5)
    with inside.opened() as kora:
        assert ask(kora, plenty).status == 200
        refused = ask(kora, headers, "not stored")
        stored = ask(kora, headers)
    assert refused.error["limited"] == "key:tokens"
    assert stored.headers["x-kora-tier"] == "exact"
    assert stored.headers["x-ratelimit-remaining-requests"] == "4", "the refused took none"


def test_no_more_at_once_than_allowed_and_each_end_frees_its_slot(team: Team) -> None:
    headers = limited(team, max_parallel=2)
    body = orjson.dumps({"model": "slow", "messages": [{"role": "user", "content": "x"}]})
    with inside.opened() as kora:

        async def several(count: int, mark: str) -> list[Heard]:
            texts = [body.replace(b'"x"', f'"{mark}{n}"'.encode()) for n in range(count)]
            return await asyncio.gather(*(kora.asking(text, headers=headers) for text in texts))

        heard = kora.run(several(5, "a"))
        again = kora.run(several(2, "b"))
    assert sorted(each.status for each in heard) == [200, 200, 429, 429, 429]
    refused = next(each for each in heard if each.status == 429)
    assert refused.error["limited"] == "key:parallel"
    assert 1 <= int(refused.headers["retry-after"]) <= 4
    assert [each.status for each in again] == [200, 200]


@pytest.mark.parametrize("streamed", [True, False])
def test_a_client_that_leaves_gives_its_slot_back(team: Team, streamed: bool) -> None:
    headers = limited(team, max_parallel=1)
    asked = {"model": "slow", "stream": streamed, "messages": [{"role": "user", "content": "x"}]}
    with inside.opened() as kora:

        async def leaves() -> None:
            gone = asyncio.Event()
            asking = asyncio.create_task(
                kora.asking(orjson.dumps(asked), headers=headers, leaves=gone)
            )
            await asyncio.sleep(0.15)
            gone.set()
            await asking

        kora.run(leaves())
        assert not kora.room.floor.count
        assert ask(kora, headers).status == 200


def test_a_stream_gives_its_slot_back_before_its_end_is_sent(team: Team) -> None:
    headers = limited(team, max_parallel=1)
    with inside.opened() as kora:
        for number in range(5):
            heard = ask(kora, headers, f"turn {number}", stream=True)
            assert heard.body.endswith(b"data: [DONE]\n\n"), heard


def test_a_request_that_cannot_be_decided_gives_everything_back(team: Team) -> None:
    headers = limited(team, max_parallel=1, tokens_per_minute=5000)
    with inside.opened() as kora:
        for _ in range(3):
            refused = ask(kora, [*headers, (b"x-kora-max-cost", b"0.000000001")], "dear")
            assert refused.status == 422
        heard = ask(kora, headers)
        assert heard.status == 200
        assert not kora.room.floor.count


def test_without_redis_a_process_counts_alone(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = limited(team, requests_per_minute=3)
    with inside.opened() as kora:
        assert ask(kora, headers).status == 200
        monkeypatch.setattr(meters.Meter, "_ask", lambda *_: None)
        heard = [ask(kora, headers) for _ in range(4)]
    assert [each.status for each in heard] == [200, 200, 200, 429]


def test_the_slot_of_a_process_that_died_is_free_after_its_lease(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(meters, "LEASE_S", 0.3)
    scopes = (Scope(whose="key", number=77, requests=None, tokens=None, parallel=1),)
    dead, alive = Meter(), Meter()
    assert dead.admit(scopes, 1).short is None
    assert alive.admit(scopes, 1).short is not None
    eventually(lambda: alive.admit(scopes, 1).short is None, within_s=3, what="a free slot")
    dead.close()
    alive.close()


def test_what_still_runs_keeps_its_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meters, "LEASE_S", 0.4)
    monkeypatch.setattr(meters, "RENEW_EVERY_S", 0.1)
    scopes = (Scope(whose="key", number=78, requests=None, tokens=None, parallel=1),)

    async def holding() -> list[bool]:
        from routing import bus

        meter, shared = Meter(), bus.connect()
        held = meter.admit(scopes, 1)
        staying = asyncio.create_task(meter.stay(shared))
        await asyncio.sleep(1.0)
        full = meter.admit(scopes, 1).short is not None
        staying.cancel()
        await meter.settle(shared, held, [0, 0, 0, 0])
        free = meter.admit(scopes, 1).short is None
        meter.close()
        await shared.aclose()
        return [full, free]

    assert asyncio.run(holding()) == [True, True]


def _hammers(url: str, told: Any, until: float) -> None:
    """A web process of its own: notes the moments at which it was let through."""
    from routing.meter import Meter

    scopes = (
        Scope(whose="key", number=99, requests=40, tokens=None, parallel=None),
        Scope(whose="team", number=99, requests=None, tokens=700, parallel=None),
    )
    meter, moments = Meter(), []
    while time.time() < until:
        taken = meter.admit(scopes, 10, f"{os.getpid()} {time.monotonic_ns()}")
        moments += [] if taken.refused or taken.short else [time.monotonic()]
    assert not taken.alone
    meter.close()
    told.put(moments)


def test_several_processes_together_never_let_one_too_many_through() -> None:
    """Redis does the counting, so what holds for its moments holds for all processes."""
    context = multiprocessing.get_context("fork")
    told, until = context.Queue(), time.time() + SPAN_S
    url = settings.SERVICES.redis_url
    processes = [
        context.Process(target=_hammers, args=(url, told, until)) for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    moments = [moment for _ in processes for moment in told.get(timeout=30)]
    for process in processes:
        process.join(30)
    assert len(moments) == 40, "all of the limit, and never one more"
