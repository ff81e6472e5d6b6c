"""Comes to a word on one request from what the team's intents and the shipped ones say (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from routing.intents import classifying, complexity, cues
from routing.intents.classifying import NOBODY, Guess
from routing.intents.minds import UNTAUGHT, Mind
from routing.intents.quick import SURE
from routing.intents.softmax import Floats
from routing.intents.values import Recognised

RULES, EXAMPLES = "rules", "examples"
LEAST = 0.4
"""A confidence below this is no word at all."""
CLEAR = 0.6
"""A team's intent has to be this likely to go before what a rule is sure of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A text with what is computed of it once."""

    text: str
    vector: Floats
    surface: Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class Minds:
    own: Mind = UNTAUGHT
    """What the team has taught."""
    shipped: Mind = UNTAUGHT

    @property
    def taught(self) -> bool:
        return self.own.classifier is not None or self.shipped.classifier is not None


NO_MINDS = Minds()


def look(text: str, vector: Floats) -> Seen:
    return Seen(text=text, vector=vector, surface=cues.read(text))


def form(minds: Minds, seen: Seen, *, by_rule: str = "") -> Recognised:
    """The team's own intents where they are sure, then the rules' word, then the task types."""
    own, general = ask(minds.own, seen), ask(minds.shipped, seen)
    is_own = own is not None and _stands(own, CLEAR if by_rule else LEAST)
    hard = _complexity(minds.shipped, seen, general, is_known=is_own or bool(by_rule))
    if own is not None and is_own:
        return _told(own, hard)
    if by_rule:
        return Recognised(intent=by_rule, confidence=SURE, by=RULES, complexity=hard)
    if general is not None and _stands(general, LEAST):
        return _told(general, hard)
    return Recognised(complexity=hard, why="unsure" if own or general else "untaught")


def ask(mind: Mind, seen: Seen) -> Guess | None:
    if mind.classifier is None:
        return None
    return classifying.guess(mind.classifier, seen.vector, seen.surface)


def _stands(guess: Guess, least: float) -> bool:
    return not guess.is_stranger and guess.confidence >= least


def _told(guess: Guess, hard: float | None) -> Recognised:
    return Recognised(
        intent=guess.intent,
        confidence=round(guess.confidence, 4),
        by=EXAMPLES,
        complexity=hard,
        runner_up=guess.runner_up,
    )


def _complexity(mind: Mind, seen: Seen, general: Guess | None, *, is_known: bool) -> float | None:
    """No evidence is no ease: of what is unlike anything known nothing is said."""
    if mind.gauge is None or general is None:
        return None
    if not (is_known or _is_evidence(seen, general)):
        return None
    signs = complexity.signs(seen.text)
    return round(complexity.measure(mind.gauge, seen.vector, seen.surface, signs), 4)


def _is_evidence(seen: Seen, general: Guess) -> bool:
    if _stands(general, LEAST):
        return True
    long_enough = len(seen.text.strip()) >= complexity.SHORTEST
    return long_enough and general.near >= complexity.CLOSE and general.intent != NOBODY
