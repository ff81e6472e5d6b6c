"""What the benchmark of answers by meaning counts is counted right; no data is needed."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cache import adversarial, bench, index, intents, pairs, planning, stage, stored
from benchmarks.cache.replay import Asked, Near, Replay, Tally
from benchmarks.cache.rules import OverAll, Threshold
from benchmarks.cache.vectors import Vectors
from caching.values import Neighbour


def turned(*degrees: float) -> Vectors:
    angles = np.radians(np.array(degrees))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def asked(*texts: int, truth: int = 0, partition: int = 0) -> list[Asked]:
    return [Asked(text=text, truth=truth, partition=partition) for text in texts]


def replayed(rule: Threshold, vectors: Vectors, stream: list[Asked]) -> Tally:
    texts = [f"question {'abcdefgh'[number]}" for number in range(len(vectors))]
    return bench.replayed(rule, texts, vectors, stream, seed=1)


class Curious(Threshold):
    """Has everything that it serves asked again."""

    shadow_share = 1.0

    def __init__(self, least: float) -> None:
        super().__init__(least)
        self.seen: list[tuple[bool, float]] = []

    def learns(self, near: Near, *, right: bool, weight: float) -> None:
        self.seen.append((right, weight))


def test_repeats_are_exact_and_what_is_near_is_served_right_or_wrong() -> None:
    stream = [*asked(0, 0, 1), *asked(2, truth=7), *asked(3, truth=8)]
    tally = replayed(Threshold(0.95), turned(0, 10, 5, 90), stream)
    assert (tally.asked, tally.exact, tally.hits, tally.wrong) == (5, 1, 2, 1)
    assert tally.trail == [(3, True), (4, False)]
    assert tally.error == 0.5


def test_nothing_is_served_from_another_partition() -> None:
    stream = [*asked(0), *asked(1, partition=1), *asked(0, partition=1)]
    tally = replayed(Threshold(0.5), turned(0, 1), stream)
    assert tally.hits == 1  # within the second one, of what was stored there


def test_a_rule_learns_of_misses_always_and_of_hits_with_its_share() -> None:
    rule = Curious(0.95)
    tally = replayed(rule, turned(0, 60, 1), [*asked(0), *asked(1, truth=5), *asked(2)])
    assert rule.seen == [(False, 1.0), (True, 1.0)]
    assert tally.shadows == 1


def test_a_repeat_whose_answer_changed_is_no_exact_hit() -> None:
    replay = Replay(Threshold(1.1), ["a"], turned(0))
    for each in (*asked(0), *asked(0, truth=1), *asked(0, truth=1)):
        replay.ask(each)
    assert replay.tally.exact == 1


@pytest.mark.parametrize(("wrong", "hits"), [(0, 0), (0, 50), (3, 100), (50, 50)])
def test_an_interval_holds_what_was_seen_and_stays_a_share(wrong: int, hits: int) -> None:
    low, high = bench.interval(wrong, hits)
    assert 0 <= low <= (wrong / hits if hits else 0) <= high <= 1


def test_an_interval_is_wilsons() -> None:
    assert bench.interval(3, 100) == pytest.approx((0.0103, 0.0845), abs=0.0001)
    assert bench.interval(0, 0) == (0.0, 1.0)


def test_the_best_threshold_has_the_most_hits_of_those_that_keep_the_bound() -> None:
    rows = [
        bench.row(name, Tally(asked=100, hits=hits, wrong=wrong))
        for name, hits, wrong in (
            ("low", 90, 9),
            ("middle", 50, 1),
            ("high", 10, 0),
            ("none", 0, 0),
        )
    ]
    best = bench.best_static(rows, 0.02)
    assert best is not None
    assert best["rule"] == "middle"
    assert bench.best_static(rows[:1], 0.02) is None
    assert bench.best_static(rows[3:], 0.02) is None  # no hits keep no promise


def test_a_threshold_chosen_beforehand_is_judged_by_what_it_did_afterwards() -> None:
    tuned = [
        bench.row("low", Tally(asked=100, hits=50, wrong=1)),
        bench.row("high", Tally(asked=100, hits=20, wrong=0)),
    ]
    reported = [
        bench.row("low", Tally(asked=100, hits=40, wrong=4)),
        bench.row("high", Tally(asked=100, hits=30, wrong=0)),
    ]
    assert bench.chosen(tuned, reported, 0.02) == (tuned[0], reported[0])
    assert bench.chosen(tuned[:1], reported, 0.01) is None


def nearest(similarity: float, *, entry_id: int = 1) -> Near:
    found = Neighbour(
        entry_id=entry_id,
        similarity=similarity,
        question="b",
        answer_class=b"",
        rights=0,
        wrongs=0,
        age_s=0,
    )
    return Near(question="a", text=0, neighbours=[found])


def test_the_published_rule_serves_only_entries_that_it_has_seen_right_often_enough() -> None:
    rule = OverAll(0.05)
    assert not any(rule.serves(nearest(0.99)) for _ in range(50))
    for _ in range(60):
        rule.learns(nearest(0.99), right=True, weight=1)
        rule.learns(nearest(0.7), right=False, weight=1)
    near = sum(rule.serves(nearest(0.995)) for _ in range(200))
    far = sum(rule.serves(nearest(0.7)) for _ in range(200))
    other = sum(rule.serves(nearest(0.995, entry_id=2)) for _ in range(200))
    assert (near > 100, far < 20, other) == (True, True, 0)


def test_without_the_data_these_parts_are_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pairs, "PAIRS", tmp_path / "pairs.jsonl.gz")
    monkeypatch.setattr(intents, "CLINC", tmp_path / "intents.json.gz")
    assert pairs.read() is None
    assert intents.read(10) is None
    given = bench.arguments(["--requests", "10"])

    def unneeded(_: Sequence[str]) -> Vectors:
        raise AssertionError("nothing is to be embedded")

    for part in ("pairs", "intents", "drift"):
        assert bench.PARTS[part](given, unneeded) == {}
    assert capsys.readouterr().out.count(bench.ABSENT) == 3


def test_pairs_that_labels_connect_share_a_partition_and_halves_share_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = [{"a": f"{n} a", "b": f"{n} b", "same": n % 2 == 0} for n in range(40)]
    rows.append({"a": "0 b", "b": "0 c", "same": True})
    path = tmp_path / "pairs.jsonl.gz"
    with gzip.open(path, "wt") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)
    monkeypatch.setattr(pairs, "PAIRS", path)
    data = pairs.read()
    assert data is not None
    every = {data.texts[each.text]: each for each in (*data.tuning, *data.reporting)}
    assert len(every) == 81
    assert every["0 a"].truth == every["0 b"].truth == every["0 c"].truth
    assert every["1 a"].partition == every["1 b"].partition
    assert every["1 a"].truth != every["1 b"].truth
    assert not {e.partition for e in data.tuning} & {e.partition for e in data.reporting}


def test_pairs_that_deceive_are_enough_for_a_hundredth() -> None:
    assert sum(not pair.same for pair in adversarial.pairs()) >= 300


def row(entries: int, p50_ms: float, *, way: str = index.SHIPPED) -> index.Row:
    return index.Row(
        entries=entries, way=way, share="95 %", partition=entries, p50_ms=p50_ms, p95_ms=p50_ms,
        recall_1=0.99, recall_8=0.98, empty=0,
    )  # fmt: skip


def test_growth_is_judged_only_where_both_sizes_were_measured() -> None:
    assert index.bars([row(10_000, 1.0), row(100_000, 1.5)]) == []
    other = row(1_000_000, 0.1, way="FAISS in the process")
    (bar,) = index.bars([row(10_000, 1.0), row(1_000_000, 3.5), other])
    assert (bar.value, bar.verdict) == (3.5, "MISS")


def test_the_stage_asks_what_nobody_asked_and_what_lies_nearest_to_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(pairs, "PAIRS", tmp_path / "absent")
    plan = planning.planned(200, 32, 60, of_words)
    assert (len(plan.stored), len(plan.others), len(plan.served)) == (200, 32, 60)
    texts = [*plan.stored, *plan.served, *plan.others]
    assert len(set(texts)) == len(texts)
    near = of_words(plan.served) @ plan.vectors.T
    assert (near.max(axis=1) >= planning.THRESHOLD).all()
    numbers = [number for number, _, _ in stored.contents(plan, 2_000)]
    there = {text for _, text, _ in stored.contents(plan, 2_000)}
    assert (len(numbers), len(set(numbers))) == (2_000, 2_000)
    assert set(plan.stored) <= there
    assert not there & {*plan.served, *plan.others}


def of_words(some: Sequence[str]) -> Vectors:
    """A bag of words: those that share most of them lie near each other."""
    made = np.zeros((len(some), 256), dtype=np.float32)
    for at, text in enumerate(some):
        for word in text.lower().split():
            dice = random.Random(word)
            made[at] += [dice.gauss(0, 1) * (1 if len(word) > 2 else 0.2) for _ in range(256)]
    found: Vectors = made / np.linalg.norm(made, axis=1, keepdims=True)
    return found


def test_a_stage_that_was_too_slow_is_a_promise_missed() -> None:
    found = {
        "entries": 100, "stage_p50_ms": 11.0, "stage_p95_ms": 26.0, "one_a_second": 50.0,
        "many_a_second": 110.0,
    }  # fmt: skip
    assert [bar.verdict for bar in stage.bars(found)] == ["pass", "MISS", "pass"]
    assert stage.bars({**found, "one_a_second": 0.0})[2].verdict == "not measured"
