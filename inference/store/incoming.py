"""Where files are while they are made or copied, and how those of a killed process go away."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from inference.store import sizes
from inference.store.errors import ModelError

LOCK = "lock"
PREFIX = "tmp"
SPARE_BYTES = 64 << 20
"""What is left free on the disk beside a file."""


def begin(place: Path) -> tuple[Path, IO[str]]:
    """A folder of our own, and its lock, which the end of this process opens, however it ends. One
    process at a time may be in here: a folder is nobody's until it is locked."""
    place.mkdir(parents=True, exist_ok=True)
    sweep(place)
    folder = Path(tempfile.mkdtemp(dir=place, prefix=PREFIX))
    lock = (folder / LOCK).open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return folder, lock


def sweep(place: Path) -> None:
    """Deletes what the dead have left. What was fetched of a download stays, to be gone on from."""
    for folder in place.glob(f"{PREFIX}*"):
        if not _in_use(folder):
            shutil.rmtree(folder, ignore_errors=True)


def must_fit(place: Path, wanted: int) -> None:
    place.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(place).free
    if wanted + SPARE_BYTES > free:
        raise ModelError(
            f"The disk is too full: {sizes.told(wanted)} are needed and {sizes.told(free)} are "
            f"free in {place}."
        )


@contextlib.contextmanager
def held(folder: Path, lock: IO[str]) -> Iterator[Path]:
    with lock:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _in_use(folder: Path) -> bool:
    try:
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no lock in it: killed before it had one
        return False
    return False
