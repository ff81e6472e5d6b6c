"""The patterns that stand, out of the table into a web process's memory."""

from __future__ import annotations

from collections import defaultdict

import structlog

from caching.models import Pattern
from caching.patterns import lifecycle, serving
from caching.patterns.serving import Standing

log = structlog.get_logger(__name__)


def standing() -> dict[int, tuple[Standing, ...]]:
    """All that answer or hint, by team; what fills is looked at first."""
    found = defaultdict[int, list[Standing]](list)
    acting = serving.ANSWERING | serving.HINTING
    rows = Pattern.objects.filter(state__in=lifecycle.STANDING, action__in=acting, share__gt=0)
    for row in rows.order_by("action", "id"):
        known = _read(row)
        if known is not None:
            found[row.team_id].append(known)
    return {team_id: tuple(known) for team_id, known in found.items()}


def _read(row: Pattern) -> Standing | None:
    """One that cannot be read, of another release perhaps, keeps none of the others away."""
    try:
        return serving.read(row)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        log.warning("pattern.unreadable", pattern=row.pk, exc_info=True)
        return None
