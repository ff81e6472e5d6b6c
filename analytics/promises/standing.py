"""What is promised now and how it burns, as the hot path knows it."""

from __future__ import annotations

from collections.abc import Mapping

from analytics.models import Sla
from analytics.promises import rolling
from analytics.promises.burning import FASTLY
from analytics.promises.values import Kept


def in_force() -> Mapping[int, tuple[Kept, ...]]:
    """By team."""
    found: dict[int, tuple[Kept, ...]] = {}
    for sla in Sla.objects.filter(enabled=True).select_related("state").order_by("pk"):
        state = getattr(sla, "state", None)
        fast = state is not None and state.verdict == FASTLY
        burning = tuple(state.burning) if state is not None and fast else ()
        kept = Kept(promise=rolling.promise_of(sla), burning=burning)
        found[sla.team_id] = (*found.get(sla.team_id, ()), kept)
    return found
