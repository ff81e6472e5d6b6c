"""Reads what a policy's settings say of choosing; every error names its place (pure)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from routing.policy import terms, weights
from routing.policy.terms import Alias, Explore, Said, Sticky, Terms
from routing.policy.values import VIRTUAL

MODES = ("apply", "observe", "bypass")
LONGEST_NAME = 80


def read(settings: Said, backends: Collection[str] = ()) -> Terms:
    """ValueError with the place of what is wrong; keys of other rooms are theirs to read."""
    aliases = _each(settings.get("aliases"), "aliases", _alias)
    for name in aliases:
        if name in backends or name == "auto" or name.startswith("auto:"):
            raise ValueError(f"aliases.{name}: is the name of a model already")
    return Terms(
        weights=_each(settings.get("weights"), "weights", weights.read),
        aliases=aliases,
        explore=read_explore(settings.get("explore")),
        sticky=read_sticky(settings.get("sticky")),
    )


def forgiving(settings: Said) -> tuple[Terms, tuple[str, ...]]:
    """For what stands already: what cannot be read is left out, and why."""
    fine, broken = {}, []
    for key in ("weights", "aliases", "explore", "sticky"):
        try:
            read({key: settings.get(key)})
            fine[key] = settings.get(key)
        except ValueError as error:
            broken.append(str(error))
    return read(fine), tuple(broken)


def merged(everyone: Said, own: Said) -> dict[str, Any]:
    """A team's settings over everyone's; names of weights, aliases and sets add up. A set of the
    same name is everyone's: their rules rest on it."""
    both = {**everyone, **own}
    for key in ("weights", "aliases", "words", "like"):
        if isinstance(everyone.get(key), Mapping) and isinstance(own.get(key), Mapping):
            theirs = everyone[key] if key in ("words", "like") else {}
            both[key] = {**everyone[key], **own[key], **theirs}
    return both


def read_explore(said: Any, place: str = "explore") -> Explore:
    """True and false are short for `apply` and `bypass`."""
    if isinstance(said, bool):
        return Explore(mode="apply" if said else "bypass")
    given = _object(said, place, [each.name for each in fields(Explore)])
    routes = {
        model: read_route(route, f"{place}.routes.{model}")
        for model, route in _object(given.get("routes"), f"{place}.routes").items()
    }
    return replace(Explore(), **_explore(given, place), routes=routes)


def read_sticky(said: Any, place: str = "sticky") -> Sticky:
    if isinstance(said, bool):
        return Sticky(enabled=said)
    given = dict(_object(said, place, ("enabled", "minutes")))
    if not isinstance(given.get("enabled", True), bool):
        raise ValueError(f"{place}.enabled: must be true or false")  # noqa: TRY004
    if "minutes" in given:
        given["minutes"] = _number(given["minutes"], f"{place}.minutes", 1, 10_080)
    return Sticky(**given)


def _explore(given: Said, place: str) -> dict[str, Any]:
    found = {name: value for name, value in given.items() if name != "routes"}
    if found.get("mode", MODES[0]) not in MODES:
        raise ValueError(f"{place}.mode: must be one of {', '.join(MODES)}")
    for name, most in (("share", 0.5), ("usd_a_day", 1e6), ("sharpness", 1e6)):
        if name in found:
            found[name] = _number(found[name], f"{place}.{name}", 0, most)
    return found


def read_route(said: Any, place: str) -> dict[str, Any]:
    """A mode, or some of `mode`, `share`, `sharpness`."""
    given = {"mode": said} if isinstance(said, str) else said
    return _explore(_object(given, place, terms.SAYS), place)


def _alias(said: Any, place: str) -> Alias:
    given = _object(said, place, [each.name for each in fields(Alias)])
    use = given.get("use", "auto")
    if use not in VIRTUAL:
        raise ValueError(f"{place}.use: must be one of {', '.join(VIRTUAL)}")
    if "only" in given and not given["only"]:
        raise ValueError(f"{place}.only: must name at least one backend")
    return Alias(
        use=use,
        only=_names(given["only"], f"{place}.only") if "only" in given else None,
        avoid=_names(given.get("avoid", ()), f"{place}.avoid"),
        weights=weights.read(given.get("weights", {}), f"{place}.weights"),
        constraints=read_constraints(given.get("constraints", {}), f"{place}.constraints"),
    )


LIMITS = {"max_latency_ms": (1, 86_400_000), "min_quality": (0, 1)}
TEXTS = ("data_class", "region")


def read_constraints(said: Any, place: str) -> Mapping[str, Any]:
    """Hard constraints as settings and rules write them."""
    names = ("max_cost", *LIMITS, "locality", *TEXTS)
    found = dict(_object(said, place, names))
    if "max_cost" in found:
        found["max_cost"] = _dollars(found["max_cost"], f"{place}.max_cost")
    for name, (low, high) in LIMITS.items():
        if name in found:
            found[name] = _number(found[name], f"{place}.{name}", low, high)
    if found.get("locality", "any") not in ("any", "local"):
        raise ValueError(f"{place}.locality: must be any or local")
    for name in TEXTS:
        if name in found and not isinstance(found[name], str):
            raise ValueError(f"{place}.{name}: must be a text")
    return found


def _each(said: Any, place: str, read_one: Callable[[Any, str], Any]) -> dict[str, Any]:
    return {name: read_one(one, f"{place}.{name}") for name, one in _object(said, place).items()}


def _object(said: Any, place: str, names: Collection[str] | None = None) -> Said:
    if said is None:
        return {}
    if not isinstance(said, Mapping):
        raise ValueError(f"{place}: must be an object")  # noqa: TRY004
    for name in said:
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
            raise ValueError(f"{place}: has a name that is empty or too long")
        if names is not None and name not in names:
            raise ValueError(f"{place}.{name}: is none of {', '.join(names)}")
    return said


def _number(said: Any, place: str, low: float, high: float) -> float:
    if type(said) not in (int, float) or not low <= said <= high:
        raise ValueError(f"{place}: must be a number from {low:g} to {high:g}")
    return float(said)


def _dollars(said: Any, place: str) -> Decimal:
    try:
        amount = Decimal(str(said))
    except InvalidOperation:
        amount = Decimal(-1)
    if isinstance(said, bool) or not (amount.is_finite() and 0 <= amount <= 10**9):
        raise ValueError(f"{place}: must be an amount in USD, zero or more")
    return amount


def _names(said: Any, place: str) -> frozenset[str]:
    whole = isinstance(said, (list, tuple)) and all(isinstance(each, str) for each in said)
    if not whole:
        raise ValueError(f"{place}: must be a list of backends' names")
    return frozenset(said)
