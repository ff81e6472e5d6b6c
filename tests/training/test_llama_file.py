"""A file we write is one that llama.cpp loads, spells like the tokenizer, and computes rightly."""

from __future__ import annotations

import ctypes
import dataclasses
import logging
from collections.abc import Iterator
from pathlib import Path

import gguf
import llama_cpp
import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as any_

from tests.inference.local import tiny
from training import llama_file

# The library's logging decodes lines that llama.cpp cut within a character, and fails at that.
logging.getLogger("llama-cpp-python").setLevel(logging.CRITICAL)
TEXTS = (
    "Hello, world!  Two  spaces\tand\n\nlines \r\n",
    "Grüße aus 東京 — naïve café, ½ ﬁ",
    "👩‍👩‍👧‍👦 🇩🇪 é \u0000 \ufeff \u202e",
    "3.14159 = 22/7? 1234567890",
    "def f(x):\n    return {'a': x**2}",
    "",
)


class Loaded:
    """A model's vocabulary in llama.cpp, and its next-token logits."""

    def __init__(self, path: Path) -> None:
        asked = llama_cpp.llama_model_default_params()
        asked.use_mmap = False
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), asked)
        assert self.model
        self.words = llama_cpp.llama_model_get_vocab(self.model)

    def numbers(self, text: str, *, special: bool = False) -> list[int]:
        given = text.encode("utf-8", "surrogatepass")
        room = (llama_cpp.llama_token * (len(given) + 8))()
        asked = (self.words, given, len(given), room, len(room), False, special)
        return list(room[: llama_cpp.llama_tokenize(*asked)])

    def text(self, numbers: list[int]) -> str:
        told = b""
        for number in numbers:
            room = ctypes.create_string_buffer(64)
            size = llama_cpp.llama_token_to_piece(self.words, number, room, 64, 0, False)
            told += room.raw[:size]
        return told.decode("utf-8", "surrogatepass")

    def logits(self, numbers: list[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        asked = llama_cpp.llama_context_default_params()
        asked.n_ctx, asked.n_threads, asked.n_threads_batch = 256, 1, 1
        context = llama_cpp.llama_init_from_model(self.model, asked)
        given = (llama_cpp.llama_token * len(numbers))(*numbers)
        try:
            assert (
                llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(given, len(given)))
                == 0
            )
            found = llama_cpp.llama_get_logits_ith(context, -1)
            return np.ctypeslib.as_array(
                found, (llama_cpp.llama_vocab_n_tokens(self.words),)
            ).copy()
        finally:
            llama_cpp.llama_free(context)

    def close(self) -> None:
        llama_cpp.llama_model_free(self.model)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture(scope="module")
def loaded(path: Path) -> Iterator[Loaded]:
    model = Loaded(path)
    yield model
    model.close()


def test_the_tiny_model_is_small_and_says_what_it_is(path: Path) -> None:
    fields = gguf.GGUFReader(path).fields
    assert path.stat().st_size < 3_000_000
    assert fields["general.architecture"].contents() == "llama"
    assert fields["tokenizer.chat_template"].contents() == tiny.TEMPLATE
    assert fields["llama.context_length"].contents() == 2048


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_comes_back_as_it_went_in(loaded: Loaded, text: str) -> None:
    assert loaded.text(loaded.numbers(text)) == text


@settings(max_examples=60, deadline=None)
@given(text=any_.text(max_size=60))
def test_any_text_comes_back_as_it_went_in(loaded: Loaded, text: str) -> None:
    assert loaded.text(loaded.numbers(text)) == text


def test_special_tokens_are_one_token_and_never_come_from_a_clients_text(loaded: Loaded) -> None:
    assert loaded.numbers("<|turn|>", special=True) == [258]
    assert 258 not in loaded.numbers("<|turn|>")
    assert llama_cpp.llama_vocab_is_eog(loaded.words, 259)


SPLITS: dict[str, list[tokenizers.pre_tokenizers.PreTokenizer]] = {
    "gpt-2": [],
    "smollm": [tokenizers.pre_tokenizers.Digits(individual_digits=True)],
}


@pytest.mark.parametrize("split", SPLITS)
def test_a_trained_tokenizer_gives_the_same_tokens_in_llama_cpp(tmp_path: Path, split: str) -> None:
    trained = tokenizers.Tokenizer(tokenizers.models.BPE())
    cut = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([*SPLITS[split], cut])
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<|end|>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    trained.train_from_iterator([*TEXTS, Path(llama_file.__file__).read_text()] * 2, trainer)
    words = llama_file.from_tokenizer(trained.to_str(), eos="<|end|>", split=split)
    shape = dataclasses.replace(tiny.SHAPE, vocabulary=len(words.tokens), layers=1)
    written = tmp_path / "trained.gguf"
    llama_file.write_llama(
        written,
        shape,
        llama_file.random_weights(shape),
        vocabulary=words,
        about=llama_file.About(name="trained"),
    )
    model = Loaded(written)
    try:
        for text in (*TEXTS, Path(__file__).read_text()):
            assert model.numbers(text, special=True) == trained.encode(text).ids
    finally:
        model.close()


def _normed(rows: llama_file.Array) -> llama_file.Array:
    return np.asarray(rows / np.sqrt((rows**2).mean(-1, keepdims=True) + 1e-5))


def _turned(heads: llama_file.Array) -> llama_file.Array:
    """Interleaved rotary positions of (position, head, width)."""
    count, _, width = heads.shape
    angles = np.arange(count)[:, None] * 10_000.0 ** (-np.arange(0, width, 2) / width)
    cosine, sine = np.cos(angles)[:, None], np.sin(angles)[:, None]
    even, odd = heads[..., 0::2], heads[..., 1::2]
    pairs = np.stack([even * cosine - odd * sine, even * sine + odd * cosine], -1)
    return np.asarray(pairs.reshape(heads.shape))


def _reference(numbers: list[int]) -> llama_file.Array:
    """The last position's logits of the tiny model, computed from the same arrays."""
    shape, weights = tiny.SHAPE, dict(llama_file.random_weights(tiny.SHAPE))
    held = {name: array.astype(np.float16).astype(np.float64) for name, array in weights.items()}
    rows = held["token_embd.weight"][numbers]
    count = len(numbers)
    unseen = np.triu(np.full((count, count), -np.inf), 1)
    for layer in range(shape.layers):
        of = {part: held[f"blk.{layer}.{part}.weight"] for part in (
            "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"
        )}  # fmt: skip
        normed = _normed(rows)
        asked = _turned((normed @ of["attn_q"].T).reshape(count, shape.heads, -1))
        keys = _turned((normed @ of["attn_k"].T).reshape(count, shape.kv_heads, -1))
        values = (normed @ of["attn_v"].T).reshape(count, shape.kv_heads, -1)
        shared = shape.heads // shape.kv_heads
        keys, values = np.repeat(keys, shared, 1), np.repeat(values, shared, 1)
        scores = np.einsum("qhd,khd->hqk", asked, keys) / shape.head_width**0.5 + unseen
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        seen = np.einsum("hqk,khd->qhd", shares, values).reshape(count, -1)
        rows = rows + seen @ of["attn_output"].T
        normed = _normed(rows)
        gate = normed @ of["ffn_gate"].T
        rows = rows + (gate / (1 + np.exp(-gate)) * (normed @ of["ffn_up"].T)) @ of["ffn_down"].T
    return np.asarray(_normed(rows)[-1] @ held["token_embd.weight"].T)


def test_llama_cpp_computes_what_the_arrays_say(loaded: Loaded) -> None:
    numbers = [256, *b"The quick brown fox", 258]
    ours, theirs = _reference(numbers), loaded.logits(numbers)
    assert int(ours.argmax()) == int(theirs.argmax())
    assert np.abs(ours - theirs).max() < 0.05 * np.abs(ours).max()


def test_what_does_not_fit_leaves_no_file(tmp_path: Path) -> None:
    path, shape = tmp_path / "wrong.gguf", tiny.SHAPE
    wrong = dataclasses.replace(shape, feed_forward=512)
    with pytest.raises(ValueError, match=r"expected blk\.0\.ffn_gate"):
        llama_file.write_llama(
            path,
            shape,
            llama_file.random_weights(wrong),
            vocabulary=llama_file.bytes_only(tiny.SPECIALS),
            about=llama_file.About(name="wrong"),
        )
    assert list(tmp_path.iterdir()) == []


def test_a_vocabulary_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="258 tokens in a shape of 260"):
        llama_file.write_llama(
            tmp_path / "wrong.gguf",
            tiny.SHAPE,
            llama_file.random_weights(tiny.SHAPE),
            vocabulary=llama_file.bytes_only(),
            about=llama_file.About(name="wrong"),
        )
