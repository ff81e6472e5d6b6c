"""KORA_HOME: made, checked, and held by one supervisor at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
from pathlib import Path

from kora_site.up import errors

ROOM_NEEDED_BYTES = 200 * 1024 * 1024
SENTENCES = {
    errno.EROFS: "is on a read-only file system",
    errno.EACCES: "may not be written by this user",
    errno.EPERM: "may not be written by this user",
    errno.ENOSPC: "is on a full disk",
    errno.EDQUOT: "is over its disk quota",
    errno.ENOTDIR: "lies below a file, not below a folder",
    errno.EEXIST: "is a file, not a folder",
}


def open_for_us(home: Path) -> int:
    """Makes the folders and takes the lock; the descriptor holds it for as long as we live."""
    try:
        for folder in (home, home / "run", home / "logs", home / "static"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(home / "run" / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _lock(lock, home)
        _check_room(home)
    except OSError as error:
        raise errors.StartError(describe(error, home)) from error
    return lock


def describe(error: OSError, home: Path) -> str:
    what = SENTENCES.get(error.errno or 0) or f"cannot be used ({error.strerror})"
    return f"KORA's home {home} {what}; choose another with KORA_HOME."


def _lock(descriptor: int, home: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 20, 0).decode().strip() or "unknown"
        raise errors.StartError(
            f"KORA already runs on {home} (process {holder}); stop it or choose another KORA_HOME."
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)


def _check_room(home: Path) -> None:
    free = shutil.disk_usage(home).free
    if free < ROOM_NEEDED_BYTES:
        raise errors.StartError(
            f"The disk of KORA's home {home} is full: {free // 2**20} MB are free and "
            f"{ROOM_NEEDED_BYTES // 2**20} MB are needed."
        )


def write_private(path: Path, content: dict[str, object]) -> None:
    """Whole or not at all, and readable by its owner only from its first byte on."""
    making = path.with_name(path.name + ".new")
    making.unlink(missing_ok=True)
    with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    making.rename(path)


def forget(*paths: Path) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()
