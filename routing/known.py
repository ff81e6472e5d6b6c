"""What rules may ask of a request on its way: at hand, or found by whoever knows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from routing import catalog, likes, pressure, purses, recognising
from routing.intents.values import Recognised
from routing.signals import names, texts, words
from routing.signals.facts import ABSENT, Facts, Words
from routing.way import Way

UTC = "UTC"


def facts(way: Way) -> Facts:
    own = _Own(way)
    sources = {
        "question": own.question,
        "system": own.system,
        "hour": own.hour,
        "weekday": own.weekday,
        "budget_used": own.budget_used,
        "budget_left_usd": own.budget_left_usd,
        "budget_pressure": own.budget_pressure,
        "intent": own.intent,
        "intent_confidence": own.intent_confidence,
        "complexity": own.complexity,
    }
    families = {
        "metadata": own.metadata,
        "health": own.health,
        "queue_s": own.queue_s,
        "words": own.words,
        "like": own.like,
    }
    return Facts(_at_hand(way), sources, families)


def _at_hand(way: Way) -> Mapping[str, Any]:
    caller, prompt = way.caller, way.prompt
    wanted = prompt.constraints
    return {
        **way.signals.as_json(),
        "model": prompt.model,
        "team": caller.team,
        "key": caller.key_name,
        "user": wanted.user or ABSENT,
        "session": wanted.session or ABSENT,
        "address": way.incoming.address,
        "form": prompt.form,
        "stream": prompt.stream,
        **{f"tags.{name}": value for name, value in wanted.tags.items()},
    }


@cache
def _zone(name: str) -> ZoneInfo:
    """A zone that this machine does not know must not stop requests."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo(UTC)


class _Own:
    """One request's facts that are only found when a rule asks."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._question: str | None = None

    def question(self) -> str:
        if self._question is None:
            self._question = Words(texts.said(self._way.prompt).own)
        return self._question

    def system(self) -> str | None:
        return Words(texts.system(self._way.prompt)) or ABSENT

    def metadata(self, name: str) -> Any:
        given = (self._way.prompt.body.get("metadata") or {}).get(name)
        return given if isinstance(given, str | bool | int | float) else ABSENT

    def words(self, name: str) -> bool | None:
        patterns = self._way.standing.settings.get("words", {}).get(name)
        try:
            return words.holds(patterns, self.question()) if patterns else ABSENT
        except words.Unfit:
            return ABSENT  # published by a KORA whose patterns were others

    def like(self, name: str) -> float | None:
        sentences = self._way.standing.settings.get("like", {}).get(name)
        return likes.to(self._way, self.question(), sentences) if sentences else ABSENT

    def _here(self) -> datetime:
        return self._way.at.astimezone(_zone(self._way.standing.settings.get("time_zone", UTC)))

    def hour(self) -> int:
        return self._here().hour

    def weekday(self) -> str:
        return names.DAYS[self._here().weekday()]

    def budget_used(self) -> float | None:
        return purses.fullest(self._way)

    def budget_left_usd(self) -> float | None:
        return purses.left_usd(self._way)

    def budget_pressure(self) -> str | None:
        found = pressure.of(self._way)
        return found.action if found.action and not found.shadow else ABSENT

    def health(self, name: str) -> str | None:
        backend = catalog.current().alive(name)
        return backend and ("failing" if backend.failing else "healthy")  # type: ignore[return-value]

    def queue_s(self, name: str) -> float | None:
        backend = catalog.current().alive(name)
        return backend.load.wait_s if backend and backend.load.places is not None else ABSENT

    def _recognised(self) -> Recognised:
        return recognising.recognise(self._way)

    def intent(self) -> str | None:
        return self._recognised().intent or ABSENT

    def intent_confidence(self) -> float | None:
        found = self._recognised()
        return found.confidence if found.intent else ABSENT

    def complexity(self) -> float | None:
        return self._recognised().complexity
