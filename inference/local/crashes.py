"""Which models took their process down while they were loaded: marks on disk that outlive it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections import Counter
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

    def __init__(self, reference: str, setting: str = "") -> None:
        under = f" with {setting}" if setting else ""
        super().__init__(
            Failure.SERVER,
            f"{reference} is taken out: the worker died {ENOUGH} times while loading it{under}",
        )


class Marks:
    """Each process that loads a model writes a mark of its own and removes it afterwards; what
    a dead process left is a crash."""

    def __init__(self, models: Path) -> None:
        self._folder = models / FOLDER

    @contextlib.contextmanager
    def loading(self, reference: str, file: Path, setting: str = "") -> Iterator[None]:
        """Raises TakenOutError before anything is loaded. An error, or the orderly end of this
        process, is no crash. A model may crash in one setting and run well in another."""
        self.check(reference, file, setting)
        mark = self._mark(reference, setting)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(json.dumps(_print_of(file)))
        try:
            yield
        except BaseException:
            mark.unlink(missing_ok=True)
            raise
        for one in self._marks(reference):
            if _key_of(one) == _key(setting):
                one.unlink(missing_ok=True)

    def check(self, reference: str, file: Path, setting: str = "") -> None:
        if self._crashes(reference, file)[_key(setting)] >= ENOUGH:
            raise TakenOutError(reference, setting)

    def crashes(self, reference: str, file: Path) -> int:
        """In whichever setting there were most."""
        return max(self._crashes(reference, file).values(), default=0)

    def _crashes(self, reference: str, file: Path) -> Counter[str]:
        """Of this file as it is now, by setting; marks of an earlier one are removed."""
        now, found = _print_of(file), Counter[str]()
        for mark in self._marks(reference):
            if _alive(mark):
                continue
            if _read(mark) == now:
                found[_key_of(mark)] += 1
            else:
                mark.unlink(missing_ok=True)
        return found

    def forgive(self, reference: str) -> None:
        shutil.rmtree(self._place(reference), ignore_errors=True)

    def withdraw(self, reference: str, setting: str = "") -> None:
        """This process ends in order while it loads: no crash."""
        self._mark(reference, setting).unlink(missing_ok=True)

    def _mark(self, reference: str, setting: str) -> Path:
        name = f"{os.getpid()}-{_started(os.getpid())}-{_key(setting)}.json"
        return self._place(reference) / name

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
    pid, started, *_ = [*mark.stem.split("-"), ""]
    return pid.isdigit() and _started(int(pid)) == started


def _key(setting: str) -> str:
    return hashlib.sha256(setting.encode()).hexdigest()[:12]


def _key_of(mark: Path) -> str:
    """An earlier release's marks know of no settings."""
    return [*mark.stem.split("-"), _key(""), _key("")][2]


def _started(pid: int) -> str:
    """When a process began, in the kernel's ticks: numbers of processes come again. Empty when
    there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
