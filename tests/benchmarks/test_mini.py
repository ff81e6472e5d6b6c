"""The small model's benchmark asks what was held out, and counts what was right."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import mini
from training import sample
from training.sample import DIFFICULTIES


def test_questions_are_held_out_different_and_the_same_each_time() -> None:
    asked = mini.questions(["sums", "case"], each=20, seed=1)
    assert asked == mini.questions(["sums", "case"], each=20, seed=1)
    assert len({question.sample.asked for question in asked}) == len(asked) == 120
    assert all(sample.held_out(question.sample.asked) for question in asked)


def test_answers_are_counted_by_task_and_difficulty() -> None:
    asked = mini.questions(["sums", "case"], each=2, seed=1)
    answers = [question.sample.expected for question in asked]
    answers[0] = "wrong"
    marks = mini.marks(asked, answers)
    assert marks["sums"] == {"easy": 0.5, "medium": 1.0, "hard": 1.0}
    assert marks["case"] == dict.fromkeys(DIFFICULTIES, 1.0)


def test_variants_measured_alike_stand_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text('{"sha256": "x"}')
    mini.record(path, {"q8_0": {"sums": {"easy": 0.5}}}, {"seed": 1})
    mini.record(path, {"f16": {"sums": {"easy": 0.6}}}, {"seed": 1})
    found = json.loads(path.read_text())
    assert found["sha256"] == "x"
    assert list(found["accuracy"]["sums"]["easy"].items()) == [("f16", 0.6), ("q8_0", 0.5)]
    mini.record(path, {"q2_k": {"sums": {"easy": 0.1}}}, {"seed": 2})
    assert json.loads(path.read_text())["accuracy"] == {"sums": {"easy": {"q2_k": 0.1}}}


def test_a_promise_that_is_not_kept_is_said_so() -> None:
    good = {"a": {"easy": 0.95, "medium": 0.8, "hard": 0.5}}
    weak = {"a": {"easy": 0.8, "medium": 0.9, "hard": 0.5}}
    verdicts = [said[:4] for said in mini.promises({"q8_0": good, "q2_k": weak})]
    assert verdicts == ["pass", "pass", "pass"]
    verdicts = [said[:4] for said in mini.promises({"q8_0": weak, "q2_k": good})]
    assert verdicts == ["MISS", "MISS", "MISS"]
