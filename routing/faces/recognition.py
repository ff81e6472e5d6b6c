"""What can be shown of a team's intents: how well they are told, and what becomes of one text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from inference import embedding
from inference.words import EngineError
from routing import embedders, questions, recognising
from routing.intents import classifying, cues, knowing, opinions, quick, reporting, teaching
from routing.intents.classifying import Classifier, Guess
from routing.intents.minds import Mind
from routing.intents.opinions import Minds, Seen
from routing.intents.values import Recognised
from routing.models import TeamIntent
from routing.signals import reading
from routing.signals.values import Signals

PATIENCE_S = 5.0
"""Whoever tries something out waits longer than a request may."""
CUES_TOLD = 3
LEARNING, LEARNED, NOTHING = "learning", "learned", "nothing"


def report(team_id: int) -> dict[str, Any]:
    """By cross-validation, with what it was made of and whether that is what stands there now."""
    embedder = embedders.house().name
    newest = teaching.minds_of(team_id).filter(embedder=embedder).first()
    said = dict(newest.report) if newest else reporting.NOTHING.as_json()
    mark = said.pop("mark", "")
    return {
        "state": _state(mark, teaching.mark_of(team_id)),
        "made_at": newest.made_at if newest else None,
        "embedder": embedder,
        "few": _few(team_id),
        **said,
    }


def _state(made_of: str, now: str) -> str:
    if made_of != now:
        return LEARNING
    return LEARNED if now else NOTHING


def _few(team_id: int) -> list[dict[str, Any]]:
    """Intents that are said to be known badly, because there is little to know them by."""
    rows = TeamIntent.objects.filter(team_id=team_id, enabled=True)
    return [
        {"intent": row.name, "examples": len(row.examples), "at_least": reporting.FEWEST}
        for row in rows
        if len(row.examples) < reporting.FEWEST
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What would be recognised in a text, and what speaks for it."""

    word: Recognised
    by_rule: str = ""
    own: dict[str, Any] | None = None
    shipped: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            **self.word.as_json(),
            "by_rule": self.by_rule,
            "own": self.own,
            "shipped": self.shipped,
        }


def hear(team_id: int, text: str) -> Heard:
    by_rule = quick.tell(text, _signals(text))
    try:
        made = embedding.embed(
            embedders.house(),
            [text[: recognising.LONGEST_READ]],
            domain=str(team_id),
            within_s=PATIENCE_S,
        )
    except (EngineError, TimeoutError):
        word = Recognised(intent=by_rule, confidence=quick.SURE if by_rule else 0.0)
        return Heard(word=word, by_rule=by_rule)
    minds = knowing.of(team_id, embedders.house().name)
    seen = opinions.look(text, made.vectors[0])
    return _heard(minds, seen, by_rule)


def _heard(minds: Minds, seen: Seen, by_rule: str) -> Heard:
    return Heard(
        word=opinions.form(minds, seen, by_rule=by_rule),
        by_rule=by_rule,
        own=_opinion(minds.own, seen),
        shipped=_opinion(minds.shipped, seen),
    )


def _signals(text: str) -> Signals:
    body = {"model": "auto", "messages": [{"role": "user", "content": text}]}
    return reading.read(questions.parse(orjson.dumps(body), {}))


def _opinion(mind: Mind, seen: Seen) -> dict[str, Any] | None:
    guess = opinions.ask(mind, seen)
    if guess is None or mind.classifier is None:
        return None
    return {
        "best": [
            {"intent": name or reporting.ABSTAINED, "confidence": round(share, 4)}
            for name, share in guess.ranked
        ],
        "is_stranger": guess.is_stranger,
        "above_floor": round(guess.belongs, 4),
        "nearest": round(guess.near, 4),
        "cues": _cues(mind.classifier, guess, seen),
    }


def _cues(classifier: Classifier, guess: Guess, seen: Seen) -> list[str]:
    """What of the surface spoke most for the best intent."""
    weighed = classifying.spoken_for(classifier, guess.intent, seen.surface)
    order = weighed.argsort()[::-1][:CUES_TOLD]
    return [cues.NAMES[at] for at in order if weighed[at] > 0]
