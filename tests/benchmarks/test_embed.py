"""What the embedder's benchmark counts is counted right."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.embed import bench, texts
from inference.embeddings import minilm
from inference.embeddings.wordpiece import WordPiece


def turned(*degrees: float) -> np.ndarray:
    angles = np.radians(np.array(degrees))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("same", "expected"),
    [((True, False, False), 1.0), ((False, False, True), 0.0), ((True, True, False), 1.0)],
)
def test_auc_counts_pairs_in_the_right_order(same: tuple[bool, ...], expected: float) -> None:
    vectors = turned(0, 5, 0, 40, 0, 90)
    assert texts.auc(vectors, np.array(same)) == expected


def test_auc_of_ties_is_a_coins() -> None:
    assert texts.auc(turned(0, 30, 0, 30), np.array([True, False])) == 0.5


def test_a_moved_neighbour_is_seen() -> None:
    assert texts.same_neighbour(turned(0, 10, 25), turned(0, 10, 25)) == 1
    assert texts.same_neighbour(turned(0, 10, 25), turned(0, 20, 25)) == pytest.approx(2 / 3)


def test_sentences_have_exactly_the_tokens_that_are_named() -> None:
    pieces = WordPiece(minilm.original().vocabulary, longest=minilm.LONGEST)
    made = texts.sentences(pieces, tokens=12, number=20)
    assert {len(ids) for ids in made} == {12}
    assert len({tuple(ids) for ids in made}) == 20
    assert len(set(texts.questions(50))) == 50


def test_a_promise_that_was_not_measured_is_no_promise_kept() -> None:
    cell = {"short": {"p50_ms": 2.1}}
    found = {"forms": {bench.SHIPPED: cell}, "callers": {"serial_s": 100.0, "together_s": 160.0}}
    verdicts = [bar.verdict for bar in bench.bars(found)]
    assert verdicts == ["MISS", "not measured", "pass", "not measured", "not measured"]
