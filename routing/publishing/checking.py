"""What is to be said about a working copy before it is published: mistakes first."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from routing.cascade import terms as cascades
from routing.failover import chains, hedges
from routing.learning import rewards, sampling
from routing.models import Backend, Policy, PolicyState
from routing.policy import settings as choosing
from routing.policy.values import VIRTUAL
from routing.publishing import strangers
from routing.publishing.values import Content, Finding
from routing.rules import checking, reading
from routing.rules.checking import There
from routing.rules.errors import Unreadable
from routing.signals import exemplars, houses, words

NAME = re.compile(r"^[-a-zA-Z0-9_]{1,80}$")
MOST_RULES = 1_000
SETS = ("words", "like")


def check(team_id: int | None, content: Content) -> tuple[Finding, ...]:
    """Mistakes first; what rules make of each other is only looked at where there are none."""
    wrong = (*_rules(content), *settings(content.get("settings", {})))
    return wrong or (*_together(team_id, content), *unknown(team_id, content))


def unknown(team_id: int | None, content: Content) -> tuple[Finding, ...]:
    """Names in settings without mistakes that nobody has."""
    there = _there(team_id, content)
    return tuple(strangers.find(content.get("settings", {}), there))


def _together(team_id: int | None, content: Content) -> Iterator[Finding]:
    """Rules that can never hold, that others hide, that name what is not there."""
    standing = (rule for rule in content.get("rules", ()) if rule.get("enabled", True))
    read = [reading.read(rule, houses.words()) for rule in standing]
    for found in checking.check(read, _there(team_id, content)):
        yield Finding(
            level="warning",
            kind=found.kind,
            place=f"rules.{found.rule}.{found.place}",
            words=found.words,
            rule=found.rule,
            with_rule=found.with_rule,
        )


def _there(team_id: int | None, content: Content) -> There:
    """What rules may name: of a team, everyone's aliases and sets too."""
    said = content.get("settings", {})
    everyone = _published(None) if team_id is not None else {}
    backends = frozenset(Backend.objects.values_list("name", flat=True))
    return There(
        backends=backends,
        models=backends | {*VIRTUAL, *everyone.get("aliases", {}), *said.get("aliases", {})},
        sets={key: {*everyone.get(key, {}), *said.get(key, {})} for key in SETS},
    )


def there_now(team_id: int) -> There:
    """What a team's requests can be sent to by what is in force, whatever is drafted."""
    return _there(team_id, {"settings": _published(team_id)})


def _published(team_id: int | None) -> Mapping[str, Any]:
    rows = Policy.objects.filter(team=team_id, state=PolicyState.PUBLISHED).order_by("-number")
    found = rows.values_list("content", flat=True).first() or {}
    settings: Mapping[str, Any] = found.get("settings", {})
    return settings


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
            yield _misread(key, str(error))


def _misread(key: str, said: str) -> Finding:
    """Readers say where it is wrong before the colon, from their key on or beneath it."""
    place, colon, why = said.partition(": ")
    if not colon or " " in place:
        return _error(f"settings.{key}", said)
    inside = place if re.match(rf"{key}\b", place) else f"{key}.{place}"
    return _error(f"settings.{inside}", why)


def _error(place: str, words: str, rule: str = "") -> Finding:
    return Finding(level="error", kind="invalid", place=place, words=words, rule=rule)


def _read_time_zone(name: Any) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, TypeError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise ValueError("There is no such time zone.") from error


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
    "cascade": cascades.read,
    "fallbacks": chains.read,
    "hedge": hedges.read,
    "words": words.read,
    "like": exemplars.read,
    "rewards": rewards.read,
    "judging": sampling.read,
    "baseline": _name,
    "time_zone": _read_time_zone,
}
