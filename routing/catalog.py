"""What this process knows of backends, prices, budgets and policy; renewed when they change."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections
from django.db.models import Prefetch, QuerySet

from analytics import reports
from analytics.promises import standing
from analytics.promises.values import Kept
from analytics.values import BudgetTerms, PriceTag
from caching import hits, terms
from caching.patterns import loading
from caching.patterns.serving import Standing
from caching.terms import Agreed
from caching.vectors import generations
from caching.vectors.generations import Generation
from routing import (
    connections,
    embedders,
    embeddings,
    gauges,
    lessons,
    loads,
    lookup,
    minds,
    models,
    versions,
    vitals,
)
from routing.errors import Unavailable
from routing.experiments import running
from routing.experiments.values import Running
from routing.failover import breakers, circuits, crowds
from routing.failover.crowds import Crowd
from routing.intents import knowing
from routing.learning import calibrating
from routing.policy import calibration
from routing.policy.calibration import Line
from routing.policy.values import UNPRICED, Backend
from routing.publishing import in_force
from routing.publishing import loading as published
from routing.publishing.in_force import InForce
from teams import keys

POLL_S = 0.3
TRUST_S = 0.9
"""Beyond this without a look at the revision, nothing remembered of a key counts: a revoke holds
within a second even while Postgres cannot be asked."""
USES_EVERY_S = 5.0
BELIEVED_S = 30.0
"""How long a server's word of its own load counts; it is asked every ten seconds."""
STALE_S = 5.0
"""Prices begin at moments, and health is not configuration: look again at least this often."""

BY_KIND = dict.fromkeys(
    (models.Kind.LOCAL.value, models.Kind.OPENAI_COMPATIBLE.value), frozenset({"completions"})
)
"""What every backend of a kind can do; one that only chats cannot faithfully go on from a text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalog:
    revision: int
    loaded_at: float
    backends: tuple[Backend, ...]
    budgets: tuple[BudgetTerms, ...]
    policies: Mapping[int | None, InForce] = field(default_factory=dict)
    """By team, and None for everyone's, what was published last."""
    experiments: Mapping[int, tuple[Running, ...]] = field(default_factory=dict)
    """By team, those that take requests."""
    slas: Mapping[int, tuple[Kept, ...]] = field(default_factory=dict)
    """By team, what is promised to it, and how fast that burns."""
    answers: Mapping[int, Agreed] = field(default_factory=dict)
    """By team, what it has set for answers without a model."""
    patterns: Mapping[int, tuple[Standing, ...]] = field(default_factory=dict)
    """By team, what it was seen to ask again and again, and what is done about it."""
    generations: tuple[Generation, ...] = ()
    """Of vectors: the one that is searched, and those being filled."""

    def policy(self, team_id: int) -> InForce:
        """Everyone's policy and the team's own, as one."""
        return in_force.of(self.policies, team_id)

    def agreed(self, team_id: int) -> Agreed:
        return self.answers.get(team_id, terms.UNSET)

    def live(self) -> Sequence[Backend]:
        """The backends with how they are doing this moment."""
        return [_with_vitals(backend) for backend in self.backends]

    def alive(self, name: str) -> Backend | None:
        """One of them, with how it is doing this moment."""
        found = self.backend(name)
        return found and _with_vitals(found)

    def pool(self, model: str) -> tuple[Backend, ...]:
        """The backends that share this model, if several do: it can be asked for by its name."""
        shared = tuple(backend for backend in self.backends if backend.model == model)
        return shared if len(shared) > 1 else ()

    def shared_models(self) -> list[str]:
        names = {backend.name for backend in self.backends}
        counts = Counter(backend.model for backend in self.backends)
        return sorted(name for name, count in counts.items() if count > 1 and name not in names)

    def backend(self, name: str) -> Backend | None:
        return next((backend for backend in self.backends if backend.name == name), None)


_lock = threading.Lock()
_current: Catalog | None = None
_vouched_until = 0.0


def current() -> Catalog:
    """What is known, vouched for within the last second; a request looks if the watch is late."""
    if _current is None or time.monotonic() > _vouched_until:
        return look()
    return _current


def known() -> Catalog:
    """What was known last, for the event loop: it must not wait for Postgres."""
    return current() if _current is None else _current


def refresh() -> Catalog:
    """Reads everything again; the old catalog serves until the new one stands whole."""
    global _current
    with _lock:
        revision = lookup.revision(connections.current())
        _current = _load(revision)
    return _current


def watch(stop: threading.Event) -> None:
    """Runs in a thread of the web process until it stops."""
    written_at = time.monotonic()
    while not stop.wait(POLL_S):
        try:
            look()
            minds.look(connections.current())
            knowing.look(connections.current(), embedders.house().name)
            lessons.look(connections.current())
            hits.write(connections.current())
            if time.monotonic() - written_at > USES_EVERY_S:
                written_at = time.monotonic()
                keys.write_uses(connections.current())
        except (Unavailable, psycopg.Error, DatabaseError):
            connections.drop()
    with contextlib.suppress(Unavailable, psycopg.Error):
        keys.write_uses(connections.current())
    connections.drop()


