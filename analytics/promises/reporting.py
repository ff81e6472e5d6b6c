"""How SLAs were kept, grouped as somebody asks: sums over the hours that were counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from analytics.models import SlaHour
from analytics.promises import rolling
from analytics.promises.values import CAUSES, Promise

GROUPS = ("sla", "team", "route", "target", "day", "hour")
"""What a report may be grouped by."""


@dataclass(kw_only=True)
class Sum:
    """Of one row."""

    requests: int = 0
    checked: int = 0
    missed: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    allowed: float = 0.0
    """Misses that the promises leave room for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Rows in the order of their groups, and what they say together."""

    group_by: tuple[str, ...]
    rows: list[dict[str, Any]]
    total: dict[str, Any]


def report(hours: Iterable[SlaHour], group_by: Sequence[str], zone: tzinfo) -> Report:
    """`hours` come with their SLA and its team."""
    sums: dict[tuple[str, ...], Sum] = defaultdict(Sum)
    total, per_target = Sum(), "target" in group_by
    for hour in hours:
        promise = rolling.promise_of(hour.sla)
        _add(total, promise, hour, promise.targets)
        for part in ([each] for each in promise.targets) if per_target else [promise.targets]:
            words = _words(hour, "".join(part) if per_target else "", zone)
            _add(sums[tuple(words[name] for name in group_by)], promise, hour, part)
    rows = [
        dict(zip(group_by, key, strict=True)) | figures(found, causes=not per_target)
        for key, found in sorted(sums.items())
    ]
    return Report(group_by=tuple(group_by), rows=rows, total=figures(total, causes=not per_target))


def _add(to: Sum, promise: Promise, hour: SlaHour, targets: Sequence[str]) -> None:
    to.requests += hour.requests
    for target in targets:
        counted = hour.counted.get(target, 0)
        to.checked += counted
        to.missed += hour.misses.get(target, 0)
        to.allowed += promise.allowed(target) * counted
    to.causes.update(hour.causes)


def _words(hour: SlaHour, target: str, zone: tzinfo) -> Mapping[str, str]:
    at: datetime = hour.at.astimezone(zone)
    return {
        "sla": hour.sla.name,
        "team": hour.sla.team.name,
        "route": hour.sla.route,
        "target": target,
        "day": f"{at:%F}",
        "hour": at.isoformat(),
    }


def figures(found: Sum, *, causes: bool) -> dict[str, Any]:
    """Causes are known of requests, not of each of their targets."""
    attained = 1 - found.missed / found.checked if found.checked else None
    left = None if not found.allowed else 1 - found.missed / found.allowed
    plain = {
        "requests": found.requests,
        "checked": found.checked,
        "missed": found.missed,
        "attainment": None if attained is None else round(attained, 6),
        "budget_left": None if left is None else round(left, 4),
    }
    return plain | ({cause: found.causes[cause] for cause in CAUSES} if causes else {})
