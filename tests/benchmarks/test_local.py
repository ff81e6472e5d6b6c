"""The bench of the local engine asks every engine for the same, and counts what it was given."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import mock_upstream
from benchmarks.local import bench, hosts, models, rows, work
from benchmarks.local.hosts import Plan
from benchmarks.local.lanes import Lanes
from benchmarks.local.ours import Ours
from benchmarks.local.wire import Wire
from benchmarks.local.work import Answer, Work

SMALL = dataclasses.replace(models.SHAPES["mini"], vocabulary=600, layers=1, context=256)
WORK = Work(lanes=3, each=2, prompt=10, write=5, seed="a test")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.write(tmp_path_factory.mktemp("bench") / "small.gguf", SMALL)


@pytest.fixture
def plan(model: Path, tmp_path: Path) -> Iterator[Plan]:
    yield Plan(model=model, slots=4, threads=1, context=256, folder=tmp_path)


def test_prompts_differ_from_their_first_words_and_share_only_what_they_should() -> None:
    asked = dataclasses.replace(WORK, prompt=40, shared=100)
    texts = [asked.text(f"{lane} 0") for lane in range(20)]
    assert {len(text) for text in texts} == {140}
    assert len({text[:100] for text in texts}) == 1
    assert len({text[100:110] for text in texts}) == 20
    assert dataclasses.replace(asked, seed="another").text("0 0")[:10] != texts[0][:10]


def test_work_survives_its_way_to_another_process() -> None:
    assert Work.read(WORK.words()) == WORK


def test_an_answer_of_another_length_is_an_error() -> None:
    answers = [Answer(first_s=0.1, took_s=1, written=5), Answer(first_s=0.3, took_s=2, written=3)]
    found = work.figures(WORK, answers, Counter({"refused": 1}), wall_s=2.0)
    assert found["errors"] == {"refused": 1, "another length": 1}
    assert (found["tokens"], found["tokens_s"]) == (8, 4.0)
    assert (found["first_p50_ms"], found["first_p95_ms"]) == (300, 300)


async def test_random_weights_write_as_long_as_asked_and_all_of_it_is_text(model: Path) -> None:
    door = Ours(str(model), slots=4, threads=1, context=256)
    try:
        found = await Lanes(door, dataclasses.replace(WORK, write=60)).run()
    finally:
        await door.close()
    assert found["errors"] == {}
    assert (found["answers"], found["tokens"]) == (6, 360)
    assert 50 <= found["read"] <= 60  # beginnings may be alike by chance


async def test_what_an_engine_refuses_is_told_and_ends_nothing(model: Path) -> None:
    door = Ours(str(model), slots=4, threads=1, context=256)
    try:
        found = await Lanes(door, dataclasses.replace(WORK, prompt=400)).run()
    finally:
        await door.close()
    assert found["answers"] == 0
    assert sum(found["errors"].values()) == 6


def test_a_host_works_line_by_line_and_ends_with_the_block(plan: Plan) -> None:
    with hosts.ours(plan) as host:
        first, second = host.do(WORK), host.do(dataclasses.replace(WORK, neighbour=100))
        assert host.process.poll() is None
    assert host.process.returncode == 0
    assert (first["answers"], second["answers"]) == (6, 6)
    assert first["errors"] == second["errors"] == {}


def test_a_measured_engine_has_every_figure_that_its_bars_need(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorter = {task: dataclasses.replace(asked, each=1, write=3, prompt=8,
                                         shared=asked.shared and 100,
                                         neighbour=asked.neighbour and 60)
               for task, asked in rows.TASKS.items()}  # fmt: skip
    shorter[rows.APART] = dataclasses.replace(shorter[rows.APART], prompt=108)
    monkeypatch.setattr(rows, "TASKS", shorter)
    monkeypatch.setattr(rows, "PAUSE_S", 0)
    with rows.served(plan, with_peers=False, with_kora=False) as measured:
        cells = rows.measure(measured, rounds=1, tasks=list(shorter))
    assert [task for row, task in cells if row == rows.OURS] == list(shorter)
    assert not any(cell["errors"] for cell in cells.values())
    verdicts = [bar.verdict for bar in bench.bars(cells)]
    assert verdicts == ["not measured"] * 7 + ["pass"]
    assert rows.OURS in bench.table(measured, cells)


async def test_an_answer_that_ended_by_itself_is_no_measurement() -> None:
    manner = mock_upstream.Manner(tokens=5)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: mock_upstream.Upstream(manner), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    door = Wire(f"http://127.0.0.1:{port}/v1/chat/completions", model="mock", headers={})
    found = await Lanes(door, WORK).run()
    server.close()
    await server.wait_closed()
    assert found["answers"] == 0
    assert found["errors"] == {"RuntimeError: the answer ended with stop": 6}
