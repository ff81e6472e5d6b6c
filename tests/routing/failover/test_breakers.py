"""Breakers as clients meet them, and as processes share them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from django.conf import settings
from redis import Redis

from analytics.models import Attempt, Budget, Price
from routing import catalog, errors, targets, vitals
from routing.failover import allowance, breakers, circuits, crowds, together
from routing.models import Backend
from teams import keys
from teams.models import Organisation, Scope, Team
from tests.routing import inside
from tests.routing.inside import Heard, Inside
from tests.running import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def headers(transactional_db: None) -> list[tuple[bytes, bytes]]:
    vitals._vitals.clear()
    team = Team.objects.create(organisation=Organisation.objects.create(name="Acme"), name="red")
    text = keys.issue(team, name="app", scopes=[Scope.INFER]).text
    return [(b"authorization", f"Bearer {text}".encode())]


def made(name: str, usd: int = 1, **options: Any) -> Backend:
    Price.objects.create(backend=name, price_in=usd, price_out=usd, price_cached_in=usd)
    return Backend.objects.create(name=name, kind="sandbox", model=name, options=options)


@pytest.fixture
def kora(headers: list[tuple[bytes, bytes]]) -> Iterator[Inside]:
    made("toy", fail="server_error")
    with inside.opened() as opened:
        yield opened
    breakers.forget()
    allowance._mine.seconds.clear()


def ask(kora: Inside, headers: list[tuple[bytes, bytes]], model: str = "toy") -> Heard:
    words = f"hello {time.monotonic_ns()}"
    body = {"model": model, "messages": [{"role": "user", "content": words}]}
    return kora.ask(orjson.dumps(body), headers=headers)


def broken(kora: Inside, headers: list[tuple[bytes, bytes]]) -> Heard:
    """The first answer that says that nobody is asked any more."""
    for _ in range(5):
        heard = ask(kora, headers)
        if heard.status == 503:
            return heard
        assert (heard.status, heard.error["code"]) == (502, "upstream_failed")
    raise AssertionError("it never opened")


def mended(**options: Any) -> None:
    """As a provider recovers: without anybody's changing KORA's settings."""
    Backend.objects.filter(name="toy").update(options=options)
    changed = Backend.objects.get(name="toy")
    targets._known.pop(changed.pk, None)


def test_the_only_backend_rests_after_five_failures_and_says_for_how_long(
    kora: Inside, headers: list[tuple[bytes, bytes]]
) -> None:
    heard = broken(kora, headers)
    assert heard.error["code"] == "unavailable"
    assert "toy" in heard.error["message"]
    assert 1 <= int(heard.headers["retry-after"]) <= circuits.FIRST_OPEN_S
    tries = Attempt.objects.exclude(failure="open").count()
    assert tries == circuits.IN_A_ROW
    assert ask(kora, headers).status == 503
    assert Attempt.objects.exclude(failure="open").count() == tries
    mended()
    time.sleep(circuits.FIRST_OPEN_S + 0.1)
    assert ask(kora, headers).status == 200
    assert catalog.current().live()[0].breaker == circuits.CLOSED


def test_another_backend_answers_while_one_rests_and_one_request_tries_it(
    kora: Inside, headers: list[tuple[bytes, bytes]]
) -> None:
    broken(kora, headers)
    made("dear", usd=9)
    kora.refresh()
    before = Attempt.objects.filter(backend="toy").count()
    heard = [ask(kora, headers, "auto:cheap") for _ in range(3)]
    assert {each.headers["x-kora-backend"] for each in heard} == {"dear"}
    assert {each.headers["x-kora-attempts"] for each in heard} == {"1"}
    time.sleep(circuits.FIRST_OPEN_S + 0.1)
    assert {ask(kora, headers, "auto:cheap").status for _ in range(4)} == {200}
    tried = Attempt.objects.filter(backend="toy").exclude(failure="open").count()
    assert tried == before + 1


def test_settings_that_were_changed_are_tried_at_once(
    kora: Inside, headers: list[tuple[bytes, bytes]]
) -> None:
    broken(kora, headers)
    toy = Backend.objects.get(name="toy")
    toy.options = {}
    toy.save()
    kora.refresh()
    assert ask(kora, headers).status == 200


def test_other_processes_know_and_what_redis_loses_it_is_told_again(
    kora: Inside, headers: list[tuple[bytes, bytes]]
) -> None:
    broken(kora, headers)
    toy = catalog.current().backend("toy")
    assert toy is not None
    field = str(toy.backend_id)
    with Redis.from_url(settings.SERVICES.redis_url) as redis:

        def stored() -> Any:
            raw: Any = redis.hget(breakers.KEY, field)
            return raw and circuits.read(raw)

        eventually(lambda: stored() and stored().is_open, within_s=10, what="the news")
        redis.delete(breakers.KEY)
        eventually(lambda: stored() and stored().is_open, within_s=10, what="the news again")
        breakers.forget()  # as a process that has just begun
        eventually(lambda: breakers.state(toy) != circuits.CLOSED, within_s=10, what="learning it")
        recovered = circuits.Circuit(version=toy.version, name="toy", changed_at=breakers.now())
        redis.hset(breakers.KEY, field, circuits.write(recovered))
        eventually(
            lambda: breakers.state(toy) == circuits.CLOSED, within_s=10, what="the end of it"
        )


def test_of_two_processes_one_makes_the_trial(
    kora: Inside, headers: list[tuple[bytes, bytes]]
) -> None:
    broken(kora, headers)
    toy = catalog.current().backend("toy")
    assert toy is not None
    eventually(lambda: breakers.state(toy) == circuits.HALF_OPEN, within_s=5, what="its turn")

    async def both() -> list[bool]:
        first = await breakers.enter(toy)
        breakers._circuits[toy.backend_id] = circuits.Circuit(
            version=toy.version, name="toy", is_open=True
        )  # what the other process still believes
        return [first, await breakers.enter(toy)]

    assert kora.run(both()) == [True, False]


def test_a_limited_backend_is_asked_again_exactly_when_it_said(
    kora: Inside, headers: list[tuple[bytes, bytes]]
) -> None:
    Backend.objects.filter(name="toy").delete()
    made("full", fail="rate_limit", retry_after_s=0.5)
    kora.refresh()
    began = time.monotonic()
    heard = ask(kora, headers, "full")
    took_s = time.monotonic() - began
    assert (heard.status, heard.error["code"]) == (502, "upstream_failed")
    assert [each["failure"] for each in heard.error["attempts"]] == ["key_transient"] * 3
    assert heard.headers["retry-after"] == "1"
    assert took_s >= 1.0, "two waits of half a second"
    Backend.objects.filter(name="full").update(options={"fail": "rate_limit", "retry_after_s": 9e3})
    kora.run(kora.room.hands.do(catalog.refresh))
    targets._known.clear()
    time.sleep(0.6)
    heard = ask(kora, headers, "full")
    assert heard.status == 502
    assert heard.headers["retry-after"] == "9000"
    assert len(heard.error["attempts"]) == 1


def test_what_processes_tell_each_other_can_be_read_by_both(
    kora: Inside, headers: list[tuple[bytes, bytes]]
) -> None:
    told = orjson.dumps({"at": breakers.now(), "backends": {"toy": [3, 0.7]}})
    with Redis.from_url(settings.SERVICES.redis_url) as redis:
        redis.hset(together.KEY, "another", told)
        eventually(lambda: crowds.of("toy").in_flight == 3, within_s=10, what="the others")
        live = catalog.current().alive("toy")
        assert live is not None
        assert live.in_flight == 3
        eventually(lambda: not crowds.of("toy").in_flight, within_s=5, what="their silence")
        redis.hdel(together.KEY, "another")


def test_a_model_that_several_backends_share_is_listed_once_and_answered_by_any(
    kora: Inside, headers: list[tuple[bytes, bytes]]
) -> None:
    for name in ("east", "west"):
        made(name)
    Backend.objects.filter(name__in=["east", "west"]).update(model="shared")
    kora.refresh()
    listed = kora.ask(headers=headers, method="GET", path="/v1/models").json()["data"]
    assert [each["id"] for each in listed].count("shared") == 1
    heard = [ask(kora, headers, "shared") for _ in range(8)]
    assert {each.status for each in heard} == {200}
    assert {each.headers["x-kora-backend"] for each in heard} <= {"east", "west"}
    path = f"/v1/requests/{heard[0].headers['x-kora-request-id']}"
    told = kora.ask(headers=headers, method="GET", path=path).json()["receipt"]["pool"]
    assert told["model"] == "shared"
    assert sum(each["chance"] for each in told["among"].values()) == pytest.approx(1.0)


def test_who_no_budget_has_room_for_is_passed_over_by_a_fallback(
    kora: Inside, headers: list[tuple[bytes, bytes]]
) -> None:
    Backend.objects.filter(name="toy").update(quality=1.0)
    made("dear", usd=90_000)
    made("cheap")
    Backend.objects.filter(name="dear").update(quality=0.9)
    team = Team.objects.get()
    Budget.objects.create(
        organisation=team.organisation, name="little", scope="team", scope_id=str(team.pk),
        limit_usd=1,
    )  # fmt: skip
    kora.refresh()
    heard = ask(kora, headers, "auto:best")
    assert heard.headers["x-kora-backend"] == "cheap"
    assert heard.headers["x-kora-reason"] == "fallback:server"


def test_whoever_is_turned_away_reads_each_resting_backend_once() -> None:
    alone = errors.Resting(["a", "a"], retry_after_s=1.5)
    assert "its backend a rests after failures and can be tried again in 1.5 s" in alone.message
    both = errors.Resting(["a", "b"], retry_after_s=1.5)
    assert "its backends a, b rest after failures" in both.message
