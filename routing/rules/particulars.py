"""What a rule says otherwise than the settings, read by whoever owns each of them (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from routing.cascade import terms as cascades
from routing.policy import settings, weights
from routing.rules.errors import Unreadable

Read = Callable[[Any, str], object]


def _weights(given: Any, place: str) -> None:
    """The weights themselves, or weights by model."""
    if not isinstance(given, Mapping):
        raise ValueError(f"{place}: must be an object of weights")  # noqa: TRY004
    if not any(isinstance(value, Mapping) for value in given.values()):
        weights.read(given, place)
        return
    for model, said in given.items():
        weights.read(said, f"{place}.{model}")


def _explore(given: Any, place: str) -> None:
    """Money and routes are the settings' alone."""
    if not isinstance(given, bool):
        settings.read_route(_there(given, place), place)


def _sticky(given: Any, place: str) -> None:
    settings.read_sticky(_there(given, place), place)


def _cascade(given: Any, place: str) -> None:
    """Who verifies may stand in the settings."""
    by_settings = {"model": "there", **given} if isinstance(given, Mapping) else given
    cascades.read(by_settings, place)


def _there(given: Any, place: str) -> Any:
    if given is None or isinstance(given, str):
        raise ValueError(f"{place}: must be true, false or an object")
    return given


def _kept(read: Read) -> Callable[[Any, str], Any]:
    """What was written stays as it is: it is laid over the settings once a request comes."""

    def checked(given: Any, place: str) -> Any:
        try:
            read(given, place)
        except ValueError as error:
            where, colon, why = str(error).partition(": ")
            raise Unreadable(*((where, why) if colon else (place, where))) from error
        return given

    return checked


READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "weights": _kept(_weights),
    "explore": _kept(_explore),
    "cascade": _kept(_cascade),
    "sticky": _kept(_sticky),
}
