"""Names in the settings that nobody answers to: they do no harm, and nothing (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from routing.publishing.values import Finding
from routing.rules.checking import There

OF_BACKENDS = ("only", "avoid")


def find(said: Mapping[str, Any], there: There) -> Iterator[Finding]:
    """Of settings that could be read."""
    backends, models = there.backends or (), there.models or ()
    for place, name in _backends(said):
        if name not in backends:
            yield _unknown(place, f"There is no backend {name} now.")
    for place, name in _models(said):
        if name not in models:
            yield _unknown(place, f"There is no model {name} now.")


def _backends(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if said.get("baseline"):
        yield "baseline", said["baseline"]
    for key in ("judging", "cascade"):
        asked = said.get(key)
        if isinstance(asked, Mapping) and asked.get("model"):
            yield f"{key}.model", asked["model"]
    for kind, names in (said.get("fallbacks") or {}).items():
        yield from ((f"fallbacks.{kind}", name) for name in names)
    for alias, terms in (said.get("aliases") or {}).items():
        for key in OF_BACKENDS:
            yield from ((f"aliases.{alias}.{key}", name) for name in (terms or {}).get(key, ()))


def _models(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Whatever may be asked for: backends, aliases, virtual models."""
    yield from ((f"weights.{name}", name) for name in said.get("weights") or {})
    explore = said.get("explore")
    routes = explore.get("routes") if isinstance(explore, Mapping) else None
    yield from ((f"explore.routes.{name}", name) for name in routes or {})


def _unknown(place: str, words: str) -> Finding:
    return Finding(level="warning", kind="unknown-backend", place=f"settings.{place}", words=words)
