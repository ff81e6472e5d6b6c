"""The worker of our own models dies, as native code does: the answer comes from elsewhere, or the
stream says that it broke; the worker comes back, and a model that keeps killing it stays out."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from inference.local import crashes, options
from tests import running
from tests.faults.asking import Asker
from tests.faults.plant import BACK_WITHIN_S, Plant
from tests.inference.local import tiny
from training import llama_file

pytestmark = [pytest.mark.faults, pytest.mark.timeout(170)]

MODEL = "deep:f16"
DEEP = llama_file.Shape(
    vocabulary=tiny.SHAPE.vocabulary,
    width=256,
    layers=24,
    heads=4,
    kv_heads=2,
    feed_forward=256,
    context=8192,
)
"""An answer of thousands of tokens takes it seconds."""
LONG = 6000
OPTIONS = {"context": 8192}
FREE = {"price_in": "0", "price_out": "0"}
ON_AND_ON = {"temperature": 0, "logit_bias": {str(256 + n): -100 for n in range(4)}}
AFTER_MANY_S = 60.0
"""The supervisor waits the longer the more often a process has died, half a minute at most."""
DEATHS = [signal.SIGKILL, signal.SIGSEGV]


@pytest.fixture(scope="module")
def ours(plant: Plant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    made = tiny.write(tmp_path_factory.mktemp("models") / "deep.gguf", shape=DEEP)
    taken = plant.kora.manage("models", "import", str(made), "--name", "deep", "--variant", "f16")
    assert taken.returncode == 0, taken.stderr
    fields = {"kind": "local", "model": MODEL, "options": OPTIONS, **FREE}
    plant.backend("deep", **fields, context=8192, max_output=LONG)
    plant.await_models("deep")
    yield plant


def is_ready(plant: Plant) -> bool:
    return f'kora_local_ready{{model="{MODEL}"}} 1.0' in httpx.get(f"{plant.kora.url}/metrics").text


async def warm(plant: Plant, asker: Asker) -> None:
    """The model is in memory, so that what dies is a running call."""
    assert (await asker.ask("deep", max_tokens=3)).ending == "answered"
    running.eventually(lambda: is_ready(plant), within_s=5, what="the gauges")


@pytest.mark.parametrize("death", DEATHS)
async def test_before_the_content_another_backend_answers(
    ours: Plant, asker: Asker, death: signal.Signals
) -> None:
    await warm(ours, asker)
    asker.key = ours.key(f"two backends {death.name}", "deep", "steady")
    asking = asyncio.create_task(asker.ask("auto:cheap", max_tokens=LONG, fields=ON_AND_ON))
    await asyncio.sleep(1.0)
    ours.kora.kill("local", death)
    told = await asking
    assert told.ending == "answered", told.error
    assert (told.headers["x-kora-backend"], told.headers["x-kora-reason"]) == (
        "steady",
        "fallback:worker",
    )
    ours.recovers()
    booked = ours.booked(told.session)
    assert booked is not None
    assert booked.states == ["settled", "settled"]
    assert [row["unconfirmed"] for row in booked.charged] in ([True, False], [False, True])


@pytest.mark.parametrize("death", DEATHS)
async def test_after_the_content_the_stream_ends_with_an_error_and_the_worker_comes_back(
    ours: Plant, asker: Asker, death: signal.Signals
) -> None:
    await warm(ours, asker)
    first = asyncio.Event()
    asking = asyncio.create_task(
        asker.ask("deep", stream=True, max_tokens=LONG, first=first, fields=ON_AND_ON)
    )
    await asyncio.wait_for(first.wait(), 20)
    killed = ours.kora.kill("local", death)
    running.eventually(
        lambda: ours.kora.pids["local"] != killed and is_ready(ours),
        within_s=BACK_WITHIN_S,
        what="the worker with its model in memory",
    )
    told = await asking
    assert told.text and told.ending == "broken:upstream_failed"
    assert (await asker.ask("deep", max_tokens=3)).ending == "answered"
    ours.recovers()
    booked = ours.booked(told.session)
    assert booked is not None
    assert (booked.state, booked.states) == ("failed", ["settled"])


async def test_a_model_that_died_with_its_worker_twice_is_taken_out_and_said_so(
    ours: Plant, asker: Asker
) -> None:
    """The deaths themselves are played: marks as two workers leave them that die while loading."""
    store = ours.kora.home / "models"
    file = store / "deep" / "f16.gguf"
    dead = store / ".loading" / quote(MODEL, safe="")
    ours.kora.kill("local")
    _leave_marks(dead, file)
    running.eventually(
        lambda: _state(ours) == "taken-out", within_s=AFTER_MANY_S, what="a model taken out"
    )
    asker.key = ours.key("with an other", "deep", "steady")
    told = await asker.ask("auto:cheap")
    assert (told.ending, told.headers["x-kora-backend"]) == ("answered", "steady")
    alone = await asker.ask("auto:local")
    assert alone.code == "upstream_failed"
    assert "taken out" in json.dumps(alone.error)
    for mark in dead.glob("*"):
        mark.unlink()
    assert (await asker.ask("auto:local", max_tokens=3)).ending == "answered", "it was forgiven"
    ours.is_in_order()


def _leave_marks(folder: Path, file: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    about = file.stat()
    setting = crashes._key(options.settings(OPTIONS).label)
    for pid in (99_999_997, 99_999_998):
        (folder / f"{pid}-1-{setting}.json").write_text(
            json.dumps([about.st_size, about.st_mtime_ns])
        )


def _state(plant: Plant) -> str:
    workers = plant.http.get("/health/").json()["workers"]
    models = [each for worker in workers for each in worker.get("models", ())]
    return next((each["state"] for each in models if each["model"] == MODEL), "")
