"""Vectors of texts that were embedded a moment ago, bounded by number and by bytes."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass

MOST = 20_000
MOST_BYTES = 32 << 20
OVERHEAD_BYTES = 250
"""What the key, the dictionary's entry and the objects around a vector take, about."""


@dataclass(frozen=True, slots=True)
class Known:
    vector: bytes
    tokens: int
    truncated: bool


class Recent:
    """The least recently used goes first. Safe for threads."""

    def __init__(self, *, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._known: OrderedDict[bytes, Known] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: bytes) -> Known | None:
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
            return known

    def remember(self, key: bytes, known: Known) -> None:
        with self._lock:
            if (older := self._known.pop(key, None)) is not None:
                self._bytes -= _size(older)
            self._known[key] = known
            self._bytes += _size(known)
            while len(self._known) > self._most or self._bytes > self._most_bytes:
                self._bytes -= _size(self._known.popitem(last=False)[1])

    def __len__(self) -> int:
        return len(self._known)


def key(embedder: str, domain: str, text: str) -> bytes:
    """A digest: the text itself could be megabytes. Names and domains contain no NUL."""
    head = f"{embedder}\0{domain}\0".encode()
    return hashlib.blake2b(head + text.encode(), digest_size=32).digest()


def _size(known: Known) -> int:
    return len(known.vector) + OVERHEAD_BYTES
