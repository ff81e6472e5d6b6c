"""What is to be said about a working copy before it is published: mistakes first."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from routing.learning import rewards
from routing.models import Backend
from routing.policy import settings as choosing
from routing.publishing.values import Content, Finding
from routing.rules import reading
from routing.rules.errors import Unreadable
from routing.signals import exemplars, houses, words

NAME = re.compile(r"^[-a-zA-Z0-9_]{1,80}$")
MOST_RULES = 1_000


def check(team_id: int | None, content: Content) -> tuple[Finding, ...]:
    del team_id
    return (*_rules(content), *settings(content.get("settings", {})))


def _rules(content: Content) -> Iterator[Finding]:
    rules = content.get("rules", ())
    if len(rules) > MOST_RULES:
        yield _error("rules", f"There are {len(rules)} rules; {MOST_RULES} are the most.")
    for rule in rules:
        yield from rule_alone(str(rule.get("name", "")), rule)


def rule_alone(name: str, rule: Mapping[str, Any]) -> Iterator[Finding]:
    """What can be said of one rule without the others."""
    if not NAME.match(name):
        yield _error(f"rules.{name}.name", "Letters, digits, - and _, at most 80.", name)
    try:
        reading.read(rule, houses.words())
    except Unreadable as error:
        yield _error(f"rules.{name}.{error.place}", error.why, name)


def settings(said: Mapping[str, Any]) -> Iterator[Finding]:
    """Each key is read by the room that owns it; one that nobody knows is a misspelt one."""
    for key, value in said.items():
        read = READERS.get(key)
        if read is None:
            known = ", ".join(sorted(READERS))
            yield _error(f"settings.{key}", f"There is no such setting; there are {known}.")
            continue
        try:
            read(value)
        except ValueError as error:
            place, colon, why = str(error).partition(": ")
            named = bool(colon) and place.split(".")[0] == key
            yield _error(f"settings.{place if named else key}", why if named else str(error))


def _error(place: str, words: str, rule: str = "") -> Finding:
    return Finding(level="error", kind="invalid", place=place, words=words, rule=rule)


def _read_time_zone(name: Any) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, TypeError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise ValueError("There is no such time zone.") from error


def _object(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise ValueError("This is an object.")  # noqa: TRY004
    return value


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("This is a name.")
    return value


def _of_choosing(key: str) -> Callable[[Any], Any]:
    """The policy's room reads its keys together; each alone is as good here."""

    def read(value: Any) -> Any:
        backends = Backend.objects.values_list("name", flat=True) if key == "aliases" else ()
        return choosing.read({key: value}, frozenset(backends))

    return read


READERS: dict[str, Callable[[Any], Any]] = {
    "weights": _of_choosing("weights"),
    "aliases": _of_choosing("aliases"),
    "explore": _of_choosing("explore"),
    "sticky": _of_choosing("sticky"),
    "cascade": _object,
    "words": words.read,
    "like": exemplars.read,
    "rewards": rewards.read,
    "baseline": _name,
    "time_zone": _read_time_zone,
}
