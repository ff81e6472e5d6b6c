"""Reads what stands before the weights of a GGUF file, in plain Python and within bounds.

A file comes from anywhere, so nothing it says is believed: lengths are checked before anything is
read, long lists are walked and not kept, and every weight must lie inside the file.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from inference.store.errors import BadModelError
from inference.store.ggml_types import FORMATS

Scalar = int | float | bool | str

MAGIC = b"GGUF"
VERSIONS = (2, 3)
LONGEST_HEADER = 64 << 20
LONGEST_TEXT = 4 << 20
MOST_FIELDS = 8192
MOST_TENSORS = 65_536
MOST_ITEMS = 8_000_000
MOST_KEPT = 1024
"""Items of a list that are kept; vocabularies are longer, and only their length is wanted."""
NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
TEXT, LIST = 8, 9
LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, kw_only=True, slots=True)
class Items:
    """A list in the header; `kept` is empty when it is long."""

    length: int
    kept: tuple[Scalar, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Tensor:
    name: str
    numbers: int
    format: int
    bytes: int
    axes: tuple[int, ...]
    """The length of a row first."""
    begins: int
    """Bytes after `Header.weights_at`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    values: Mapping[str, Scalar | Items]
    tensors: tuple[Tensor, ...]
    file_bytes: int
    weights_at: int


def read(path: Path, *, whole: frozenset[str] = frozenset()) -> Header:
    """Raises BadModelError with the reason when this is no whole GGUF file. Of the lists that
    `whole` names every item is kept."""
    try:
        if not path.is_file() and path.exists():
            raise BadModelError(f"{path.name} is no regular file.")  # a pipe would never end
        with path.open("rb", buffering=1 << 18) as file:
            return _Reader(file, path.stat().st_size, whole).header()
    except OSError as error:
        raise BadModelError(f"{path.name} cannot be read: {error.strerror}.") from error


class _Reader:
    def __init__(self, file: BinaryIO, file_bytes: int, whole: frozenset[str]) -> None:
        self._file = file
        self._file_bytes = file_bytes
        self._whole = whole
        self._read = 0

    def header(self) -> Header:
        if self._bytes(4) != MAGIC:
            raise BadModelError("This is not a GGUF file.")
        version = self._number(4)
        if version not in VERSIONS:
            raise BadModelError(f"This is GGUF version {version & 0xFFFF}; KORA reads 2 and 3.")
        tensors, fields = self._count(MOST_TENSORS), self._count(MOST_FIELDS)
        values = dict(self._field() for _ in range(fields))
        found = tuple(self._tensor() for _ in range(tensors))
        return Header(
            values=values,
            tensors=found,
            file_bytes=self._file_bytes,
            weights_at=self._all_inside(values, found),
        )

    def _bytes(self, length: int) -> bytes:
        self._read += length
        if self._read > min(self._file_bytes, LONGEST_HEADER):
            cut = self._read > self._file_bytes
            raise BadModelError(
                "The file ends inside its header." if cut else "The header is too long."
            )
        found = self._file.read(length)
        if len(found) != length:
            raise BadModelError("The file ends inside its header.")
        return found

    def _number(self, kind: int) -> int:
        return int(self._scalar(kind))

    def _scalar(self, kind: int) -> Scalar:
        if kind == TEXT:
            return self._text()
        if kind not in NUMBERS:
            raise BadModelError(f"The header holds a value of the unknown type {kind}.")
        form = "<" + NUMBERS[kind]
        found: Scalar = struct.unpack(form, self._bytes(struct.calcsize(form)))[0]
        return found

    def _count(self, most: int) -> int:
        found = self._number(10)
        if found > most:
            raise BadModelError(f"The header claims {found} entries where {most} are possible.")
        return found

    def _text(self) -> str:
        return self._bytes(self._count(LONGEST_TEXT)).decode("utf-8", "replace")

    def _field(self) -> tuple[str, Scalar | Items]:
        name, kind = self._text(), self._number(4)
        if kind != LIST:
            return name, self._scalar(kind)
        return name, self._items(MOST_ITEMS if name in self._whole else MOST_KEPT)

    def _items(self, most_kept: int) -> Items:
        kind, length = self._number(4), self._count(MOST_ITEMS)
        if kind == LIST:
            raise BadModelError("The header holds lists inside lists.")
        if length <= most_kept:
            return Items(length=length, kept=tuple(self._scalar(kind) for _ in range(length)))
        if kind == TEXT:
            self._skip_texts(length)
        else:
            self._skip_numbers(kind, length)
        return Items(length=length)

    def _skip_texts(self, count: int) -> None:
        """As `_bytes(_count(…))` so many times over, without a call for each: vocabularies are
        a quarter of a million texts long."""
        read, unpack = self._file.read, LENGTH.unpack
        for _ in range(count):
            told = read(8)
            length = unpack(told)[0] if len(told) == 8 else 0
            if length > LONGEST_TEXT or len(told) + len(read(length)) != 8 + length:
                raise BadModelError("The file ends inside its header, or a text in it is too long.")
            self._read += 8 + length
            if self._read > LONGEST_HEADER:
                raise BadModelError("The header is too long.")

    def _skip_numbers(self, kind: int, length: int) -> None:
        if kind not in NUMBERS:
            raise BadModelError(f"The header holds a list of the unknown type {kind}.")
        self._bytes(struct.calcsize("<" + NUMBERS[kind]) * length)

    def _tensor(self) -> Tensor:
        name, count = self._text(), self._number(4)
        if not 1 <= count <= 4:
            raise BadModelError(f"The tensor {name[:80]!r} has {count} axes.")
        axes = tuple(self._number(10) for _ in range(count))
        kind, begins, numbers = self._number(4), self._number(10), math.prod(axes)
        size = _size(name, kind, numbers, axes[0])
        return Tensor(name=name, numbers=numbers, format=kind, bytes=size, axes=axes, begins=begins)

    def _all_inside(self, values: Mapping[str, Scalar | Items], found: tuple[Tensor, ...]) -> int:
        """Where the weights begin."""
        step = values.get("general.alignment", 32)
        if not isinstance(step, int) or not 1 <= step <= 1 << 20:
            raise BadModelError("The header has an impossible alignment.")
        begin = -(-self._read // step) * step
        for tensor in found:
            if begin + tensor.begins + tensor.bytes > self._file_bytes:
                raise BadModelError(
                    "The file is cut short: weights lie beyond its end. Fetch or copy it again."
                )
        return begin


def _size(name: str, kind: int, numbers: int, row: int) -> int:
    form = FORMATS.get(kind)
    if form is None:
        raise BadModelError(f"The tensor {name[:80]!r} has the unknown number format {kind}.")
    if row % form.block:
        raise BadModelError(f"The tensor {name[:80]!r} has rows that {form.name} cannot hold.")
    return numbers // form.block * form.bytes
