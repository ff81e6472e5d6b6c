"""Texts as BERT's word pieces, exactly as the original model's tokenizer makes them.

llama.cpp has a WordPiece of its own, which differs from the original on Hangul, on marks outside
the basic plane, on special tokens written out and on long words; so the pieces are made by the
library that the original uses, from the vocabulary that stands in the GGUF file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

BEGIN, END, UNKNOWN = "[CLS]", "[SEP]", "[UNK]"
SPECIAL = ("[PAD]", UNKNOWN, BEGIN, END, "[MASK]")
LONGEST_WORD = 100
FIRST_LOOK = 2_048
"""Characters; long texts are cut in the end, so most of one need not be looked at."""
LONGEST_LOOK = 65_536
"""Here exactness ends: a text with fewer pieces than are read in so many characters is no text."""
UNSETTLED_WORDS = 3
"""At the end of a part of a text: a cut word, or a special token's brackets and name."""
RUNS = re.compile(r"[ \n\r\t]{2,}")


@dataclass(frozen=True, slots=True)
class Pieces:
    ids: tuple[int, ...]
    truncated: bool


class WordPiece:
    """Safe for threads."""

    def __init__(self, vocabulary: Sequence[str], *, longest: int) -> None:
        self.longest = longest
        self._most = longest - 2
        self._begin, self._end = vocabulary.index(BEGIN), vocabulary.index(END)
        self._tokenizer = _tokenizer(vocabulary)

    def read(self, text: str) -> Pieces:
        ids, truncated = self._read(text)
        return Pieces(ids=(self._begin, *ids[: self._most], self._end), truncated=truncated)

    def _read(self, text: str) -> tuple[list[int], bool]:
        """The pieces in between, as many as are needed, and whether there would be more."""
        if len(text) > FIRST_LOOK:
            text = RUNS.sub(" ", text)
        look = FIRST_LOOK
        while look < len(text):
            found = self._tokenizer.encode(text[:look], add_special_tokens=False)
            if _is_settled(found.word_ids, self._most + 1):
                return found.ids, True
            if look >= LONGEST_LOOK:
                return found.ids, True
            look *= 4
        found = self._tokenizer.encode(text, add_special_tokens=False)
        return found.ids, len(found.ids) > self._most


def _is_settled(words: Sequence[int | None], wanted: int) -> bool:
    """Whether the first pieces would be the same with more of the text."""
    if len(words) < wanted:
        return False
    ends = _words(words)
    return ends[wanted - 1] + UNSETTLED_WORDS < ends[-1]


def _words(words: Sequence[int | None]) -> list[int]:
    """Words counted from the left; a special token's number is its own."""
    count, counted = 0, []
    before: int | None = None
    for word in words:
        count += word is None or word != before
        counted.append(count)
        before = word
    return counted


def _tokenizer(vocabulary: Sequence[str]) -> Any:
    from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

    known = {token: number for number, token in enumerate(vocabulary)}
    pieces = models.WordPiece(known, unk_token=UNKNOWN, max_input_chars_per_word=LONGEST_WORD)
    tokenizer = Tokenizer(pieces)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in SPECIAL if token in known]
    )
    return tokenizer
