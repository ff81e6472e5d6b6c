"""Letters and signs that an embedder of English reads as nothing: such texts seem equal (pure)."""

from __future__ import annotations

import unicodedata

LATIN = 0x24F
LATIN_AGAIN = range(0x1E00, 0x1F00)
"""With two marks on one letter, as in Vietnamese."""
MARKS = range(0x2B0, 0x370)
"""What stands on or beside a letter of any script; its letter is compared."""
WRITTEN = frozenset("LMN")
PICTURED = frozenset({"So", "Sk", "Sm"})
SEEN_AS_TEXT = frozenset("\ufe0e\ufe0f")
"""Whether a heart is a letter or a picture; it is a heart."""


def other(text: str) -> str:
    return "" if text.isascii() else "".join(c for c in text.casefold() if _is_foreign(c))


def signs(text: str) -> str:
    return "" if text.isascii() else "".join(c for c in text if _is_sign(c))


def _is_foreign(char: str) -> bool:
    at = ord(char)
    if at <= LATIN or at in LATIN_AGAIN or at in MARKS or char in SEEN_AS_TEXT:
        return False
    return unicodedata.category(char)[0] in WRITTEN


def _is_sign(char: str) -> bool:
    return ord(char) > LATIN and unicodedata.category(char) in PICTURED
