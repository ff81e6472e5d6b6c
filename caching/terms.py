"""What teams have set for answers without a model, read whole into a process's memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Any

from caching import routes
from caching.models import CacheTerms, Sharing
from caching.values import Terms

NAMES = tuple(each.name for each in fields(Terms))
NOT_OF_A_ROUTE = frozenset({"scope", "rows", "bytes"})
"""Whose answers they are, and how many, is a matter of the whole team."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreed:
    """One team's terms, where a model asked for has others, and the groups it is part of."""

    terms: Terms = field(default_factory=Terms)
    routes: Mapping[str, Terms] = field(default_factory=dict)
    groups: tuple[int, ...] = ()
    gives_to: int | None = None
    """The group for which its answers are kept from now on."""

    def at(self, model: str) -> Terms:
        return self.routes.get(model, self.terms)


UNSET = Agreed()


def load() -> Mapping[int, Agreed]:
    """By team; one that has set nothing and shares nothing is not in it."""
    found = _sharing()
    for row in CacheTerms.objects.all():
        found[row.team_id] = _with_terms(found.get(row.team_id, UNSET), row)
    return found


def _sharing() -> dict[int, Agreed]:
    """Only where both sides have said yes."""
    both = Sharing.objects.filter(invited_at__isnull=False, accepted_at__isnull=False)
    found: dict[int, Agreed] = {}
    for row in both.order_by("group_id"):
        known = found.get(row.team_id, UNSET)
        found[row.team_id] = replace(
            known,
            groups=(*known.groups, row.group_id),
            gives_to=row.group_id if row.gives else known.gives_to,
        )
    return found


def _with_terms(known: Agreed, row: CacheTerms) -> Agreed:
    terms = Terms(**{name: getattr(row, name) for name in NAMES})
    said = row.routes if isinstance(row.routes, dict) else {}
    fit = {model: each for model, each in said.items() if not routes.fault(model, each)}
    others = {model: _other(terms, each) for model, each in fit.items()}
    return replace(known, terms=terms, routes=others)


def _other(terms: Terms, said: Any) -> Terms:
    """What a route says otherwise; money came as JSON, so as text or a number."""
    known: dict[str, Any] = {
        name: Decimal(str(value)) if name == "shadow_usd_a_day" else value
        for name, value in (said.items() if isinstance(said, dict) else ())
        if name in NAMES and name not in NOT_OF_A_ROUTE
    }
    return replace(terms, **known)
