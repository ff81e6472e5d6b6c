"""What the builder of rules offers: names, operators and effects, as the rules' room knows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routing.faces import sentences
from routing.models import Backend
from routing.policy.values import VIRTUAL
from routing.publishing import drafts
from routing.rules import effects
from routing.rules.operators import OPERATORS
from routing.signals import houses, names
from routing.signals.names import Known

SHAPES = {"in": "several", "not_in": "several", "between": "two", "exists": "flag"}
"""How an operand is written, where it is not one value."""


def offered(team_id: int | None) -> dict[str, Any]:
    settings = drafts.settings(team_id)
    backends = list(Backend.objects.order_by("name").values_list("name", flat=True))
    aliases = settings.get("aliases", {})
    return {
        "signals": [*_fixed(), *_families(settings, backends)],
        "operators": [_operator(name) for name in OPERATORS],
        "backends": backends,
        "models": [*VIRTUAL, *sorted(aliases), *backends],
        "cache_modes": list(effects.CACHE_MODES),
        "localities": list(effects.LOCALITIES),
    }


def _fixed() -> list[dict[str, Any]]:
    prompt = [_signal(name, known, "Prompt") for name, known in names.SIGNALS.items()]
    return prompt + [_signal(name, known, "Request") for name, known in names.REQUEST.items()]


def _families(settings: Mapping[str, Any], backends: list[str]) -> list[dict[str, Any]]:
    """With the parts that are known; where they are not, whoever writes puts them in."""
    parts = {
        "health.": backends,
        "queue_s.": backends,
        "words.": sorted(settings.get("words", {})),
        "like.": sorted(settings.get("like", {})),
    }
    found = [
        _signal(f"{family}{part}", known, "Named")
        for family, known in names.FAMILIES.items()
        for part in parts.get(family, ())
    ]
    open_ended = [name for name in ("tags.", "metadata.") if name in names.FAMILIES]
    own = [f"{word}." for word in sorted(houses.words())]
    found += [_signal(name, names.FAMILIES[name], "Named", is_open=True) for name in open_ended]
    return found + [_signal(name, names.OWN, "Named", is_open=True) for name in own]


def _signal(name: str, known: Known, group: str, *, is_open: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "kind": known.kind,
        "words": known.words,
        "choices": list(known.choices),
        "group": group,
        "open": is_open,
    }


def _operator(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "words": sentences.OPERATORS.get(name, name.replace("_", " ")),
        "kinds": sorted(OPERATORS[name].kinds),
        "shape": SHAPES.get(name, "one"),
    }
