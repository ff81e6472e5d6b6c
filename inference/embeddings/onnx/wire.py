"""The few field kinds of protobuf that an ONNX model is written with."""

from __future__ import annotations

import struct

NUMBER, BYTES, FLOAT = 0, 2, 5


def number(field: int, value: int) -> bytes:
    return _varint(field << 3 | NUMBER) + _varint(value)


def text(field: int, value: str) -> bytes:
    return message(field, value.encode())


def fraction(field: int, value: float) -> bytes:
    return _varint(field << 3 | FLOAT) + struct.pack("<f", value)


def message(field: int, *parts: bytes) -> bytes:
    """What another message, or plain bytes, is put in as."""
    body = b"".join(parts)
    return _varint(field << 3 | BYTES) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # a negative number is written as its two's complement
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
