"""What a picture counts: OpenAI's published rules of tiles and patches, by its size if known.

The size stands in the first bytes of a picture that comes along (`data:`); one behind an address is
never fetched for it, so it counts as the largest.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from dataclasses import dataclass
from typing import Any

HEAD = 65_536
"""Bytes of a picture in which its size is looked for; what a camera writes first is shorter."""
BOX, SHORT, TILE, PATCH, MOST_PATCHES = 2048, 768, 512, 32, 1536
LARGEST = (BOX, SHORT)
"""As it is read: scaled into the box, then to the shortest side."""
Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Tokens of any picture and of each tile of one, or of each patch."""

    base: int = 0
    tile: int = 0
    patch: float = 0.0


USUAL = Rule(base=85, tile=170)
RULES = {
    "gpt-4o-mini": Rule(base=2833, tile=5667),
    "gpt-4.1-mini": Rule(patch=1.62),
    "gpt-4.1-nano": Rule(patch=2.46),
    "o4-mini": Rule(patch=1.72),
    "gpt-5-mini": Rule(patch=1.62),
    "gpt-5-nano": Rule(patch=2.46),
    "gpt-5": Rule(base=70, tile=140),
    "o1": Rule(base=75, tile=150),
    "o3": Rule(base=75, tile=150),
}
"""By how a model's name begins, the longer before the shorter."""


def rule(model: str) -> Rule:
    name = model.rpartition("/")[2]
    return next((found for begin, found in RULES.items() if name.startswith(begin)), USUAL)


def tokens(part: dict[str, Any], by: Rule = USUAL) -> int:
    """Of one part of a message: `{"type": "image_url", "image_url": {"url": …, "detail": …}}`."""
    said = part.get("image_url")
    picture = said if isinstance(said, dict) else {"url": said}
    if by.patch:
        return math.ceil(min(_patches(size_of(picture.get("url"))), MOST_PATCHES) * by.patch)
    if picture.get("detail") == "low":
        return by.base
    return by.base + by.tile * _tiles(size_of(picture.get("url")))


def size_of(url: Any) -> Size | None:
    """Of a picture that comes along; None where nobody knows."""
    if not isinstance(url, str) or not url.startswith("data:"):
        return None
    text = url[url.find(",") + 1 : url.find(",") + 1 + HEAD * 4 // 3]
    try:
        return _read(base64.b64decode(text[: len(text) // 4 * 4]))
    except (binascii.Error, ValueError, struct.error, IndexError):
        return None


def _tiles(size: Size | None) -> int:
    wide, high = _scaled(size) if size else LARGEST
    return max(1, math.ceil(wide / TILE)) * max(1, math.ceil(high / TILE))


def _patches(size: Size | None) -> int:
    if size is None:
        return MOST_PATCHES
    return math.ceil(size[0] / PATCH) * math.ceil(size[1] / PATCH)


def _scaled(size: Size) -> tuple[float, float]:
    """Only ever made smaller."""
    wide, high = size
    scale = min(1.0, BOX / max(wide, high))
    scale *= min(1.0, SHORT / (min(wide, high) * scale))
    return wide * scale, high * scale


def _read(head: bytes) -> Size | None:
    found: tuple[int, ...] = ()
    if head.startswith(b"\x89PNG"):
        found = struct.unpack(">II", head[16:24])
    elif head[:3] == b"GIF":
        found = struct.unpack("<HH", head[6:10])
    elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        found = _webp(head)
    elif head[:2] == b"\xff\xd8":
        found = _jpeg(head)
    return (found[0], found[1]) if len(found) == 2 and min(found) > 0 else None


def _webp(head: bytes) -> tuple[int, ...]:
    kind = head[12:16]
    if kind == b"VP8 ":
        return tuple(side & 0x3FFF for side in struct.unpack("<HH", head[26:30]))
    if kind == b"VP8L":
        (bits,) = struct.unpack("<I", head[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    wide, high = head[24:27], head[27:30]
    return int.from_bytes(wide, "little") + 1, int.from_bytes(high, "little") + 1


def _jpeg(head: bytes) -> tuple[int, ...]:
    """The first frame's header; segments before it are stepped over by their length."""
    at = 2
    while at + 9 < len(head):
        marker, length = head[at + 1], struct.unpack(">H", head[at + 2 : at + 4])[0]
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            high, wide = struct.unpack(">HH", head[at + 5 : at + 9])
            return wide, high
        at += 2 + length
    return ()
