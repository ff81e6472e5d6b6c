"""From when a budget of another size would have refused requests (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from analytics import budgets
from analytics.values import BudgetTerms
from routing.simulating.comparing import Line
from routing.simulating.reporting import Scale

SHOWN = 60
PERIODS = ("day", "week", "month", "quarter", "year", "total")


def read(said: Any) -> BudgetTerms:
    """`limit_usd`, `window` and `time_zone`; ValueError says what is wrong."""
    if not isinstance(said, dict) or set(said) - {"limit_usd", "window", "time_zone"}:
        raise ValueError("budget: limit_usd, window and time_zone can be said here")
    window = said.get("window", "month")
    if window not in PERIODS:
        raise ValueError(f"budget.window: must be one of {', '.join(PERIODS)}")
    return BudgetTerms(
        budget_id=0,
        name="",
        organisation_id=0,
        scope="team",
        scope_id="",
        limit_usd=_limit(said.get("limit_usd")),
        window=window,
        time_zone=_zone(said.get("time_zone", "UTC")),
        fiscal_start=1,
        mode="enforce",
    )


def _zone(said: Any) -> str:
    try:
        return ZoneInfo(said).key
    except (ValueError, OSError, TypeError, ZoneInfoNotFoundError) as error:
        raise ValueError("budget.time_zone: there is no such time zone") from error


def _limit(said: Any) -> Decimal:
    try:
        limit = Decimal(str(said))
    except ArithmeticError:
        limit = Decimal(-1)
    if isinstance(said, bool) or not limit.is_finite() or limit < 0:
        raise ValueError("budget.limit_usd: must be an amount in USD, zero or more")
    return limit


def refused(lines: Sequence[Line], terms: BudgetTerms, scales: Scale) -> dict[str, Any]:
    """By window, what would be spent and when the first request finds no room; a refused request
    spends nothing, so cheaper ones behind it may still pass."""
    limit = float(terms.limit_usd)
    windows: dict[str, dict[str, Any]] = {}
    for each in sorted(lines, key=lambda line: line.at):
        begins = budgets.span(terms, each.at).starts_at.isoformat()
        window = windows.setdefault(begins, {"spent_usd": 0.0, "refused": 0, "first": None})
        usd = _cost(each, scales)
        if window["spent_usd"] + usd > limit:
            window["refused"] += 1
            window["first"] = window["first"] or each.at.isoformat()
        else:
            window["spent_usd"] += usd
    return {
        "limit_usd": f"{terms.limit_usd:f}",
        "window": terms.window,
        "refused": sum(window["refused"] for window in windows.values()),
        "windows": [{"begins": name, **window} for name, window in list(windows.items())[-SHOWN:]],
    }


def _cost(each: Line, scales: Scale) -> float:
    """What stays where it was costs what it cost."""
    if not each.shares:
        return 0.0 if each.before != each.after else each.usd
    if each.moved == 0:
        return each.usd
    return sum(s.chance * s.usd * scales.usd.get(s.backend, 1.0) for s in each.shares)
