"""What every engine that encodes must do, and which engine a file gets."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gguf
import numpy as np
import pytest

from inference.embedding import Terms
from inference.embeddings import encoders, minilm, reference
from inference.embeddings.encoders import AUTO, ENGINES, LLAMA, ONNX, Weights
from inference.embeddings.local import Local
from inference.embeddings.minilm import Original
from inference.embeddings.onnx import eight_bits
from inference.embeddings.wordpiece import WordPiece
from inference.store.models import Store
from inference.words import EngineError
from kora_site import environment
from tests.inference.embeddings import tiny_bert
from tests.inference.embeddings.texts import ODD, PLAIN
from tests.inference.local import tiny

MOST = {"most_tokens": 256, "most_texts": 64}
LEAST = {ONNX: 0.995, LLAMA: 0.998}
"""Cosine to the vector in 32 bits, of texts of one or two word pieces as well."""


@pytest.fixture(scope="module")
def path(terms: Terms) -> Path:
    return Store(terms.models).find(terms.model).path


@pytest.fixture(scope="module", params=[ONNX, LLAMA])
def engine(request: pytest.FixtureRequest) -> str:
    named: str = request.param
    return named


@pytest.fixture(scope="module")
def weights(engine: str, path: Path) -> Iterator[Weights]:
    opened = encoders.open_weights(path, engine)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def read(original: Original) -> list[tuple[int, ...]]:
    pieces = WordPiece(original.vocabulary, longest=minilm.LONGEST)
    return [pieces.read(text).ids for text in (*PLAIN[:8], *ODD[:12:2], *ODD[14:20])]


def one_by_one(weights: Weights, texts: Sequence[Sequence[int]]) -> np.ndarray:
    lane = weights.lane(**MOST)
    try:
        return np.concatenate([lane.encode([ids]) for ids in texts])
    finally:
        lane.close()


def test_vectors_are_the_originals_and_of_length_one(
    engine: str, weights: Weights, original: Original, read: list[tuple[int, ...]]
) -> None:
    made = one_by_one(weights, read)
    expected = np.stack([reference.embed(original.weights, ids) for ids in read])
    assert (weights.dimensions, weights.longest) == (384, 256)
    assert np.allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)
    assert (made * expected).sum(axis=1).min() >= LEAST[engine]


def test_texts_together_come_in_their_order(weights: Weights, read: list[tuple[int, ...]]) -> None:
    short = [ids for ids in read if len(ids) < 20][:10]
    lane = weights.lane(**MOST)
    together = lane.encode(short)
    lane.close()
    assert (together * one_by_one(weights, short)).sum(axis=1).min() > 0.999


@pytest.mark.parametrize(
    "texts",
    [
        [[]],
        [[101, 102], []],
        [[7] * 257],
        [[101, 5, 102]] * 65,
        [[101] * 200] * 2,
        [[101, 1 << 20]],
    ],
    ids=["empty", "one empty", "too long", "too many", "too many tokens", "unknown token"],
)
def test_what_is_no_batch_is_refused_and_harms_nothing(
    weights: Weights, texts: list[list[int]]
) -> None:
    lane = weights.lane(**MOST)
    with pytest.raises((ValueError, EngineError)):
        lane.encode(texts)
    assert np.isfinite(lane.encode([[101, 7592, 102]])).all()
    lane.close()


def test_many_threads_get_the_same(weights: Weights, read: list[tuple[int, ...]]) -> None:
    alone = one_by_one(weights, read)
    with ThreadPoolExecutor(6) as threads:
        for made in threads.map(lambda _: one_by_one(weights, read), range(6)):
            assert (made == alone).all()


def test_closed_weights_compute_nothing(engine: str, tmp_path: Path) -> None:
    opened = encoders.open_weights(tiny_bert.write(tmp_path / "tiny.gguf"), engine)
    opened.close()
    opened.close()
    with pytest.raises(EngineError):
        opened.lane(**MOST).encode([[2, 5, 3]])


def test_a_vector_does_not_depend_on_who_is_computed_beside_it(path: Path) -> None:
    opened = encoders.open_weights(path, ONNX)
    lane = opened.lane(**MOST)
    alone, long = [101, 7592, 102], [101, *range(2000, 2060), 102]
    assert (lane.encode([long, alone])[1] == lane.encode([alone])[0]).all()


def test_processors_that_add_in_sixteen_bits_make_the_same_vectors(
    path: Path, read: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for exact in (True, False):
        monkeypatch.setattr(eight_bits, "sums_are_exact", lambda exact=exact: exact)
        made.append(one_by_one(encoders.open_weights(path, ONNX), read))
    if eight_bits.sums_are_exact():
        assert np.allclose(made[0], made[1], atol=1e-6)
    assert np.isfinite(made[1]).all()


@pytest.mark.parametrize("pooling", [gguf.PoolingType.MEAN, gguf.PoolingType.CLS])
def test_other_berts_are_computed_by_their_own_header(
    tmp_path: Path, pooling: gguf.PoolingType
) -> None:
    path = tiny_bert.write(tmp_path / "tiny.gguf", pooling=pooling)
    assert encoders.choose(path, AUTO).engine == ONNX
    texts = [[2, 3], [2, 5, 6, 7, 3], [2, *range(5, 24), 3]]
    ours, theirs = (
        one_by_one(encoders.open_weights(path, engine), texts) for engine in (ONNX, LLAMA)
    )
    assert (ours * theirs).sum(axis=1).min() > 0.998


# Which engine a file gets


def test_other_models_are_left_to_llama_cpp(tmp_path: Path) -> None:
    llama = encoders.choose(tiny.write(tmp_path / "llama.gguf"), AUTO)
    assert llama.engine == LLAMA
    assert "architecture is llama" in llama.reason
    ranking = tiny_bert.write(tmp_path / "rank.gguf", pooling=gguf.PoolingType.RANK)
    assert encoders.choose(ranking, AUTO).engine == LLAMA
    lacking = tiny_bert.write(tmp_path / "lack.gguf", without="blk.1.ffn_up.bias")
    assert "blk.1.ffn_up.bias" in encoders.choose(lacking, AUTO).reason


def test_a_damaged_file_is_said_and_never_computed(tmp_path: Path) -> None:
    damaged = tiny_bert.write(tmp_path / "tiny.gguf")
    damaged.write_bytes(damaged.read_bytes()[:-1000])
    assert "cut short" in encoders.choose(damaged, AUTO).reason
    for engine in (ONNX, LLAMA):
        with pytest.raises(EngineError):
            encoders.open_weights(damaged, engine)


def test_what_cannot_be_computed_is_refused_when_it_is_demanded(tmp_path: Path) -> None:
    llama = tiny.write(tmp_path / "llama.gguf")
    assert encoders.choose(llama, ONNX).engine == ONNX
    with pytest.raises(EngineError, match="architecture is llama"):
        encoders.open_weights(llama, ONNX)


def test_without_onnx_runtime_llama_cpp_embeds_under_its_own_name(
    terms: Terms, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    opened = Local(terms)
    with caplog.at_level("INFO"):
        assert opened.name == terms.model
        assert opened.dimensions == 384
    assert caplog.text.count("ONNX Runtime does not load") == 1
    opened.close()


def test_vectors_of_the_two_engines_are_stored_under_two_names(terms: Terms) -> None:
    names = [
        Local(Terms(model=terms.model, models=terms.models, engine=engine)).name
        for engine in (AUTO, ONNX, LLAMA)
    ]
    assert names == [f"{terms.model}@onnx", f"{terms.model}@onnx", terms.model]
    assert Local(Terms(model="absent:q8_0", models=terms.models)).name == "absent:q8_0@onnx"


def test_the_setting_takes_the_engines_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.EMBEDDER_ENGINES == ENGINES
    monkeypatch.setenv("KORA_EMBEDDER_ENGINE", "torch")
    with pytest.raises(SystemExit, match="KORA_EMBEDDER_ENGINE"):
        environment.embedder_engine()
