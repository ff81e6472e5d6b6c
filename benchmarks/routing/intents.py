"""Intents of customers by example: how many are told, how many strangers are, and how fast.

What is learned from, and every choice of how, is `train` alone with the sentences that KORA ships;
`val` and `oos_val` are looked at here only. The point of the second column lets one in twenty of
the requests in scope go, whatever floor a way of rejecting has by itself.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.cache.vectors import Vectors
from benchmarks.embed.texts import DATA
from benchmarks.overhead import Bar
from benchmarks.processes import ROOT
from benchmarks.routing.bench import Given
from caching.faces import precision
from routing.intents import learning, opinions, quick, shipped, softmax
from routing.intents.learning import Lesson
from routing.intents.minds import Mind
from routing.intents.opinions import Minds
from routing.intents.shipped import Example
from routing.signals.values import Signals

CLINC = DATA / "intents" / "clinc150_train_val.json.gz"
HELD_OUT = ROOT / "tests" / "routing" / "intents" / "held_out.txt"
LET_GO = 0.05
NEIGHBOURS = 10
PLAIN_L2 = 1e-4
TIMED = 3_000
Scores = npt.NDArray[Any]
Found = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Part:
    texts: tuple[str, ...]
    intents: tuple[str, ...]
    vectors: Vectors


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one way makes of texts: the likeliest intent, and how much each belongs at all."""

    intents: list[str]
    belongs: Scores


Way = Callable[[Part], Told]


def measure(given: Given) -> Found | None:
    if not CLINC.exists():
        return None
    parts = _parts(given)
    general = _lesson(given, shipped.examples())
    minds, taught_s = _taught(parts["train"], general)
    ways: dict[str, Way] = {
        "nearest centroid": _centroids(parts["train"]),
        f"{NEIGHBOURS} nearest neighbours": _neighbours(parts["train"]),
        "softmax on the vector": _softmax(parts["train"]),
        "KORA": lambda part: _kora(minds, part),
    }
    rows = [
        _row(name, way(parts["val"]), way(parts["oos_val"]), parts) for name, way in ways.items()
    ]
    return {
        "rows": rows,
        "own_floor": _own_floor(minds, parts),
        "taught_s": taught_s,
        "step_ms": _timed(minds, parts["val"]),
        "types": _types(given, minds),
    }


def _parts(given: Given) -> dict[str, Part]:
    with gzip.open(CLINC, "rt", encoding="utf-8") as file:
        whole = json.load(file)
    names = ("train", "val", "oos_train", "oos_val")
    rows = [(text, intent, name) for name in names for text, intent in whole[name]]
    made = given.made([text for text, _, _ in rows])
    found = {}
    for name in names:
        at = [place for place, row in enumerate(rows) if row[2] == name]
        found[name] = Part(
            texts=tuple(rows[place][0] for place in at),
            intents=tuple(rows[place][1] for place in at),
            vectors=made[at],
        )
    return found


def _lesson(given: Given, examples: tuple[Example, ...]) -> Lesson:
    texts = tuple(each.text for each in examples)
    kinds = tuple(each.kind for each in examples)
    return Lesson(kinds=kinds, texts=texts, vectors=given.made(texts))


def _taught(train: Part, general: Lesson) -> tuple[Minds, float]:
    """As a team would teach them, and the seconds of processor time that it took."""
    own = Lesson(kinds=train.intents, texts=train.texts, vectors=train.vectors)
    began = time.process_time()
    mind, _ = learning.of_team(own, general)
    taught_s = time.process_time() - began
    types, _ = learning.of_shipped(shipped.examples(), general.vectors)
    return Minds(own=mind, shipped=types), taught_s


def _kora(minds: Minds, part: Part) -> Told:
    asked = (
        opinions.ask(minds.own, opinions.look(text, row))
        for text, row in zip(part.texts, part.vectors, strict=True)
    )
    said = [guess for guess in asked if guess is not None]
    belongs = [-np.inf if not each.intent else each.belongs for each in said]
    return Told(intents=[each.intent for each in said], belongs=np.array(belongs))


def _centroids(train: Part) -> Way:
    names, labels = _numbered(train)
    middles = np.stack([train.vectors[labels == at].mean(0) for at in range(len(names))])
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    return lambda part: _by_score(part.vectors @ middles.T, names)


def _neighbours(train: Part) -> Way:
    names, labels = _numbered(train)

    def tell(part: Part) -> Told:
        likeness = part.vectors @ train.vectors.T
        nearest = np.argpartition(likeness, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS:]
        how_near = np.take_along_axis(likeness, nearest, axis=1)
        votes = np.zeros((len(part.texts), len(names)))
        for row, (places, near) in enumerate(zip(nearest, how_near, strict=True)):
            np.add.at(votes[row], labels[places], np.exp(10 * near))
        return Told(
            intents=[names[at] for at in votes.argmax(1)], belongs=np.sort(how_near).mean(1)
        )

    return tell


def _softmax(train: Part) -> Way:
    names, labels = _numbered(train)
    linear = softmax.fit(train.vectors * 6.5, labels, len(names), l2=PLAIN_L2)
    return lambda part: _by_score(
        softmax.likelihoods(part.vectors * 6.5 @ linear.weights + linear.bias), names
    )


def _by_score(scores: Scores, names: list[str]) -> Told:
    return Told(intents=[names[at] for at in scores.argmax(1)], belongs=scores.max(1))


