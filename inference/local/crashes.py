"""Which models took their process down while they were loaded: marks on disk that outlive it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from inference.store import models
from inference.words import EngineError, Failure

FOLDER = ".loading"
ENOUGH = 2
"""Crashes after which a model is not loaded any more."""


class TakenOutError(EngineError):
    """The model is not loaded again until its file changes or somebody forgives it."""

    def __init__(self, reference: str) -> None:
        super().__init__(
            Failure.SERVER,
            f"{reference} is taken out: the worker died {ENOUGH} times while loading it",
        )


class Marks:
    """Each process that loads a model writes a mark of its own and removes it afterwards; what
    a dead process left is a crash."""

    def __init__(self, models: Path) -> None:
        self._folder = models / FOLDER

    @contextlib.contextmanager
    def loading(self, reference: str, file: Path) -> Iterator[None]:
        """Raises TakenOutError before anything is loaded. An error, or the orderly end of this
        process, is no crash."""
        self.check(reference, file)
        mark = self._mark(reference)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(json.dumps(_print_of(file)))
        try:
            yield
        except BaseException:
            mark.unlink(missing_ok=True)
            raise
        self.forgive(reference)

    def check(self, reference: str, file: Path) -> None:
        if self.crashes(reference, file) >= ENOUGH:
            raise TakenOutError(reference)

    def crashes(self, reference: str, file: Path) -> int:
        """Of this file as it is now; marks of an earlier one are removed."""
        now, found = _print_of(file), 0
        for mark in self._marks(reference):
            if _alive(mark):
                continue
            if _read(mark) == now:
                found += 1
            else:
                mark.unlink(missing_ok=True)
        return found

    def forgive(self, reference: str) -> None:
        shutil.rmtree(self._place(reference), ignore_errors=True)

    def withdraw(self, reference: str) -> None:
        """This process ends in order while it loads: no crash."""
        self._mark(reference).unlink(missing_ok=True)

    def _mark(self, reference: str) -> Path:
        return self._place(reference) / f"{os.getpid()}-{_started(os.getpid())}.json"

    def _marks(self, reference: str) -> list[Path]:
        return sorted(self._place(reference).glob("*.json"))

    def _place(self, reference: str) -> Path:
        return self._folder / quote(reference, safe="")


def forgive(reference: str) -> None:
    """Gives a model that was taken out another try."""
    model = models.find(reference)
    Marks(models.store().folder).forgive(model.reference)


def _print_of(file: Path) -> list[int]:
    """Enough to see that a file was replaced."""
    try:
        found = file.stat()
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns]


def _read(mark: Path) -> list[int] | None:
    try:
        return [int(number) for number in json.loads(mark.read_text())]
    except (OSError, ValueError, TypeError):
        return None


def _alive(mark: Path) -> bool:
    pid, _, started = mark.stem.partition("-")
    return pid.isdigit() and _started(int(pid)) == started


def _started(pid: int) -> str:
    """When a process began, in the kernel's ticks: numbers of processes come again. Empty when
    there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
