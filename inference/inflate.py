"""Compressed answers, opened no further than a limit: a small body may unpack to gigabytes."""

from __future__ import annotations

import zlib
from typing import Protocol


class TooLargeError(Exception):
    """The answer is larger than the limit."""


class UndecodableError(Exception):
    """The answer is packed in a way that was not asked for, or damaged."""


class Inflater(Protocol):
    def feed(self, received: bytes) -> bytes: ...


class Plain:
    """Only counts."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def feed(self, received: bytes) -> bytes:
        self._left -= len(received)
        if self._left < 0:
            raise TooLargeError
        return received


class Zipped:
    """gzip or zlib, as their first bytes say."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)

    def feed(self, received: bytes) -> bytes:
        try:
            opened = self._unpacker.decompress(received, self._left + 1)
        except zlib.error:
            raise UndecodableError from None
        self._left -= len(opened)
        if self._left < 0:
            raise TooLargeError
        return opened


def for_encoding(encoding: str, *, limit: int) -> Inflater:
    if encoding in {"", "identity"}:
        return Plain(limit)
    if encoding.lower() in {"gzip", "x-gzip", "deflate"}:
        return Zipped(limit)
    raise UndecodableError
