"""Fetches one large file: goes on where it stopped, and believes nothing but the checksum."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import http.client
import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from inference.store import models, web
from inference.store.errors import CutError, FetchError, UnreachableError
from inference.store.web import Source

CHUNK = 1 << 20
SPARE_BYTES = 64 << 20
"""What is left free on the disk beside the file."""
TRIES = 6
"""In a row without a byte of progress."""

Progress = Callable[[int, int], None]
"""Bytes that are here, and bytes in all (0: unknown)."""
Pause = Callable[[float], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    source: Source
    bytes: int = 0
    sha256: str = ""
    """Empty when nobody can say; then only the file's own form is checked."""


def quiet(_have: int, _total: int) -> None:
    return None


def fetch(
    wanted: Wanted, part: Path, *, progress: Progress = quiet, pause: Pause = time.sleep
) -> Path:
    """Leaves the whole, checked file at `part`. What was fetched before a failure stays there and
    is gone on from; what turns out to be wrong is deleted."""
    part.parent.mkdir(parents=True, exist_ok=True)
    with _alone(part):
        download = _Download(wanted, part, progress)
        failures, had = 0, _size(part)
        while not download.finished():
            have = _size(part)
            try:
                with _said_plainly(part):
                    download.go_on()
            except CutError as error:
                failures = 0 if _size(part) > have else failures + 1
                never = isinstance(error, UnreachableError) and _size(part) == had
                if never or failures >= TRIES:
                    raise
                pause(min(2.0**failures, 30.0))
        _verify(wanted, part)
    return part


def forget(part: Path) -> None:
    """What belongs to a download that is over."""
    for path in (part, _note_of(part), _lock_of(part)):
        path.unlink(missing_ok=True)


class _Download:
    def __init__(self, wanted: Wanted, part: Path, progress: Progress) -> None:
        self._wanted = wanted
        self._part = part
        self._progress = progress
        self._tag, self._total = _read_note(part)
        self._total = wanted.bytes or self._total

    def finished(self) -> bool:
        return 0 < self._total == _size(self._part)

    def go_on(self) -> None:
        have = _size(self._part)
        with web.get(self._wanted.source, self._range(have)) as answer:
            begin = self._begin(answer, have)
            self._learn(answer, begin)
            self._must_fit(begin)
            self._take(answer, begin)

    def _range(self, have: int) -> dict[str, str]:
        asked = {"Range": f"bytes={have}-"} if have else {}
        return {**asked, "If-Range": self._tag} if asked and self._tag else asked

    def _begin(self, answer: http.client.HTTPResponse, have: int) -> int:
        """Where the bytes that come now belong; the server may begin anew."""
        if answer.status == 416:
            raise self._wrong("The file there is shorter than what was fetched of it before.")
        if answer.status != 206:
            return 0
        if not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise self._wrong("The server sent another part than it was asked for.")
        return have

    def _learn(self, answer: http.client.HTTPResponse, begin: int) -> None:
        length = answer.headers.get("Content-Length", "")
        announced = begin + int(length) if length.isdecimal() else 0
        if self._wanted.bytes and announced not in {0, self._wanted.bytes}:
            raise self._wrong(
                f"The file there has {announced} bytes where {self._wanted.bytes} were expected."
            )
        tag = answer.headers.get("ETag", "")
        self._tag = tag if tag.startswith('"') else ""  # a weak one promises too little
        self._total = self._wanted.bytes or announced
        _write_note(self._part, self._tag, self._total)

    def _must_fit(self, begin: int) -> None:
        free = shutil.disk_usage(self._part.parent).free
        more = self._total - begin
        if more + SPARE_BYTES > free:
            raise FetchError(
                f"The disk is too full: {more / 1e9:.2f} GB more are needed and "
                f"{free / 1e9:.2f} GB are free in {self._part.parent}."
            )

    def _take(self, answer: http.client.HTTPResponse, begin: int) -> None:
        have = begin
        with self._part.open("ab" if begin else "wb") as file:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                have += len(chunk)
                if self._total and have > self._total:
                    raise self._wrong("The server sends more than it announced.")
                self._progress(have, self._total)
        if have < self._total:
            raise CutError(f"The connection ended after {have} of {self._total} bytes.")
        self._total = have

    def _wrong(self, why: str) -> FetchError:
        forget(self._part)
        return FetchError(f"{why} What was fetched is deleted; pull again.")


@contextlib.contextmanager
def _alone(part: Path) -> Iterator[None]:
    with _lock_of(part).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FetchError("This file is being fetched already.") from None
        yield


@contextlib.contextmanager
def _said_plainly(part: Path) -> Iterator[None]:
    try:
        yield
    except http.client.HTTPException as error:
        raise CutError(f"The connection ended early ({type(error).__name__}).") from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise FetchError(
                f"The disk is full. What was fetched stays in {part}; make room and pull again."
            ) from error
        raise CutError(f"The connection broke ({error}).") from error


def _verify(wanted: Wanted, part: Path) -> None:
    if wanted.sha256 and models.checksum(part) != wanted.sha256.lower():
        forget(part)
        raise FetchError(
            "The checksum differs from the one announced: the file was damaged or exchanged on "
            "its way. It is deleted."
        )


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _note_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _lock_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.lock")


def _write_note(part: Path, tag: str, total: int) -> None:
    _note_of(part).write_text(json.dumps({"etag": tag, "bytes": total}))


def _read_note(part: Path) -> tuple[str, int]:
    try:
        stored = json.loads(_note_of(part).read_text())
        return str(stored["etag"]), int(stored["bytes"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", 0
