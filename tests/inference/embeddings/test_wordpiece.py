"""Word pieces are those of the original's own tokenizer file, whatever the text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from inference.embedding import Terms
from inference.embeddings import encoders, gguf_text, minilm
from inference.embeddings.minilm import Original
from inference.embeddings.wordpiece import WordPiece
from inference.store.models import Store
from tests.inference.embeddings.texts import ODD, PLAIN

CHARACTERS = st.characters(codec="utf-8")
WORDS = st.one_of(
    st.text(CHARACTERS, max_size=12),
    st.sampled_from(
        ["[CLS]", "[SEP]", "[MASK]", " ", "\n", "\0", "\u0301", "漢", "한", "😀", "x" * 99]
    ),
)


@pytest.fixture(scope="module")
def known() -> Any:
    """Its file asks for padding and for half the length; the model was tuned for 256 tokens."""
    tokenizer = Tokenizer.from_file(str(minilm.package() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(minilm.LONGEST)
    return tokenizer


@pytest.fixture(scope="module")
def pieces(original: Original) -> WordPiece:
    return WordPiece(original.vocabulary, longest=minilm.LONGEST)


@pytest.mark.parametrize("text", [*PLAIN, *ODD], ids=lambda text: ascii(text[:24]))
def test_the_same_ids_as_the_original(known: Any, pieces: WordPiece, text: str) -> None:
    assert list(pieces.read(text).ids) == known.encode(text).ids


@settings(max_examples=400, deadline=None)
@given(st.lists(WORDS, max_size=40).map("".join))
def test_the_same_ids_for_any_text(known: Any, pieces: WordPiece, text: str) -> None:
    assert list(pieces.read(text).ids) == known.encode(text).ids


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, min_size=5, max_size=40).map("".join), st.integers(20, 400))
def test_the_same_ids_for_long_texts_of_which_only_the_beginning_is_looked_at(
    known: Any, pieces: WordPiece, text: str, times: int
) -> None:
    assert list(pieces.read(text * times).ids) == known.encode(text * times).ids


def test_what_is_cut_is_said(pieces: WordPiece) -> None:
    assert not pieces.read("word " * 254).truncated
    assert len(pieces.read("word " * 254).ids) == minilm.LONGEST
    assert pieces.read("word " * 255).truncated
    assert pieces.read("word " * 50_000).truncated


@pytest.mark.parametrize("engine", [encoders.ONNX, encoders.LLAMA])
def test_the_vocabulary_comes_back_out_of_the_model_file(
    terms: Terms, original: Original, engine: str
) -> None:
    weights = encoders.open_weights(Store(terms.models).find(terms.model).path, engine)
    try:
        assert tuple(weights.vocabulary()) == original.vocabulary
        assert (weights.dimensions, weights.longest) == (minilm.WIDTH, minilm.LONGEST)
    finally:
        weights.close()


@pytest.mark.parametrize(
    "token", ["[CLS]", "[unused3]", "##ing", "word", "[", "]", "#", "##]", "▁"]
)
def test_a_token_survives_both_ways_of_writing_it(token: str) -> None:
    assert gguf_text.as_known(gguf_text.as_written(token)) == token
