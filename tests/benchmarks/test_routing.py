"""What the benchmark of routing counts is counted right; no data is needed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.routing import bench, gateway, online, peers, scored, tables
from benchmarks.routing.ours import Asked
from benchmarks.routing.scored import Table
from benchmarks.routing.tables import Bench, Pair
from routing.learning import features


def _table(questions: int = 80, seed: int = 3) -> Table:
    """Three models: the strong one is better at every other topic only, and ten times as dear."""
    chance = np.random.default_rng(seed)
    topics = np.array([f"t{number % 4}" for number in range(questions)])
    hard = np.array([number // 4 % 2 for number in range(questions)])
    scores = np.stack([0.9 - 0.8 * hard, 0.9 - 0.1 * hard, np.full(questions, 0.1)], axis=1)
    costs = np.tile([1e-4, 1e-3, 5e-4], (questions, 1))
    texts = tuple(f"question {number} {chance.random()}" for number in range(questions))
    return Table(models=("weak", "strong", "bad"), texts=texts, topics=topics,
                 scores=scores, costs=costs)  # fmt: skip


def _asked(table: Table) -> Asked:
    """Hard questions lie together, whatever their topic."""
    chance = np.random.default_rng(4)
    hard = table.scores[:, 0] < 0.5
    vectors = np.where(hard[:, None], [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0])
    vectors = vectors + chance.normal(scale=0.1, size=vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    signals = np.zeros((len(hard), len(features.NAMES)))
    signals[:, 0] = 1.0
    return Asked(signals=signals, vectors=vectors, intents=("",) * len(hard))


@pytest.fixture
def made() -> Bench:
    table = _table(400)
    return Bench(table, _asked(table), 1)


def test_the_area_of_an_oracle_of_chance_and_of_the_worst(made: Bench) -> None:
    pair, whole = Pair(weak=0, strong=1), np.arange(400)
    gain = made.table.scores[:, 1] - made.table.scores[:, 0]
    assert made.recovered(pair, gain, whole) == pytest.approx(0.75, abs=0.01)
    assert made.recovered(pair, -gain, whole) == pytest.approx(0.25, abs=0.01)
    middle = [made.recovered(pair, np.random.default_rng(n).random(400), whole) for n in range(60)]
    assert np.mean(middle) == pytest.approx(0.5, abs=0.03)


def test_pairs_are_the_best_and_the_cheaper_ones_by_score(made: Bench) -> None:
    pairs = made.all_pairs()
    assert [(pair.weak, pair.strong) for pair in pairs] == [(0, 1), (2, 1)]


def test_kora_tells_hard_questions_of_topics_that_it_never_saw(made: Bench) -> None:
    expected = made._expected("topics", tables.OURS)
    hard = made.table.scores[:, 0] < 0.5
    gain = expected[:, 1] - expected[:, 0]
    assert gain[hard].min() > gain[~hard].max()


def test_the_price_of_a_dollar_keeps_the_budget() -> None:
    expected = np.array([[0.5, 0.9], [0.5, 0.6], [0.5, 0.55]])
    costs = np.tile([1.0, 4.0], (3, 1))
    assert tables._within(expected, costs, 2.0).tolist() == [1, 0, 0]
    assert tables._within(expected, costs, 4.0).tolist() == [1, 1, 1]


def test_peers_are_what_they_are_called() -> None:
    known = np.array([[1.0, 0.0], [0.0, 1.0], [0.8, 0.6]])
    scores = np.array([[1.0], [0.0], [0.5]])
    asked = np.array([[1.0, 0.0]])
    assert peers.nearest(1)(known, scores, asked).tolist() == [[1.0]]
    assert peers.nearest(2)(known, scores, asked).tolist() == [[0.75]]
    assert peers.ridge(1e9)(known, scores, asked)[0, 0] == pytest.approx(0.5)
    assert peers.ridge(1e-9)(known, scores, asked)[0, 0] == pytest.approx(1.0, abs=1e-3)


def test_a_pass_shows_only_what_was_chosen_and_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    table = _table(600)
    seen: list[tuple[int, int]] = []

    def shown(at: int, model: int, score: float) -> float:
        seen.append((at, model))
        return score

    done = online.Learner(table, _asked(table), 1).go(shown)
    assert seen == list(enumerate(done.chosen.tolist()))
    assert done.shown.tolist() == table.scores[done.order, done.chosen].tolist()
    assert done.shown[300:].mean() > table.scores[:, 1].mean() - 0.05


def test_when_traffic_moved_and_came_back() -> None:
    usual = np.ones(online.WELL_AT + 1_000, dtype=bool)
    gone = usual.copy()
    gone[online.BROKEN_AT + 50 : online.WELL_AT + 300] = False
    assert online._moved(gone, 1.0) == 30
    assert online._found_again(gone) == 120
    assert online._moved(usual, 1.0) is None
    never = usual.copy()
    never[online.BROKEN_AT :] = False
    assert online._found_again(never) is None


def test_a_table_is_read_with_prices(tmp_path: Path) -> None:
    row = {"question": "x" * 400, "task": "t", "scores": {"b": 0.0, "a": 1.0}}
    with gzip.open(tmp_path / "scores.jsonl.gz", "wt") as file:
        file.write(json.dumps(row) + "\n")
    prices = {
        "a": {"input_price": 1, "output_price": 2},
        "b": {"input_price": 0, "output_price": 1},
    }
    (tmp_path / "prices.json").write_text(json.dumps(prices))
    table = scored.read(tmp_path)
    assert table is not None
    assert table.models == ("a", "b")
    assert table.scores.tolist() == [[1.0, 0.0]]
    np.testing.assert_allclose(table.costs, [[700e-6, 300e-6]])
    assert scored.read(tmp_path / "nowhere") is None


def test_sandbox_backends_answer_with_their_scores() -> None:
    table = _table(8)
    backend = gateway._backend(table, 1, np.arange(8))
    assert sorted(set(backend["options"]["answers"].values())) == ["score 0.8000", "score 0.9000"]


def test_every_part_is_there_once() -> None:
    assert len(set(bench.PARTS.values())) == len(bench.PARTS)
