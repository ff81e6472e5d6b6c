"""Whether what a window counts as refused is news, or what an alert has told of before."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from analytics.alerts.noticing import REFUSED
from analytics.promise_models import Alert

if TYPE_CHECKING:
    from analytics.alerts.noticing import Notice


def stale(notices: Iterable[Notice]) -> set[str]:
    """The stems of those that are over: a window's count never falls, but room that was made since
    ends the matter until somebody is refused again."""
    return {each.stem for each in notices if each.stem.endswith(f":{REFUSED}") and _is_over(each)}


def _is_over(notice: Notice) -> bool:
    """Each look notes the count in the alert, so that what comes after it can be told apart."""
    told = Alert.objects.filter(key__startswith=f"{notice.stem}@")
    still = told.filter(resolved_at=None).first()
    counted = notice.body["refused"]
    if still is None:
        before = [each.body.get("refused", 0) for each in told]
        return bool(before) and counted <= max(before)
    if counted != still.body.get("refused"):
        Alert.objects.filter(pk=still.pk).update(body=still.body | {"refused": counted})
    return notice.limit > _limit(still)


def _limit(alert: Alert) -> Decimal:
    return Decimal(alert.key.rpartition("@")[2])