def look() -> Catalog:
    """One look at the revision: forget what may be outdated, then vouch for what is left."""
    global _vouched_until
    known, began = _current, time.monotonic()
    seen = lookup.revision(connections.current())
    outdated = known is None or known.revision != seen
    if outdated:
        keys.forget_all()
    if outdated or known is None or began - known.loaded_at > STALE_S:
        close_old_connections()
        known = refresh()
    _vouched_until = began + TRUST_S
    keys.trust_until(_vouched_until)
    return known


def _load(revision: int) -> Catalog:
    try:
        enabled = models.Backend.objects.filter(enabled=True).select_related("health")
        # Before their prices: one that is being made right now would else be known without its
        # own, and be free.
        rows = list(enabled.prefetch_related(enabled_keys()))
        prices = reports.prices_in_force(datetime.now(UTC))
        lines = calibrating.newest()
        return Catalog(
            revision=revision,
            loaded_at=time.monotonic(),
            backends=tuple(
                card(row, prices.get(row.name, UNPRICED), calibration.of(lines, row.name))
                for row in rows
            ),
            budgets=tuple(reports.budget_terms()),
            policies=published.load(before.policies if (before := _current) else {}),
            experiments=running.load(),
            slas=standing.in_force(),
            answers=terms.load(),
            patterns=loading.standing(),
            generations=generations.known(connections.current()),
        )
    except (OperationalError, InterfaceError) as error:
        raise Unavailable("postgres") from error


def enabled_keys() -> Prefetch[str, QuerySet[models.BackendKey], str]:
    return Prefetch("keys", models.BackendKey.objects.filter(enabled=True))


def card(row: models.Backend, price: PriceTag, lateness: Line = calibration.PLAIN) -> Backend:
    health = getattr(row, "health", None)
    return Backend(
        backend_id=row.pk,
        name=row.name,
        kind=row.kind,
        model=row.model,
        version=versions.of(row.updated_at, (key.refused_at for key in row.keys.all())),
        price=price,
        context=row.context,
        max_output=row.max_output,
        capabilities=frozenset(row.capabilities) | BY_KIND.get(row.kind, frozenset()),
        max_parallel=row.max_parallel,
        weight=row.weight,
        quality=row.quality,
        region=row.region,
        data_classes=frozenset(row.data_classes),
        failing=_fails(health),
        in_flight=_busy_there(health),
        lateness=lateness,
        timeouts=dict(row.timeouts),
    )


def _fails(health: models.Health | None) -> bool:
    """What is said there of breakers is for people to read; here they are known first hand."""
    if health is None or health.message.startswith(models.BREAKER):
        return False
    return health.state == models.HealthState.FAILING


def _busy_there(health: models.Health | None) -> int:
    """What a server of its own says that it runs and queues, other callers' requests included."""
    if health is None or health.load_read_at is None:
        return 0
    known_for_s = (datetime.now(UTC) - health.load_read_at).total_seconds()
    return (health.running or 0) + (health.waiting or 0) if known_for_s < BELIEVED_S else 0


def _with_vitals(backend: Backend) -> Backend:
    """Made anew only when something has changed: most have not since the last request."""
    vital, load = vitals.of(backend.name), _load_of(backend)
    breaker, crowd = breakers.state(backend), crowds.of(backend.name)
    usual = breaker == circuits.CLOSED and crowd is crowds.NOBODY
    if usual and vital is vitals.HEALTHY and load is loads.UNKNOWN:
        return backend
    seen: Seen = (vital.changes, load, breaker, crowd)
    known = _alive.get(backend.name)
    if known is None or known[0] is not backend or known[1] != seen:
        known = _alive[backend.name] = (backend, seen, _as_it_is(backend, vital, seen))
    return known[2]


Seen = tuple[int, loads.Load, str, Crowd]
_alive: dict[str, tuple[Backend, Seen, Backend]] = {}


def _as_it_is(backend: Backend, vital: vitals.Vital, seen: Seen) -> Backend:
    _, load, breaker, crowd = seen
    shut = breaker in (circuits.OPEN, circuits.RESTING)
    return replace(
        backend,
        failing=backend.failing or shut or not load.served,
        breaker=breaker,
        first_token_s=vital.first_token_s,
        pace=vital.pace,
        in_flight=max(vital.in_flight + crowd.in_flight, backend.in_flight),
        load=load,
    )


def _load_of(backend: Backend) -> loads.Load:
    if not backend.is_ours:
        return loads.UNKNOWN
    here = embeddings.is_here(backend)
    return embedders.load_of(backend.model) if here else gauges.of(backend.model)
