"""KORA's own estimates for a table: the code that serves, with every score shown to it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import numpy as np

from benchmarks.routing.scored import Floats, Numbers
from routing.learning import evidence, features, fitting, projecting, quality
from routing.learning.evidence import Seen
from routing.learning.quality import Case, Nearness

EMBEDDER = "bench"
TEAM = 1


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The questions of a table as learning sees them."""

    signals: Floats
    vectors: Floats

    def part(self, which: Numbers) -> Asked:
        return Asked(signals=self.signals[which], vectors=self.vectors[which])


def predict(
    known: Asked, scores: Floats, asked: Asked, *, nearness: Nearness = quality.USUALLY
) -> Floats:
    """What is expected of every model at what is asked, from all scores of what is known."""
    models = [str(number) for number in range(scores.shape[1])]
    projection = projecting.fit(known.vectors, EMBEDDER)
    seen = [
        Seen(id=UUID(int=number), case=case, backend=name, reward=float(scores[number, place]))
        for number, case in enumerate(cases(known, projection))
        for place, name in enumerate(models)
    ]
    gathered = evidence.gathered(seen, models, len(features.NAMES), projection)
    learned = fitting.fit(gathered, {}, nearness=nearness, nearest=len(seen))
    return np.stack([quality.expect(learned, case).quality for case in cases(asked, projection)])


def cases(asked: Asked, projection: projecting.Projection) -> list[Case]:
    reduced = projection.reduce_all(asked.vectors)
    return [
        Case(features=row, reduced=short, team_id=TEAM)
        for row, short in zip(asked.signals, reduced, strict=True)
    ]
