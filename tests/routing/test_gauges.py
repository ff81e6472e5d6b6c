"""Heartbeats of our own workers become one picture; who is silent is not in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import orjson
import pytest

from inference.local.words import Gauges
from routing import bus, gauges, loads
from routing.gauges import Snapshot
from routing.loads import Load

READY = Gauges(
    model="mini:q8_0", state="ready", slots=4, running=3, waiting=1, bound=8, prefill_tps=100.0,
    decode_tps=20.0, wait_s=1.5, context=512,
)  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    gauges.forget()
    yield
    gauges.forget()


def heartbeat(number: int, *models: Gauges) -> dict[str, Any]:
    told: dict[str, Any] = orjson.loads(orjson.dumps({"beat": number, "models": models}))
    return told


def taken(*looks: tuple[float, dict[str, Any]]) -> Snapshot:
    snapshot = Snapshot()
    for now, states in looks:
        snapshot = gauges.taken(states, snapshot.beats, now)
    return snapshot


def test_room_of_several_workers_adds_up_and_the_shortest_wait_counts() -> None:
    other = Gauges(model="mini:q8_0", state="ready", slots=2, bound=2, wait_s=0.0, decode_tps=30.0)
    loading = Gauges(model="mini:q8_0", state="loading")
    found = taken(
        (0.0, {"a": heartbeat(1, READY), "b": heartbeat(1, other), "c": heartbeat(1, loading)})
    )
    assert gauges.load_in(found.models.values(), "mini:q8_0") == Load(
        places=12, wait_s=0.0, prefill_tps=100.0, decode_tps=30.0
    )


def test_a_worker_that_no_longer_moves_vanishes_though_its_key_lives() -> None:
    dead = {"a": heartbeat(5, READY)}
    still = taken((0.0, dead), (1.0, dead))
    assert (still.alive, list(still.models)) == (True, ["mini:q8_0"])
    gone = taken((0.0, dead), (1.0, dead), (2.5, dead), (2.8, dead))
    assert (gone.alive, gone.models) == (False, {})
    moved = taken((0.0, dead), (2.5, {"a": heartbeat(6, READY)}))
    assert moved.alive


@pytest.mark.parametrize("state", ["failed", "taken-out"])
def test_a_model_that_was_given_up_is_served_only_if_another_worker_has_it(state: str) -> None:
    lost = Gauges(model="m", state=state, message="it crashed twice")
    assert gauges.load_in([lost], "m") == Load(served=False)
    well = Gauges(model="m", state="ready", slots=1)
    assert gauges.load_of(gauges.together([lost, well])).served


def test_a_setting_that_does_well_hides_none_that_was_given_up() -> None:
    well = Gauges(model="m:q8_0", state="ready", slots=1)
    away = Gauges(model="m:q8_0", state="not loaded", setting="slots=2")
    lost = Gauges(model="m:q8_0", state="failed", setting="slots=64")
    assert gauges.load_in([lost, well], "m").served
    assert gauges.load_in([lost, away], "m:q8_0") == Load()
    asked = {one: gauges.given_up([well, away, lost], "m", one) for one in ("", "slots=64")}
    assert asked == {"": False, "slots=64": True}


def test_a_model_that_is_loading_or_of_another_name_has_no_figures_yet() -> None:
    assert gauges.load_in([Gauges(model="m", state="loading")], "m").places is None
    assert gauges.load_in([READY], "mini").places == 8
    assert gauges.load_in([READY], "other") is loads.UNKNOWN
    odd = heartbeat(1) | {"models": [asdict(READY) | {"state": "dreaming", "colour": "red"}]}
    assert taken((0.0, {"a": odd})).models["mini:q8_0"].state == "loading"


async def test_what_is_in_redis_is_seen_and_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    redis, key = bus.connect(), bus.worker_key("local.test-gauges.1")
    try:
        await redis.set(key, orjson.dumps(heartbeat(1, READY)), px=5000)
        await gauges.look(redis)
        assert gauges.of("mini:q8_0").places == 8
        await redis.delete(key)
        await gauges.look(redis)
        assert gauges.of("mini:q8_0") == Load(served=False)
    finally:
        await redis.delete(key)
        await redis.aclose()
    monkeypatch.setattr(gauges, "KNOWN_FOR_S", -1.0)
    assert gauges.of("mini:q8_0") is loads.UNKNOWN
    assert list(gauges.everything()) == []
