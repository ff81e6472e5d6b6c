"""Reads what a policy or a rule says of cascades; every error names its place (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from routing.cascade.values import CHECKS, OFF, Cascade

MOST_INTENTS = 100


def read(said: Any, place: str = "cascade") -> Cascade:
    """True and false are short for `enabled`."""
    if isinstance(said, bool):
        return Cascade(enabled=said)
    if not isinstance(said, Mapping):
        raise ValueError(f"{place}: must be an object")  # noqa: TRY004
    names = [each.name for each in fields(Cascade)]
    unknown = next((name for name in said if name not in names), None)
    if unknown is not None:
        raise ValueError(f"{place}.{unknown}: is none of {', '.join(names)}")
    found = Cascade(
        enabled=_flag(said.get("enabled", True), f"{place}.enabled"),
        intents=frozenset(_texts(said.get("intents", []), f"{place}.intents")),
        verify=_checks(said.get("verify", list(OFF.verify)), f"{place}.verify"),
        model=_name(said.get("model", ""), f"{place}.model"),
        confidence=_share(said.get("confidence", OFF.confidence), f"{place}.confidence"),
    )
    if "model" in found.verify and not found.model:
        raise ValueError(f"{place}.model: says which backend the check `model` asks")
    return found


def forgiving(settings: Mapping[str, Any], said: Any = None) -> Cascade:
    """A rule's words over the settings'; what cannot be read any more switches it off."""
    given = settings.get("cascade", False)
    if said is not None:
        given = said if isinstance(said, bool) else {**_plain(given), **said}
    try:
        return read(given)
    except (ValueError, TypeError):
        return OFF


def _plain(given: Any) -> dict[str, Any]:
    return dict(given) if isinstance(given, Mapping) else {}


def _flag(said: Any, place: str) -> bool:
    if not isinstance(said, bool):
        raise ValueError(f"{place}: must be true or false")  # noqa: TRY004
    return said


def _texts(said: Any, place: str) -> list[str]:
    whole = isinstance(said, list | tuple) and all(isinstance(each, str) for each in said)
    if not whole or len(said) > MOST_INTENTS:
        raise ValueError(f"{place}: must be a list of at most {MOST_INTENTS} names")
    return list(said)


def _checks(said: Any, place: str) -> tuple[str, ...]:
    names = _texts(said, place)
    unknown = next((name for name in names if name not in CHECKS), None)
    if unknown is not None or not names:
        raise ValueError(f"{place}: needs some of {', '.join(CHECKS)}")
    return tuple(name for name in CHECKS if name in names)


def _name(said: Any, place: str) -> str:
    if not isinstance(said, str):
        raise ValueError(f"{place}: must be the name of a backend")  # noqa: TRY004
    return said


def _share(said: Any, place: str) -> float:
    if type(said) not in (int, float) or not 0 <= said <= 1:
        raise ValueError(f"{place}: must be a number from 0 to 1")
    return float(said)
