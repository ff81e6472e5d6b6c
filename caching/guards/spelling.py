"""One spelling for what is written in several: widths, quotes, dashes, powers, spaces."""

from __future__ import annotations

import re
import unicodedata

POWERS = {
    ord(raised): "^" + plain for raised, plain in zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True)
}
FRACTIONS = {
    ord("½"): " 1/2",
    ord("¼"): " 1/4",
    ord("¾"): " 3/4",
    ord("⅓"): " 1/3",
    ord("⅔"): " 2/3",
}
BEFORE = POWERS | FRACTIONS
"""NFKC would make 105 of 10⁵ and 51/2 of 5½."""
UNSEEN = dict.fromkeys([0x200B, 0x2060, 0xFEFF, 0x00AD, *range(0x202A, 0x202F)])
AFTER = {**UNSEEN, **str.maketrans("’‘′−‐‑–—⁄", "'''-----/")}  # noqa: RUF001 - these are the ones
SPACE = re.compile(r"[\s\x00-\x1f\x7f]+")
TRAILING = re.compile(r"([?!.,;])[?!.,;\s]+\Z")


def plain(text: str) -> str:
    """The same characters however they were typed; lines stay lines."""
    if text.isascii():
        return text
    text = text.encode("utf-8", "replace").decode()
    return unicodedata.normalize("NFKC", text.translate(BEFORE)).translate(AFTER)


def one_line(text: str) -> str:
    """Without what never changes a meaning: line breaks, repeated marks, a last full stop."""
    line = SPACE.sub(" ", text).strip()
    tail = TRAILING.search(line[-40:])
    if tail is not None:
        marks = tail.group()
        line = line[: len(line) - len(marks)] + ("?" if "?" in marks else marks[0])
    return line.rstrip(" .,;")
