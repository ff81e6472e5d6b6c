"""GGUF files byte by byte, right or wrong as a test wants them."""

from __future__ import annotations

import struct

TEXT, LIST, U32, U8 = 8, 9, 4, 0


def text(words: str) -> bytes:
    encoded = words.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def number(name: str, value: int) -> bytes:
    return text(name) + struct.pack("<II", U32, value)


def words(name: str, value: str) -> bytes:
    return text(name) + struct.pack("<I", TEXT) + text(value)


def tensor(name: str, *dims: int, kind: int = 0, offset: int = 0) -> bytes:
    axes = struct.pack(f"<I{len(dims)}Q", len(dims), *dims)
    return text(name) + axes + struct.pack("<IQ", kind, offset)


def file(
    fields: list[bytes], tensors: list[bytes], *, version: int = 3, weights: int = 4096
) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(fields))
    return head + b"".join(fields) + b"".join(tensors) + bytes(weights)