def _numbered(train: Part) -> tuple[list[str], npt.NDArray[np.int64]]:
    names = sorted(set(train.intents))
    places = {name: at for at, name in enumerate(names)}
    return names, np.array([places[intent] for intent in train.intents])


def _row(name: str, inside: Told, outside: Told, parts: dict[str, Part]) -> Found:
    right = sum(a == b for a, b in zip(inside.intents, parts["val"].intents, strict=True))
    line = float(np.quantile(inside.belongs, LET_GO))
    found = int((outside.belongs < line).sum())
    return {
        "way": name,
        "accuracy": right / len(inside.intents),
        "accuracy_interval": precision.wilson(right / len(inside.intents), len(inside.intents)),
        "oos_recall": found / len(outside.intents),
        "oos_interval": precision.wilson(found / len(outside.intents), len(outside.intents)),
    }


def _own_floor(minds: Minds, parts: dict[str, Part]) -> Found:
    """At the floor that cross-validation over what was learned from has set."""
    inside, outside = _kora(minds, parts["val"]), _kora(minds, parts["oos_val"])
    return {
        "let_go": float((inside.belongs < 0).mean()),
        "oos_recall": float((outside.belongs < 0).mean()),
    }


def _timed(minds: Minds, part: Part) -> Found:
    """The whole step given the vector: rules, surface, both minds, complexity; processor time."""
    took = []
    for text, row in list(zip(part.texts, part.vectors, strict=True))[:TIMED]:
        began = time.thread_time_ns()
        by_rule = quick.tell(text, PLAIN)
        opinions.form(minds, opinions.look(text, row), by_rule=by_rule)
        took.append((time.thread_time_ns() - began) / 1e6)
    return {
        "intents": len(set(part.intents)),
        "p50": float(np.median(took)),
        "p99": float(np.quantile(took, 0.99)),
    }


def _types(given: Given, minds: Minds) -> Found | None:
    """The shipped task types, on requests that they were not learned from."""
    if not HELD_OUT.exists():
        return None
    held_out = tuple(shipped.read(HELD_OUT))
    lesson = _lesson(given, held_out)
    alone = Minds(own=Mind(), shipped=minds.shipped)
    words = [
        opinions.form(alone, opinions.look(text, row), by_rule=quick.tell(text, PLAIN))
        for text, row in zip(lesson.texts, lesson.vectors, strict=True)
    ]
    right = sum(a.intent == b for a, b in zip(words, lesson.kinds, strict=True))
    pairs = [
        a.complexity > b.complexity
        for a, x in zip(words, held_out, strict=True)
        for b, y in zip(words, held_out, strict=True)
        if x.level > y.level and a.complexity is not None and b.complexity is not None
    ]
    return {
        "requests": len(words),
        "right": right / len(words),
        "right_interval": precision.wilson(right / len(words), len(words)),
        "abstained": sum(not each.intent for each in words) / len(words),
        "pairs": len(pairs),
        "ordered": sum(pairs) / len(pairs),
        "no_evidence": sum(each.complexity is None for each in words) / len(words),
    }


PLAIN = Signals(
    prompt_tokens=20,
    format_tokens=0,
    turns=1,
    last_turn_characters=60,
    tools=False,
    structured=False,
    images=False,
    code=False,
)


def table(found: Found) -> str:
    lines = [f"{'':<24} {'accuracy':>8} {'95 %':>16}   {'strangers found':>15} {'95 %':>16}"]
    lines += [
        f"{row['way']:<24} {row['accuracy']:>8.1%} {_span(row['accuracy_interval'])}   "
        f"{row['oos_recall']:>15.1%} {_span(row['oos_interval'])}"
        for row in found["rows"]
    ]
    own, step = found["own_floor"], found["step_ms"]
    lines += [
        "",
        f"strangers found while {LET_GO:.0%} of the requests in scope are let go; at its own floor "
        f"KORA lets {own['let_go']:.1%} go and finds {own['oos_recall']:.1%}",
        f"learned in {found['taught_s']:.1f} s of processor time, cross-validation included",
        f"the step with {step['intents']} intents, the vector given: p50 {step['p50']:.3f} ms, "
        f"p99 {step['p99']:.3f} ms of processor time",
    ]
    types = found["types"]
    if types:
        lines.append(
            f"task types that ship, {types['requests']} held out: {types['right']:.1%} right "
            f"({_span(types['right_interval']).strip()}), {types['abstained']:.1%} no word; "
            f"{types['ordered']:.1%} of {types['pairs']} pairs ordered by how hard they are, "
            f"{types['no_evidence']:.1%} without evidence"
        )
    return "\n".join(lines)


def _span(interval: tuple[float, float]) -> str:
    return f"{interval[0]:>6.1%} to {interval[1]:>6.1%}"


def bars(found: Found) -> list[Bar]:
    ours = found["rows"][-1]
    return [
        Bar(
            text="intents: accuracy on CLINC150's val",
            value=ours["accuracy"],
            bound=0.94,
            at_most=False,
        ),
        Bar(
            text="intents: strangers found while 5 % in scope are let go",
            value=ours["oos_recall"],
            bound=0.82,
            at_most=False,
        ),
        Bar(
            text="intents: p50 ms of the step, vector given",
            value=found["step_ms"]["p50"],
            bound=0.3,
            at_most=True,
        ),
    ]
