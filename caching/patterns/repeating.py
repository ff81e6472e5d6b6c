"""Intents whose answers are all the same: one stored answer for a kind of question (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from caching import guards
from caching.patterns import bounds, naming, nearness, worth
from caching.patterns.nearness import Near
from caching.patterns.traffic import Demands, Occurrence, Proposal, Traffic

EXAMPLES = 12
FLOOR = 0.8
"""Less similar than this is nothing, whatever the evidence."""
MARGIN = 0.02
"""How much nearer than the nearest question with another answer."""


def exemplars(kind: Traffic, floor: float = FLOOR) -> dict[str, Any] | None:
    """What makes a question one of this kind, where no template says so."""
    near = _near(kind.rows, floor)
    return None if near is None else near.as_json()


def propose(kind: Traffic, beside: Sequence[Occurrence], demands: Demands) -> Iterator[Proposal]:
    """`beside` are all prompts of the same surroundings: what has another answer keeps away."""
    rows = [row for row in kind.rows if row.answer and row.vector is not None]
    if len(rows) < bounds.needed(1 - demands.epsilon) + EXAMPLES:
        return
    top, _ = Counter(row.answer_class for row in rows).most_common(1)[0]
    near = _near([row for row in rows if row.answer_class == top], FLOOR)
    if near is None:
        return
    near = _apart(near, [row for row in beside if row.answer_class != top])
    shown = set(near.questions)
    held = [row for row in rows if row.question not in shown and _taken(near, row)]
    right = sum(row.answer_class == top and not row.complained for row in held)
    if bounds.lower(right, len(held)) >= 1 - demands.epsilon:
        answer = next(row for row in reversed(rows) if row.answer_class == top)
        yield _as_proposal(near, kind, answer, (right, len(held)))


def _near(rows: Sequence[Occurrence], floor: float) -> Near | None:
    with_vectors = [row for row in rows if row.vector is not None]
    if not with_vectors:
        return None
    vectors = nearness.stacked([row.vector for row in with_vectors if row.vector is not None])
    chosen = nearness.spread_out(vectors, EXAMPLES)
    return Near(
        vectors=vectors[chosen],
        questions=tuple(with_vectors[number].question for number in chosen),
        similarity=floor,
        generation=with_vectors[0].generation,
    )


def _apart(near: Near, others: Sequence[Occurrence]) -> Near:
    vectors = [row.vector for row in others if row.vector is not None]
    if not vectors:
        return near
    closest = float(nearness.among(nearness.stacked(vectors), near.vectors).max())
    return replace(near, similarity=min(max(near.similarity, closest + MARGIN), 1.0))


def _taken(near: Near, row: Occurrence) -> bool:
    if row.vector is None:
        return False
    similarity, example = near.nearest(row.vector)
    return similarity >= near.similarity and not guards.disagreement(row.question, example)


def _as_proposal(near: Near, kind: Traffic, answer: Occurrence, held: tuple[int, int]) -> Proposal:
    low, high = bounds.interval(*held)
    text = naming.of(kind.rows)
    return Proposal(
        action="serve",
        name=naming.slug("serve", text),
        key=worth.key("serve", answer.surroundings, str(answer.intent)),
        surroundings=answer.surroundings,
        recipe={
            "when": {"near": near.as_json()},
            "text": text,
            "answer": [answer.answer],
            **worth.told(kind),
        },
        evidence={
            **kind.as_json(),
            "held_out": {"right": held[0], "seen": held[1], "low": low, "high": high},
            "stability": {"share": held[0] / held[1], "low": low, "high": high, "seen": held[1]},
            **worth.saved(kind),
        },
        samples=kind.samples(),
        intent=answer.intent,
    )
