"""Several web processes behind one socket: restarted in turn without a lost request, counting as
one for limits and metrics."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests import running
from tests.faults.plant import Plant

pytestmark = pytest.mark.journey
WEBS = ("web", "web-2", "web-3")
LIMIT = 25


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    home = tmp_path_factory.mktemp("webs") / "home"
    started = running.Kora(home=home, variables={"KORA_WEB_PROCESSES": str(len(WEBS))})
    try:
        started.start()
        planted = Plant(kora=started)
        planted.sandbox("steady", reply="a few words", first_token_ms=20)
        planted.await_models("steady")
        yield planted
        planted.http.close()
    finally:
        started.stop()


def ask(plant: Plant, key: str, words: str) -> httpx.Response:
    """On a connection of its own, so that any of the processes may get it."""
    body = {"model": "steady", "messages": [{"role": "user", "content": words}]}
    headers = {"authorization": f"Bearer {key}", "connection": "close"}
    url = f"{plant.kora.url}/v1/chat/completions"
    return httpx.post(url, json=body, headers=headers, timeout=30)


def counted(plant: Plant) -> float:
    page = httpx.get(f"{plant.kora.url}/metrics", timeout=10).text
    found = re.findall(r'^kora_requests_total\{.*state="answered".*\} (\S+)$', page, re.MULTILINE)
    return sum(map(float, found))


def test_all_of_them_run(plant: Plant) -> None:
    assert set(WEBS) <= set(plant.kora.pids)


def test_a_limit_holds_for_all_of_them_together(plant: Plant) -> None:
    made = plant.post("keys", {"name": "limited", "requests_per_minute": LIMIT})
    with ThreadPoolExecutor(12) as pool:
        heard = list(pool.map(lambda n: ask(plant, made["key"], f"limited {n}"), range(60)))
    statuses = Counter(each.status_code for each in heard)
    assert statuses == {200: LIMIT, 429: 60 - LIMIT}
    told = sorted(int(each.headers["retry-after"]) for each in heard if each.is_error)
    assert told[LIMIT - 1] <= 70, "as many as fit come again in the next minute"
    assert told[-1] <= 135, "the others in the one after it"


def test_metrics_are_of_all_of_them_whoever_is_asked(plant: Plant) -> None:
    before = counted(plant)
    for number in range(30):
        assert ask(plant, plant.kora.api_key, f"counted {number}").status_code == 200
    assert {counted(plant) - before for _ in range(6)} == {30.0}


def test_a_rolling_restart_loses_no_request(plant: Plant) -> None:
    stop, statuses = threading.Event(), Counter[int]()
    before = {name: plant.kora.pids[name] for name in WEBS}

    def goes_on(number: int) -> None:
        asked = 0
        while not stop.is_set():
            asked += 1
            statuses[ask(plant, plant.kora.api_key, f"rolling {number} {asked}").status_code] += 1

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(goes_on, number) for number in range(4)]
        try:
            for name in WEBS:
                os.kill(before[name], signal.SIGTERM)
                running.eventually(
                    lambda name=name: plant.kora.pids.get(name) not in (None, before[name]),
                    within_s=40,
                    what=f"another {name}",
                )
                time.sleep(2)
        finally:
            stop.set()
        for each in asking:
            each.result(60)
    assert set(statuses) == {200}, statuses
    assert statuses[200] > 20
