from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inference.local import crashes, layout, options, residents
from inference.local.crashes import Marks, TakenOutError
from inference.local.engine import Engine
from inference.local.local import Local
from inference.local.words import Settings
from inference.store import models
from inference.store.models import ModelFile
from inference.words import EngineError, Failure
from tests.inference.local import tiny
from tests.inference.talk import talking
from tests.inference.talk.talking import target, whole

DIES = """
import os, sys
from pathlib import Path
from inference.local.crashes import Marks
with Marks(Path(sys.argv[1])).loading(sys.argv[2], Path(sys.argv[3]), sys.argv[4]):
    os.kill(os.getpid(), 11 if len(sys.argv) < 6 else 0)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[models.Store]:
    before = models._store
    models.use(tmp_path / "models")
    models.store().import_file(tiny.write(tmp_path / "tiny.gguf"), "tiny:f16", move=True)
    yield models.store()
    models._store = before


LABEL = options.label(target().options)


def die(store: models.Store, *, politely: bool = False, setting: str = LABEL) -> int:
    """A process that a model takes down while it is loaded."""
    file = store.find("tiny:f16").path
    command = [sys.executable, "-c", DIES, str(store.folder), "tiny:f16", str(file), setting]
    more = ["no"] if politely else []
    return subprocess.run([*command, *more], check=False, timeout=60).returncode


async def refusal(local: Local) -> EngineError:
    with pytest.raises(EngineError) as found:
        await whole(local)
    return found.value


async def test_a_model_that_crashed_twice_is_not_loaded_until_it_is_forgiven(
    store: models.Store,
) -> None:
    assert die(store) == -11
    local = Local()
    await local.load(target())  # once may be chance; success forgets it
    await local.close()
    assert [die(store), die(store)] == [-11, -11]
    local = Local()
    error = await refusal(local)
    assert error.failure is Failure.SERVER
    assert "taken out" in error.message
    (said,) = local.gauges()
    assert (said.model, said.state, said.message) == ("tiny:f16", "taken-out", error.message)
    crashes.forgive("tiny:f16")
    assert (await whole(local)).usage.completion_tokens
    assert [said.state for said in local.gauges()] == ["ready"]
    await local.close()


async def test_another_file_under_the_name_is_another_model(store: models.Store) -> None:
    assert [die(store), die(store)] == [-11, -11]
    path = store.find("tiny:f16").path
    with pytest.raises(TakenOutError):
        Marks(store.folder).check("tiny:f16", path, LABEL)
    Marks(store.folder).check("tiny:f16", path, "gpu_layers=99")
    os.utime(path, (1, 1))
    Marks(store.folder).check("tiny:f16", path, LABEL)


async def test_an_error_and_a_process_that_still_loads_are_no_crashes(store: models.Store) -> None:
    assert [die(store, politely=True) for _ in range(3)] == [0, 0, 0]
    marks, path = Marks(store.folder), store.find("tiny:f16").path
    for _ in range(3):
        with pytest.raises(ValueError, match="ordinary"), marks.loading("tiny:f16", path):
            raise ValueError("ordinary")
    with marks.loading("tiny:f16", path):
        assert marks.crashes("tiny:f16", path) == 0
        marks.withdraw("tiny:f16")
    assert marks.crashes("tiny:f16", path) == 0


async def test_a_model_that_cannot_be_loaded_is_left_alone_for_a_while(
    store: models.Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="inference.local.residents")
    tries = []

    def opening(model: ModelFile, settings: Settings) -> Engine:
        tries.append(model.reference)
        if len(tries) < 3:
            raise EngineError(Failure.SERVER, "the disk is tired")
        return residents.open_engine(model, settings)

    local = Local(opening=opening)
    for _ in range(2):
        assert (await refusal(local)).message == "the disk is tired"
    assert len(tries) == 1
    (said,) = local.gauges()
    assert (said.state, said.message) == ("failed", f"the disk is tired (with {LABEL})")
    monkeypatch.setattr(residents, "RETRY_S", 0.0)
    await refusal(local)
    assert (await whole(local)).usage.completion_tokens
    told = [(line.levelname, line.getMessage()[:9]) for line in caplog.records]
    assert told == [("WARNING", "tiny:f16 "), ("WARNING", "tiny:f16 "), ("INFO", "tiny:f16 ")]
    assert "the disk is tired" in caplog.text
    await local.close()


async def test_options_that_are_too_much_leave_other_backends_of_the_file_alone(
    store: models.Store,
) -> None:
    def opening(model: ModelFile, settings: Settings) -> Engine:
        if settings.slots == 3:
            raise EngineError(Failure.SERVER, "too much")
        return residents.open_engine(model, settings)

    local = Local(opening=opening)
    await whole(local)
    with pytest.raises(EngineError, match="too much"):
        await whole(local, target(slots=3))
    said = {one.setting: (one.state, one.message) for one in local.gauges()}
    worse = options.label(target(slots=3).options)
    assert said == {LABEL: ("ready", ""), worse: ("failed", f"too much (with {worse})")}
    await local.close()


async def test_who_waits_for_a_model_may_leave_and_it_is_loaded_all_the_same(
    store: models.Store,
) -> None:
    local = Local()
    waiting: list[asyncio.Task[Any]] = [asyncio.create_task(local.load(target())) for _ in range(3)]
    await asyncio.sleep(0.001)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await local.load(target())
    assert [said.state for said in local.gauges()] == ["ready"]
    assert not list((store.folder / crashes.FOLDER).rglob("*.json"))
    await local.close()


async def test_a_damaged_file_is_not_answered_from_and_a_repaired_one_is(
    store: models.Store,
) -> None:
    local, path = Local(), store.find("tiny:f16").path
    before = (await whole(local)).body["choices"]
    good = path.read_bytes()
    path.write_bytes(good[:-8] + b"rotten!!")
    assert "is damaged: its checksum differs" in (await refusal(local)).message
    fresh = path.with_suffix(".fresh")
    fresh.write_bytes(good)
    fresh.replace(path)
    assert (await whole(local)).body["choices"] == before
    assert [said.state for said in local.gauges()] == ["ready"]
    await local.close()


async def test_models_with_long_contexts_do_not_put_each_other_out(
    store: models.Store, tmp_path: Path
) -> None:
    """Their headers say 128k; the engine here is opened with less, for the sake of this machine."""
    shape = replace(tiny.SHAPE, context=131_072)
    for name in ("one", "two"):
        store.import_file(tiny.write(tmp_path / "x.gguf", shape=shape), f"{name}:f16", move=True)

    def opening(model: ModelFile, settings: Settings) -> Engine:
        return residents.open_engine(model, replace(settings, context=512, slots=1))

    local = Local(opening=opening, memory_bytes=layout.lanes_bytes() * 5 // 2)
    for name in ("one", "two", "one"):
        await whole(local, target(f"{name}:f16", context=0, slots=64))
    assert [said.state for said in local.gauges()] == ["ready", "ready"]
    await local.close()


async def test_an_engine_that_broke_is_put_out_and_said_so(store: models.Store) -> None:
    local = Local()
    await whole(local)
    (place,) = local._residents._places.values()
    assert place.resident
    place.resident.engine.close()
    assert (await refusal(local)).failure is Failure.SERVER
    assert [said.state for said in local.gauges()] == ["failed"]
    await local.close()


async def test_a_file_whose_template_is_broken_is_not_served(tmp_path: Path) -> None:
    before = models._store
    models.use(tmp_path / "models")
    path = talking.write_chatml(tmp_path / "bad.gguf", template="{% if %}")
    models.store().import_file(path, "bad:f16", move=True)
    local = Local()
    with pytest.raises(EngineError, match="chat template fails"):
        await whole(local, target("bad:f16"))
    await local.close()
    models._store = before
