"""Makes minds of examples: the shipped types', and a team's own intents with their report (pure).

A team's sentences are told from everything else that people ask of KORA: the shipped examples are
what belongs to none of its intents, save those that lie close to one of them, or are of a type
that the team has given sentences of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from routing.intents import classifying, complexity, cues, reporting, shipped
from routing.intents.classifying import NOBODY, Taught, Terms
from routing.intents.minds import UNTAUGHT, Mind
from routing.intents.reporting import Report
from routing.intents.shipped import Example
from routing.intents.softmax import Floats

OF_SHIPPED = Terms(l2=3e-3, cue_scale=1.6, rejected=0.01)
OF_TEAMS = Terms(l2=1e-4, cue_scale=1.0)
CLOSE = 0.5
"""A shipped example as like as this to one of the team's might be the team's own kind."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lesson:
    """Texts with their vectors; `kinds` names what each is of."""

    kinds: tuple[str, ...]
    texts: tuple[str, ...]
    vectors: Floats


def of_shipped(examples: Sequence[Example], vectors: Floats) -> tuple[Mind, Report]:
    kinds = tuple(NOBODY if each.kind == shipped.OTHER else each.kind for each in examples)
    lesson = Lesson(kinds=kinds, texts=tuple(each.text for each in examples), vectors=vectors)
    taught = _taught(lesson)
    classifier, unseen = classifying.learn(taught, OF_SHIPPED)
    asked = np.array([kind != NOBODY for kind in kinds])
    gauge = complexity.learn(
        vectors[asked],
        taught.surfaces[asked],
        np.stack([complexity.signs(each.text) for each in examples])[asked],
        np.array([each.level for each in examples], np.float32)[asked],
    )
    report = reporting.report(classifier, unseen, taught.labels)
    return Mind(classifier=classifier, gauge=gauge), report


def of_team(own: Lesson, general: Lesson) -> tuple[Mind, Report]:
    if not own.kinds:
        return UNTAUGHT, reporting.NOTHING
    far = (general.vectors @ own.vectors.T).max(1) < CLOSE
    far &= ~np.isin(general.kinds, own.kinds)
    texts = (*own.texts, *(text for text, is_far in zip(general.texts, far, strict=True) if is_far))
    kinds = (*own.kinds, *(NOBODY for is_far in far if is_far))
    vectors = np.concatenate([own.vectors, general.vectors[far]])
    lesson = Lesson(kinds=kinds, texts=texts, vectors=vectors)
    taught = _taught(lesson)
    classifier, unseen = classifying.learn(taught, OF_TEAMS)
    return Mind(classifier=classifier), reporting.report(classifier, unseen, taught.labels)


def _taught(lesson: Lesson) -> Taught:
    names = tuple(sorted(set(lesson.kinds)))
    places = {name: place for place, name in enumerate(names)}
    return Taught(
        vectors=lesson.vectors,
        surfaces=np.stack([cues.read(text) for text in lesson.texts]),
        labels=np.array([places[kind] for kind in lesson.kinds], np.int64),
        names=names,
    )
