"""The exercises are seeded, right by their own judges, and never both trained on and examined."""

from __future__ import annotations

import random

import pytest

from training import sample
from training.sample import DIFFICULTIES, Sample
from training.tasks import TASKS

ALL = [(task, difficulty) for task in TASKS for difficulty in DIFFICULTIES]


def drawn(task: str, difficulty: str, *, seed: int, unseen: bool, count: int) -> list[Sample]:
    rng = random.Random(seed)
    return [sample.draw(TASKS[task], rng, difficulty, unseen=unseen) for _ in range(count)]


def bare(one: Sample) -> str:
    return "".join(char for char in one.asked.lower() if char.isalnum())


@pytest.mark.parametrize(("task", "difficulty"), ALL)
def test_the_same_seed_gives_the_same_exercises(task: str, difficulty: str) -> None:
    first = drawn(task, difficulty, seed=5, unseen=True, count=20)
    assert first == drawn(task, difficulty, seed=5, unseen=True, count=20)
    assert first != drawn(task, difficulty, seed=6, unseen=True, count=20)


@pytest.mark.parametrize(("task", "difficulty"), ALL)
def test_the_expected_answer_passes_and_another_does_not(task: str, difficulty: str) -> None:
    for one in drawn(task, difficulty, seed=7, unseen=False, count=50):
        assert sample.passes(one, one.expected)
        assert not sample.passes(one, one.expected[:-1])
        assert not sample.passes(one, "")
        assert one.expected == one.expected.strip() and one.asked == one.asked.strip()


@pytest.mark.parametrize(("task", "difficulty"), ALL)
def test_nothing_examined_is_ever_trained_on(task: str, difficulty: str) -> None:
    trained = {bare(one) for one in drawn(task, difficulty, seed=1, unseen=False, count=600)}
    examined = {bare(one) for one in drawn(task, difficulty, seed=2, unseen=True, count=60)}
    assert not trained & examined


def test_a_prompt_is_held_out_whatever_its_case_spacing_and_punctuation() -> None:
    for asked in ("Sort these: b, a", "What is 3+4?", "Hello, I am Anna"):
        varied = asked.upper().replace(",", " ").replace(":", "\n\n").rstrip("?") + " !"
        assert sample.held_out(asked) == sample.held_out(varied)


@pytest.mark.parametrize("task", TASKS)
def test_exercises_grow_with_difficulty(task: str) -> None:
    easy, hard = (
        sum(len(one.asked) for one in drawn(task, difficulty, seed=3, unseen=False, count=200))
        for difficulty in ("easy", "hard")
    )
    assert hard > easy


@pytest.mark.parametrize(
    ("task", "asked", "expected"),
    [
        ("sums", "26 + 17", "43"),
        ("sums", "12 plus 3 plus 4", "19"),
        ("sums", "12 x 3 + 4", "40"),
    ],
)
def test_sums_are_read_as_people_read_them(task: str, asked: str, expected: str) -> None:
    from training.tasks import numbers

    signs = {"plus": "+", "x": "*", "+": "+"}
    parts = [signs.get(part) or int(part) for part in asked.split()]
    assert str(numbers.counted(parts)) == expected


def test_answers_as_json_are_judged_by_their_meaning() -> None:
    one = Sample(asked="", expected='{"a": 1, "b": "x"}', check="json")
    assert sample.passes(one, '{"b":"x","a":1}')
    assert not sample.passes(one, '{"a": "1", "b": "x"}')
    assert not sample.passes(one, '{"a": 1, "b": "x"')
