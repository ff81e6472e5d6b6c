"""Outcomes made up for tests of learning."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import numpy as np

from routing.learning import evidence, features, fitting, quality
from routing.learning.evidence import Evidence, Seen
from routing.learning.quality import Case, Learned


def case(*, intent: str = "", team_id: int = 1, length: float = 0.0, width: int = 32) -> Case:
    row = np.zeros(len(features.NAMES))
    row[0], row[1] = 1.0, length
    return Case(features=row, reduced=np.zeros(width), intent=intent, team_id=team_id)


def seen(backend: str, reward: float, at: Case | None = None) -> Seen:
    return Seen(id=uuid.uuid4(), case=at or case(), backend=backend, reward=reward)


def begin() -> Evidence:
    return evidence.empty(len(features.NAMES))


def taught(
    outcomes: Sequence[Seen], known: Evidence | None = None, *, at_once: int = 20
) -> tuple[Evidence, Learned]:
    """As the worker does it: some at a time, each time with what is known by then."""
    known = known or begin()
    learned = fitting.fit(known, {})
    for start in range(0, len(outcomes), at_once):
        known = evidence.take(known, outcomes[start : start + at_once], learned)
        learned = fitting.fit(known, {})
    return known, learned


def expected(learned: Learned, backend: str, at: Case | None = None) -> float:
    found = quality.expect(learned, at or case())
    return float(found.quality[learned.backends.index(backend)])
