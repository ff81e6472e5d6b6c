"""How well a classifier tells examples that it had not learned from, intent by intent (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from routing.intents.classifying import NOBODY, Classifier, Unseen, decidedness
from routing.intents.softmax import Labels

FEWEST = 5
"""Examples below which what is said of an intent is worth little."""
CONFUSIONS = 3
"""Of each intent, the others that it is most taken for."""
ABSTAINED = "(none)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    intent: str
    examples: int
    precision: float | None
    """None where nothing was taken for it."""
    recall: float
    taken_for: tuple[tuple[str, int], ...] = ()

    @property
    def too_few(self) -> bool:
        return self.examples < FEWEST

    def as_json(self) -> dict[str, Any]:
        return {
            "intent": self.intent,
            "examples": self.examples,
            "too_few": self.too_few,
            "precision": self.precision,
            "recall": self.recall,
            "taken_for": [{"intent": name, "examples": count} for name, count in self.taken_for],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """By cross-validation: each example was told by a classifier that had not seen it."""

    examples: int = 0
    accuracy: float | None = None
    abstained: float = 0.0
    """The share of examples that it took for none of the intents."""
    strangers_found: float | None = None
    """Of the sentences that belong to no intent, the share that it took for none."""
    rows: tuple[Row, ...] = ()
    names: tuple[str, ...] = ()
    table: tuple[tuple[int, ...], ...] = field(default=())
    """The confusion table: a row an intent, a column what its examples were taken for; the last
    column is none."""

    def as_json(self) -> dict[str, Any]:
        return {
            "examples": self.examples,
            "accuracy": self.accuracy,
            "abstained": self.abstained,
            "strangers_found": self.strangers_found,
            "intents": [row.as_json() for row in self.rows],
            "table": {
                "columns": [*self.names, ABSTAINED],
                "rows": [
                    {"intent": name, "counts": list(counts)}
                    for name, counts in zip(self.names, self.table, strict=True)
                ],
            },
        }


NOTHING = Report()


def report(classifier: Classifier, unseen: Unseen, labels: Labels) -> Report:
    told = _told(classifier, unseen)
    names = [name for name in classifier.names if name != NOBODY]
    at = {classifier.names.index(name): place for place, name in enumerate(names)}
    table = np.zeros((len(names), len(names) + 1), np.int64)
    strangers: list[bool] = []
    for label, word in zip(labels.tolist(), told.tolist(), strict=True):
        if label in at:
            table[at[label], at.get(word, len(names))] += 1
        else:
            strangers.append(word not in at)
    inside = int(table.sum())
    right = int(np.trace(table[:, :-1]))
    return Report(
        examples=inside,
        accuracy=_share(right, inside),
        abstained=_share(int(table[:, -1].sum()), inside) or 0.0,
        strangers_found=_share(sum(strangers), len(strangers)),
        rows=tuple(_row(names, table, place) for place in range(len(names))),
        names=tuple(names),
        table=tuple(tuple(int(count) for count in row) for row in table),
    )


def _told(classifier: Classifier, unseen: Unseen) -> Labels:
    """The class, or -1 below the floor."""
    score = classifier.decided(decidedness(unseen.logits)) + classifier.near(unseen.near)
    return np.where(score < classifier.floor, -1, unseen.logits.argmax(1))


def _row(names: list[str], table: Labels, place: int) -> Row:
    counts, taken = table[place], int(table[:, place].sum())
    others = sorted(
        ((int(count), other) for other, count in enumerate(counts) if other != place and count),
        reverse=True,
    )
    columns = [*names, ABSTAINED]
    return Row(
        intent=names[place],
        examples=int(counts.sum()),
        precision=_share(int(counts[place]), taken),
        recall=_share(int(counts[place]), int(counts.sum())) or 0.0,
        taken_for=tuple((columns[other], count) for count, other in others[:CONFUSIONS]),
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
