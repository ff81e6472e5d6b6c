"""Tells by examples what kind of request a text is, how sure that is, and what is none (pure).

A linear classifier names the intent. Whether the text is of any intent at all is another matter:
how decided the classifier is, and how near the closest known sentences lie, are put on one scale
by what examples scored that the classifier had not learned from; below the floor it abstains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from routing.intents import nearness, softmax
from routing.intents.softmax import Floats, Labels, Linear

NOBODY = ""
"""The class of sentences that are of no intent."""
VECTOR_SCALE = 6.5
"""Vectors have length one; logits need room."""
SOFT = 3.0
"""How decided a classifier is shows better when it is made less sure of itself."""
REJECTED = 0.05
"""The share of what belongs here that is taken for a stranger, as a price for finding those."""
HEATS = np.geomspace(0.3, 5.0, 30)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """Where a score lies among those of examples that were not learned from."""

    middle: float
    spread: float

    def __call__(self, score: Any) -> Any:
        return (score - self.middle) / self.spread


@dataclass(frozen=True, kw_only=True, slots=True)
class Classifier:
    names: tuple[str, ...]
    linear: Linear
    """Its first rows are the vector's, the others those of `cues.NAMES`."""
    known: Floats
    """Sentences that stand for all that were learned from."""
    cue_scale: float
    heat: float
    decided: Scale
    near: Scale
    floor: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Guess:
    """`belongs` is how far above the floor it lies; below zero it is of no intent known here."""

    intent: str
    confidence: float
    belongs: float
    runner_up: str
    ranked: tuple[tuple[str, float], ...]
    """The three likeliest."""
    near: float
    """The likeness of the nearest known sentence."""

    @property
    def is_stranger(self) -> bool:
        return self.belongs < 0 or self.intent == NOBODY


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What differs between many fine intents and few broad ones."""

    l2: float = 1e-4
    cue_scale: float = 0.5
    epochs: int = 20
    rejected: float = REJECTED


@dataclass(frozen=True, kw_only=True, slots=True)
class Taught:
    """What is learned from: of each sentence its vector, its surface, and the place of its class
    among the `names`."""

    vectors: Floats
    surfaces: Floats
    labels: Labels
    names: tuple[str, ...]


def learn(taught: Taught, terms: Terms) -> tuple[Classifier, Unseen]:
    """Beside it, how examples fared that were held out."""
    labels, names = taught.labels, taught.names
    features = joined(taught.vectors, taught.surfaces, terms.cue_scale)
    unseen = _held_out(features, taught, terms)
    decided, near = _scale(unseen.decided), _scale(unseen.near)
    scores = decided(unseen.decided) + near(unseen.near)
    inside = np.array([name != NOBODY for name in names])[labels]
    return Classifier(
        names=names,
        linear=softmax.fit(features, labels, len(names), l2=terms.l2, epochs=terms.epochs),
        known=nearness.standing_for(taught.vectors, labels),
        cue_scale=terms.cue_scale,
        heat=_heat(unseen.logits, labels),
        decided=decided,
        near=near,
        floor=float(np.quantile(scores[inside], terms.rejected)) if inside.any() else 0.0,
    ), unseen


@dataclass(frozen=True, kw_only=True, slots=True)
class Unseen:
    """Of each example, what a classifier made of it that had learned from the others only."""

    logits: Floats
    near: Floats

    @property
    def decided(self) -> Any:
        return decidedness(self.logits)


def guess(classifier: Classifier, vector: Floats, surface: Floats) -> Guess:
    wide = vector.shape[-1]
    weights = classifier.linear.weights
    logits = (vector * VECTOR_SCALE) @ weights[:wide] + classifier.linear.bias
    if classifier.cue_scale:
        logits += (surface * classifier.cue_scale) @ weights[wide:]
    shares = softmax.likelihoods(logits, classifier.heat)
    best = np.argsort(shares)[::-1][:3]
    near = float((classifier.known @ vector).max())
    score = classifier.decided(decidedness(logits)) + classifier.near(near)
    ranked = tuple((classifier.names[at], float(shares[at])) for at in best)
    return Guess(
        intent=ranked[0][0],
        confidence=ranked[0][1],
        belongs=float(score) - classifier.floor,
        runner_up=ranked[1][0] if len(ranked) > 1 else NOBODY,
        ranked=ranked,
        near=near,
    )


def spoken_for(classifier: Classifier, intent: str, surface: Floats) -> Floats:
    """How much each of `cues.NAMES` spoke for this intent rather than for any other."""
    weights = classifier.linear.weights[-len(surface) :]
    against = weights.mean(1)
    found: Floats = surface * (weights[:, classifier.names.index(intent)] - against)
    return found


def joined(vectors: Floats, surfaces: Floats, cue_scale: float) -> Floats:
    return np.hstack([vectors * VECTOR_SCALE, surfaces * cue_scale]).astype(np.float32)


def decidedness(logits: Floats) -> Any:
    """The logarithm of the likeliest class's share, softened."""
    return np.log(softmax.likelihoods(logits, SOFT).max(-1))


def _held_out(features: Floats, taught: Taught, terms: Terms) -> Unseen:
    labels, classes = taught.labels, len(taught.names)
    fold = folds(labels)
    logits = np.zeros((len(labels), classes), np.float32)
    near = np.zeros(len(labels), np.float32)
    for number in range(int(fold.max()) + 1):
        out, inside = fold == number, fold != number
        linear = softmax.fit(
            features[inside], labels[inside], classes, l2=terms.l2, epochs=terms.epochs
        )
        logits[out] = features[out] @ linear.weights + linear.bias
        known = nearness.standing_for(taught.vectors[inside], labels[inside])
        near[out] = nearness.nearest(taught.vectors[out], known)
    return Unseen(logits=logits, near=near)


def folds(labels: Labels) -> Labels:
    """Each class over all folds alike; three where there is much, else five."""
    number = 3 if len(labels) > 3_000 else min(5, max(2, len(labels)))
    order = np.argsort(labels, kind="stable")
    found = np.zeros(len(labels), np.int64)
    found[order] = np.arange(len(labels)) % number
    return found


def _scale(scores: Floats) -> Scale:
    return Scale(middle=float(scores.mean()), spread=float(max(scores.std(), 1e-6)))


def _heat(logits: Floats, labels: Labels) -> float:
    """That which makes a confidence of 0.8 right eight times of ten."""
    rows = np.arange(len(labels))
    losses = [
        -np.log(softmax.likelihoods(logits, heat)[rows, labels] + 1e-9).mean() for heat in HEATS
    ]
    return float(HEATS[int(np.argmin(losses))])
