"""What children say is kept and shown; how long the dead must wait."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kora_site.up import logs
from kora_site.up.children import Child
from kora_site.up.logs import LogFile, Terminal
from kora_site.up.process import Process


@pytest.fixture
def make(tmp_path: Path) -> Iterator[list[Child]]:
    made: list[Child] = []
    yield made
    for child in made:
        child.process.kill()
        child._close_reading()
        child.log.close()


def child(made: list[Child], folder: Path, program: str) -> Child:
    process = Process(
        command=[sys.executable, "-c", program], environment=dict(os.environ), folder=folder
    )
    log = LogFile(path=folder / "one.log")
    made.append(Child(name="one", process=process, log=log, terminal=Terminal(coloured=False)))
    return made[-1]


def finish(one: Child) -> None:
    assert one.process.wait(20)
    while one.pump():
        time.sleep(0.01)


def test_lines_are_kept_and_shown_with_the_name(
    make: list[Child], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = child(make, tmp_path, "import sys; print('first'); sys.stdout.write('no end')")
    one.start()
    finish(one)
    assert (tmp_path / "one.log").read_text() == "first\nno end\n"
    assert capsys.readouterr().out == "one        | first\none        | no end\n"


def test_a_person_sees_colours(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(coloured=True).relay("web", "hello")
    assert capsys.readouterr().out == "\x1b[36mweb        |\x1b[0m hello\n"


def test_each_death_is_told_once_and_pauses_grow(make: list[Child], tmp_path: Path) -> None:
    one = child(make, tmp_path, "raise SystemExit(3)")
    pauses = []
    for _ in range(8):
        one.start()
        finish(one)
        assert one.died()
        assert not one.died()
        assert not one.is_due()
        pauses.append(one.pause_s())
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert one.how_it_ended() == "ended with status 3"


def test_a_killed_child_is_named_so(make: list[Child], tmp_path: Path) -> None:
    one = child(make, tmp_path, "import time; time.sleep(60)")
    one.start()
    assert one.process.is_alive()
    one.process.kill()
    assert one.died()
    assert one.how_it_ended() == "was killed by SIGKILL"


def test_what_a_child_started_dies_with_it(make: list[Child], tmp_path: Path) -> None:
    nested = "import subprocess, time; subprocess.Popen(['sleep', '60']); time.sleep(60)"
    one = child(make, tmp_path, f"print('up', flush=True); {nested}")
    one.start()
    deadline = time.monotonic() + 20
    while not (tmp_path / "one.log").exists() and time.monotonic() < deadline:
        one.pump()
        time.sleep(0.05)
    one.process.kill()
    finish(one)


def test_a_large_log_moves_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LIMIT_BYTES", 10)
    log = LogFile(path=tmp_path / "one.log")
    for number in range(9):
        log.write(f"line number {number}\n".encode())
    log.close()
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["one.log", *(f"one.log.{number}" for number in range(1, logs.KEPT + 1))]
    assert (tmp_path / "one.log").read_text() == "line number 8\n"
    assert (tmp_path / "one.log.1").read_text() == "line number 7\n"


def test_a_log_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    log = LogFile(path=tmp_path / "absent" / "one.log")
    log.write(b"lost\n")
    (tmp_path / "absent").mkdir()
    log.write(b"kept\n")
    log.close()
    assert (tmp_path / "absent" / "one.log").read_text() == "kept\n"
