"""Word pieces as GGUF and as BERT write them: one marks what begins a word, the other the rest."""

from __future__ import annotations

WORD_BEGINS = "\N{LOWER ONE EIGHTH BLOCK}"
INSIDE = "##"


def as_written(token: str) -> str:
    if is_special(token):
        return token
    return token.removeprefix(INSIDE) if token.startswith(INSIDE) else WORD_BEGINS + token


def as_known(written: str) -> str:
    if is_special(written):
        return written
    begins = written.startswith(WORD_BEGINS)
    return written.removeprefix(WORD_BEGINS) if begins else INSIDE + written


def is_special(token: str) -> bool:
    return token.startswith("[") and token.endswith("]")
