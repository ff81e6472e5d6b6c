"""A line that says how far something long has come: rewritten on a terminal, else repeated."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

EVERY_S = 0.2
EVERY_PLAIN_S = 10.0
WIDTH = 78


class Out(Protocol):
    def isatty(self) -> bool: ...

    def write(self, words: str, /, *, ending: str) -> None: ...


class Line:
    """`told` says an amount in words; speed and time left are worked out here."""

    def __init__(self, out: Out, told: Callable[[int], str]) -> None:
        self._out = out
        self._told = told
        self._live = out.isatty()
        self._began = self._said = 0.0
        self._first = 0

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live and self._began:
            self._out.write("\r" + " " * WIDTH + "\r", ending="")

    def at(self, done: int, total: int) -> None:
        now = time.monotonic()
        if not self._began:
            self._began, self._first, self._said = now, done, now
        if now - self._said < (EVERY_S if self._live else EVERY_PLAIN_S):
            return
        self._said = now
        words = self._words(done, total, now - self._began)
        if self._live:
            self._out.write("\r" + words[:WIDTH].ljust(WIDTH), ending="")
        else:
            self._out.write(words, ending="\n")

    def _words(self, done: int, total: int, spent_s: float) -> str:
        if not total:
            return self._told(done)
        share = f"{100 * done / total:5.1f} %  {self._told(done)} of {self._told(total)}"
        speed = (done - self._first) / spent_s if spent_s > 1 else 0
        if not speed:
            return share
        left = int((total - done) / speed)
        return f"{share}, {left // 60}:{left % 60:02} left"
