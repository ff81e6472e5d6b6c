"""The intent stage: what kind of request this is and how hard, once no stored answer served.

Rules come first, then examples by the vector of the user's own words, then no word at all. Where
the caller has named a backend nothing hangs on it, so no vector is made for it then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routing import catalog, embedders, semantics
from routing.intents import knowing, opinions, quick
from routing.intents.opinions import RULES
from routing.intents.values import NOTHING, Recognised
from routing.signals import texts
from routing.way import Way

if TYPE_CHECKING:
    from caching.values import Vector

LONGEST_READ = 1_000
"""Characters that a vector is made of where no question was compared."""
NOT_NEEDED, NO_WORDS, UNTAUGHT = "not-needed", "no-words", "untaught"
NO_VECTOR = frozenset({"embedder-busy", "no-embedder"})


def look(way: Way) -> Recognised:
    if way.recognised is NOTHING:
        way.recognised = recognise(way) if _chooses(way) else _at_no_cost(way)
    return way.recognised


def recognise(way: Way) -> Recognised:
    """With a vector made for it if there is none yet; once a request, whoever asks first."""
    if way.recognised is NOTHING or way.recognised.why == NOT_NEEDED:
        way.recognised = _recognise(way)
    return way.recognised


def _chooses(way: Way) -> bool:
    """Whether KORA chooses the backend."""
    asked = way.ruling.effects.use or way.prompt.model
    return not way.prompt.inputs and catalog.current().backend(asked) is None


def _at_no_cost(way: Way) -> Recognised:
    text = "" if way.prompt.inputs else texts.said(way.prompt).own
    if not text.strip():
        return Recognised(why=NO_WORDS)
    if way.vector is not None:
        return _by(way, text, way.vector)
    return _by_rule(quick.tell(text, way.signals), NOT_NEEDED)


def _recognise(way: Way) -> Recognised:
    text = "" if way.prompt.inputs else texts.said(way.prompt).own
    if not text.strip():
        return Recognised(why=NO_WORDS)
    if not knowing.of(way.caller.team_id, embedders.house().name).taught:
        return _by_rule(quick.tell(text, way.signals), UNTAUGHT)
    found = _vector(way, text)
    if isinstance(found, str):
        return _by_rule(quick.tell(text, way.signals), found)
    return _by(way, text, found)


def _by_rule(intent: str, why: str) -> Recognised:
    """Without a vector nothing is said of how hard it is."""
    if not intent:
        return Recognised(why=why)
    return Recognised(intent=intent, confidence=quick.SURE, by=RULES, why=why)


def _by(way: Way, text: str, vector: Vector) -> Recognised:
    minds = knowing.of(way.caller.team_id, embedders.house().name)
    by_rule = quick.tell(text, way.signals)
    return opinions.form(minds, opinions.look(text, vector), by_rule=by_rule)


def _vector(way: Way, text: str) -> Vector | str:
    """The question's where it is compared with stored ones anyway, else of the beginning."""
    failed = way.misses.get("semantic", "")
    if way.question is not None and failed not in NO_VECTOR:
        failed = semantics.embed(way, way.question)
    if way.vector is not None:
        return way.vector
    if way.words is None and failed not in NO_VECTOR:
        made = semantics.made(way, text[:LONGEST_READ])
        if isinstance(made, str):
            return made
        way.words = made.vectors[0]
    return failed if way.words is None else way.words
