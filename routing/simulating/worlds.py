"""What a simulation knows beside the receipts: backends and their prices then, policies then."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from analytics import reports
from analytics.models import Price
from analytics.values import PriceTag
from routing import catalog, models
from routing.models import Policy, PolicyState
from routing.policy import moments
from routing.policy.values import UNPRICED, Backend
from routing.simulating.records import Record

Said = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """Cards are the backends as they stand today; prices those of each moment."""

    rows: Mapping[str, models.Backend]
    prices: Mapping[str, tuple[tuple[datetime, ...], tuple[PriceTag, ...]]]
    versions: Mapping[int | None, tuple[tuple[int, ...], tuple[Said, ...]]]
    """By scope, numbers and contents of what was published, oldest first."""
    latest: dict[str, Said] = field(default_factory=dict)
    """How each backend was when a receipt last said so; they are read newest first."""
    _cards: dict[tuple[str, int | None], Backend] = field(default_factory=dict)

    def backends(self, record: Record, named: frozenset[str]) -> list[Backend]:
        """Those that were weighed then. Where none were, or another kind of model is meant now,
        all that are switched on; and those that a rule names."""
        wanted = {*record.candidates, *(name for name in named if self._is_on(name))}
        if not record.candidates or named == ALL:
            wanted |= {name for name in self.rows if self._is_on(name)}
        return [self._then(name, record) for name in sorted(wanted) if name in self.rows]

    def gone(self, record: Record) -> str:
        """A backend that was weighed then and is none any more."""
        return next((name for name in record.candidates if name not in self.rows), "")

    def remember(self, record: Record) -> None:
        self.latest.update((name, said) for name, said in record.moment.items() if name)

    def content(self, scope: int | None, number: int) -> Said:
        """What was in force in this scope when version `number` was the newest of those seen."""
        numbers, contents = self.versions.get(scope, ((), ()))
        place = bisect_right(numbers, number)
        return contents[place - 1] if place else {}

    def _is_on(self, name: str) -> bool:
        row = self.rows.get(name)
        return row is not None and row.enabled

    def _then(self, name: str, record: Record) -> Backend:
        weighed = name in record.candidates
        said = record.moment.get(name) if weighed else self.latest.get(name)
        card = self._card(name, record.at)
        return moments.taken(card, said) if said else card

    def _card(self, name: str, at: datetime) -> Backend:
        """As if nothing were known of its health; today's is not that of then."""
        tag = self._price(name, at)
        key = (name, tag.price_id)
        if key not in self._cards:
            self._cards[key] = moments.taken(catalog.card(self.rows[name], tag), {})
        return self._cards[key]

    def _price(self, name: str, at: datetime) -> PriceTag:
        begun, tags = self.prices.get(name, ((), ()))
        place = bisect_right(begun, at)
        return tags[place - 1] if place else UNPRICED


ALL = frozenset({"*"})
"""Every backend is meant."""


def load() -> World:
    return World(
        rows={row.name: row for row in models.Backend.objects.select_related("health")},
        prices=_prices(),
        versions=_versions(Policy.objects.filter(state=PolicyState.PUBLISHED).order_by("number")),
    )


def _prices() -> dict[str, tuple[tuple[datetime, ...], tuple[PriceTag, ...]]]:
    found: dict[str, list[Price]] = {}
    for price in Price.objects.order_by("backend", "effective_from", "id"):
        found.setdefault(price.backend, []).append(price)
    return {
        name: (
            tuple(each.effective_from for each in prices),
            tuple(reports.tag_of(each) for each in prices),
        )
        for name, prices in found.items()
    }


def _versions(
    rows: Iterable[Policy],
) -> dict[int | None, tuple[tuple[int, ...], tuple[Said, ...]]]:
    found: dict[int | None, list[tuple[int, Said]]] = {}
    for row in rows:
        found.setdefault(row.team_id, []).append((row.number or 0, row.content))
    return {
        scope: (tuple(number for number, _ in each), tuple(content for _, content in each))
        for scope, each in found.items()
    }
