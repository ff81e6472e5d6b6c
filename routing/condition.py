"""How a backend is doing: what its last test said, and what a model of ours says of itself now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from inference.store import models
from inference.store.errors import ModelError
from routing import shelf
from routing.models import BREAKER, Backend, Health, HealthState, Kind
from routing.shelf import State

LOOKS = {HealthState.HEALTHY.value: "ok", HealthState.FAILING.value: "bad"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """`Health` as it stands in the table, and a word and a colour for the console's badge."""

    word: str
    look: str = ""
    state: str = HealthState.UNKNOWN.value
    message: str = ""
    latency_ms: float | None = None
    checked_at: datetime | None = None
    running: int | None = None
    waiting: int | None = None
    load_read_at: datetime | None = None


def of(row: Backend) -> Condition:
    health: Health | None = getattr(row, "health", None)
    known = _tested(health) if health else Condition(word="not tested yet")
    if row.kind != Kind.LOCAL:
        return known
    try:
        return _running(known, shelf.state(models.find(row.model)))
    except ModelError as error:
        failing = HealthState.FAILING.value
        return replace(known, word="no file", look="bad", state=failing, message=str(error))


def _tested(health: Health) -> Condition:
    tested = health.checked_at is not None
    return Condition(
        word=_word(health) if tested else "not tested yet",
        look=LOOKS.get(health.state, ""),
        state=health.state,
        message=health.message,
        latency_ms=health.latency_ms,
        checked_at=health.checked_at,
        running=health.running,
        waiting=health.waiting,
        load_read_at=health.load_read_at,
    )


def _word(health: Health) -> str:
    return "breaker open" if health.message.startswith(BREAKER) else health.state


def _running(known: Condition, said: State) -> Condition:
    """A model that cannot be loaded fails whatever a test said before; one that is loaded is well
    unless its last test failed."""
    if said.look == "bad":
        failing = HealthState.FAILING.value
        return replace(known, word=said.word, look="bad", state=failing, message=said.message)
    if said.gauges is not None:
        known = replace(known, running=said.gauges.running, waiting=said.gauges.waiting)
        if known.state != HealthState.FAILING:
            return replace(known, word=said.word, look="ok", state=HealthState.HEALTHY.value)
    if known.state == HealthState.UNKNOWN or said.look == "warn":
        return replace(known, word=said.word, look=said.look)
    return known
