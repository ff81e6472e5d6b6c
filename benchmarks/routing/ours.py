"""KORA's own estimates for a table: the code that serves, with every score shown to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from benchmarks.cache.vectors import Vectors
from benchmarks.routing.scored import Floats, Numbers
from routing import questions
from routing.intents import learning, opinions, quick, shipped
from routing.intents.minds import Mind
from routing.intents.opinions import Minds
from routing.learning import evidence, features, fitting, projecting, quality
from routing.learning.evidence import Seen
from routing.learning.quality import Case, Nearness
from routing.signals import reading

EMBEDDER = "bench"
TEAM = 1


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The questions of a table as learning sees them."""

    signals: Floats
    vectors: Floats
    intents: tuple[str, ...]

    def part(self, which: Numbers) -> Asked:
        return Asked(
            signals=self.signals[which],
            vectors=self.vectors[which],
            intents=tuple(self.intents[place] for place in which.tolist()),
        )


def asked(texts: tuple[str, ...], made: Callable[[Sequence[str]], Vectors]) -> Asked:
    """Signals, intents and how hard they are, as KORA tells them with nothing but what ships."""
    vectors = made(texts)
    examples = shipped.examples()
    mind, _ = learning.of_shipped(examples, made([each.text for each in examples]))
    told = [_told(text, vector, mind) for text, vector in zip(texts, vectors, strict=True)]
    return Asked(
        signals=np.array([row for row, _ in told]),
        vectors=vectors.astype(np.float64),
        intents=tuple(intent for _, intent in told),
    )


def _told(text: str, vector: Vectors, mind: Mind) -> tuple[tuple[float, ...], str]:
    body = {"model": "auto", "messages": [{"role": "user", "content": text}]}
    signals = reading.read(questions.parse(json.dumps(body).encode(), {}))
    seen = opinions.look(text, vector)
    recognised = opinions.form(Minds(shipped=mind), seen, by_rule=quick.tell(text, signals))
    return features.read(signals.as_json(), recognised.complexity), recognised.intent


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
        Case(features=row, reduced=short, intent=intent, team_id=TEAM)
        for row, short, intent in zip(asked.signals, reduced, asked.intents, strict=True)
    ]
