"""A picture's tokens by its size, read from the first bytes of every common format."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest

from inference import pictures

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 1024, 768)
GIF = b"GIF89a" + struct.pack("<HH", 300, 200)
JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10" + b"\0" * 14 + b"\xff\xe1\x40\x00" + b"\0" * 0x3FFE
    + b"\xff\xc2\x00\x11\x08" + struct.pack(">HH", 480, 640) + b"\0" * 10
)  # fmt: skip
VP8 = b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 10 + struct.pack("<HH", 800, 600)
VP8L = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", (99 << 14) | 199)
VP8X = b"RIFF\0\0\0\0WEBPVP8X" + b"\0" * 8 + b"\x0f\x27\x00" + b"\xe7\x03\x00"


def part(head: bytes, **more: str) -> dict[str, Any]:
    url = "data:image/any;base64," + base64.b64encode(head + b"\0" * 40).decode()
    return {"type": "image_url", "image_url": {"url": url, **more}}


@pytest.mark.parametrize(
    ("head", "size"),
    [
        (PNG, (1024, 768)),
        (GIF, (300, 200)),
        (JPEG, (640, 480)),
        (VP8, (800, 600)),
        (VP8L, (200, 100)),
        (VP8X, (10_000, 1_000)),
        (b"nonsense", None),
        (b"\x89PNG", None),
        (b"\xff\xd8\xff\xe0\x00\x00", None),
    ],
)
def test_the_size_is_read(head: bytes, size: tuple[int, int] | None) -> None:
    assert pictures.size_of(part(head)["image_url"]["url"]) == size


@pytest.mark.parametrize(
    ("head", "model", "tokens"),
    [
        (PNG, "gpt-4o", 85 + 4 * 170),
        (GIF, "gpt-4o", 85 + 170),
        (JPEG, "openai/gpt-4o-mini", 2833 + 2 * 5667),
        (VP8X, "gpt-4o", 85 + 4 * 170),
        (PNG, "gpt-4.1-nano", 1890),
        (b"nonsense", "gpt-4o", 85 + 8 * 170),
        (b"nonsense", "gpt-5-nano", 3779),
        (PNG, "claude", 85 + 4 * 170),
    ],
)
def test_tokens_follow_the_published_rules(head: bytes, model: str, tokens: int) -> None:
    assert pictures.tokens(part(head), pictures.rule(model)) == tokens


def test_little_detail_costs_the_base() -> None:
    assert pictures.tokens(part(PNG, detail="low")) == 85


@pytest.mark.parametrize("said", [None, 7, "https://example.com/a.png", {"url": None}, {}])
def test_an_unknown_picture_counts_as_the_largest(said: Any) -> None:
    assert pictures.tokens({"type": "image_url", "image_url": said}) == 85 + 8 * 170
