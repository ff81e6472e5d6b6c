"""What a team's sentences are told from."""

from __future__ import annotations

import numpy as np

from routing.intents import classifying, cues, learning
from routing.intents.learning import Lesson
from routing.intents.minds import Mind
from routing.intents.softmax import Floats

WIDE = 32


def lesson(kinds: list[str], middles: list[Floats], *, spread: float, seed: int) -> Lesson:
    chance = np.random.default_rng(seed)
    said = np.stack(middles) + chance.normal(size=(len(kinds), WIDE)) * spread
    vectors = (said / np.linalg.norm(said, axis=1, keepdims=True)).astype(np.float32)
    texts = tuple(f"put this one into number {n} please" for n in range(len(kinds)))
    return Lesson(kinds=tuple(kinds), texts=texts, vectors=vectors)


def test_a_team_may_teach_a_shipped_type_anew() -> None:
    """The shipped sentences of that name are not what it has to be told from."""
    own_way, shipped_way, other = np.eye(WIDE)[:3]
    own = lesson(["translation"] * 12, [own_way + shipped_way] * 12, spread=0.12, seed=1)
    kinds = ["translation"] * 60 + ["maths"] * 60
    middles = [shipped_way + other / 2] * 60 + [other] * 60
    general = lesson(kinds, middles, spread=0.12, seed=2)
    mind, _ = learning.of_team(own, general)
    known = taken(mind, general.vectors[:60], general.texts[:60])
    assert known > 0.5, "its own kind, said as KORA says it"
    renamed = Lesson(kinds=("mine",) * 12, texts=own.texts, vectors=own.vectors)
    other_mind, _ = learning.of_team(renamed, general)
    assert taken(other_mind, general.vectors[:60], general.texts[:60]) < known


def taken(mind: Mind, vectors: Floats, texts: tuple[str, ...]) -> float:
    """The share that is taken for one of the team's."""
    assert mind.classifier is not None
    guesses = [
        classifying.guess(mind.classifier, vector, cues.read(text))
        for vector, text in zip(vectors, texts, strict=True)
    ]
    return float(np.mean([guess.intent != classifying.NOBODY for guess in guesses]))
