"""Finds and ends a service that an earlier, killed KORA left behind in its folder.

A pid file is never believed: its number may belong to anyone by now. What counts is a live process
of that program whose working folder is ours.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from kora_site.up import errors


def end(folder: Path, *, program: str, patience_s: float = 30.0) -> None:
    asked: set[int] = set()
    deadline = time.monotonic() + patience_s
    while found := set(_living(folder.resolve(), program)):
        if time.monotonic() > deadline:
            raise errors.StartError(
                f"Another {program} (process {min(found)}) still uses {folder}; "
                "end it and try again."
            )
        for pid in found - asked:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
        asked |= found
        time.sleep(0.05)


def _living(folder: Path, program: str) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _works_in(entry, folder, program):
            yield int(entry.name)


def _works_in(process: Path, folder: Path, program: str) -> bool:
    try:
        if (process / "comm").read_text().strip() != program:
            return False
        return (process / "cwd").readlink() == folder
    except OSError:
        return False
