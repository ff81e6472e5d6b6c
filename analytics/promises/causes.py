"""The one cause of a miss, read from the receipt of its request (pure).

Of what took time, each part is taken away in thought, the most avoidable first: the first without
which the target had been kept is the cause. Where none alone would have done, the longest is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analytics import hedged
from analytics.promises.values import Promise, Told

ORDER = ("retry", "queue", "client", "router", "provider")
WORTH = 0.1
"""Of the target: a shorter part explains nothing alone, however near the miss was."""
OWN_LIMITS = frozenset({"max-cost", "min-quality", "max-latency", "deadline", "cache-only"})
"""Constraints that callers set themselves; where they bind, nobody else is to blame."""
TOO_LONG = "context"
BY_CODE = {
    "cancelled": "client",
    "rate_limited": "client",
    "budget_exceeded": "client",
    "not_allowed": "client",
    "invalid_request": "client",
    "model_not_found": "client",
    "request_too_large": "client",
    "idempotency_conflict": "client",
    "queue_full": "queue",
    "upstream_failed": "provider",
    "unavailable": "router",
    "internal_error": "router",
}
"""Of a request that got no answer; `infeasible` and `deadline_exceeded` are looked at closer."""
WITHOUT_MODEL = frozenset({"rule", "exact", "semantic", "pattern"})
WAITS = frozenset({"waited in flight", "queue", "waited"})
"""Stages in which nothing was done but wait."""
WELL = frozenset({"", "answered", "ok"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """Where the milliseconds went; what is left of them is KORA's own."""

    retry: float = 0.0
    queue: float = 0.0
    client: float = 0.0
    router: float = 0.0
    provider: float = 0.0


def of(promise: Promise, told: Told, target: str) -> str:
    if target == "quality":
        return "router" if told.tier in WITHOUT_MODEL else "provider"
    limit_ms = {"ttft": promise.ttft_ms, "total": promise.total_ms}.get(target)
    if told.state == "cancelled":
        return _of_leaving(promise, told, limit_ms)
    if told.state != "answered":
        return _of_failing(promise, told)
    until_ms = told.first_content_ms if target == "ttft" else told.total_ms
    return _of_lateness(told, until_ms or told.total_ms, limit_ms or 0.0)


def _of_leaving(promise: Promise, told: Told, limit_ms: float | None) -> str:
    """Who leaves after the time that was promised did not leave for nothing."""
    limit_ms = limit_ms if limit_ms is not None else promise.total_ms
    if limit_ms is None or told.total_ms <= limit_ms:
        return "client"
    return _of_lateness(told, told.total_ms, limit_ms)


def _of_failing(promise: Promise, told: Told) -> str:
    if told.error_code == "infeasible":
        return _of_no_way(told)
    if told.error_code == "deadline_exceeded":
        return _of_deadline(promise, told)
    return BY_CODE.get(told.error_code, "router")


def _of_no_way(told: Told) -> str:
    binding = str(told.receipt.get("binding") or "")
    bound = set(binding.split("+"))
    return "client" if bound & OWN_LIMITS or TOO_LONG in bound else "router"


def _of_deadline(promise: Promise, told: Told) -> str:
    """A caller that allows less time than is promised has set the limit itself."""
    asked = told.receipt.get("asked") or {}
    own_ms = (asked.get("constraints") or {}).get("max_latency_ms")
    if own_ms is not None and (promise.total_ms is None or own_ms < promise.total_ms):
        return "client"
    return _of_lateness(told, told.total_ms, promise.total_ms or 0.0)


def _of_lateness(told: Told, until_ms: float, limit_ms: float) -> str:
    parts = spent(told.receipt, until_ms)
    for cause in ORDER:
        took_ms: float = getattr(parts, cause)
        if took_ms >= WORTH * limit_ms and took_ms > 0 and until_ms - took_ms <= limit_ms:
            return cause
    return max(ORDER, key=lambda cause: float(getattr(parts, cause)))


def spent(receipt: Mapping[str, Any], until_ms: float) -> Parts:
    """Of all milliseconds until this one, each in one part."""
    attempts = [each for each in receipt.get("attempts") or () if isinstance(each, Mapping)]
    attempts = _together(attempts)
    *earlier, last = attempts or [{}]
    lost_ms = sum(_length(each, until_ms) + _ms(each.get("waited_ms")) for each in earlier)
    lost_ms += _ms(last.get("waited_ms"))
    waited_ms = _waited(last) + _stages(receipt, WAITS)
    asked_ms = _length(last, until_ms)
    deferred_ms = _ms((receipt.get("deferred") or {}).get("waited_s")) * 1000
    queued_ms = min(waited_ms, asked_ms + _stages(receipt, WAITS))
    provider_ms = max(0.0, asked_ms - min(_waited(last), asked_ms))
    if str(last.get("outcome") or "") not in WELL and earlier:
        lost_ms, provider_ms = lost_ms + provider_ms, 0.0
    own_ms = until_ms - lost_ms - queued_ms - provider_ms - deferred_ms
    return Parts(
        retry=lost_ms,
        queue=queued_ms,
        client=deferred_ms,
        router=max(0.0, own_ms),
        provider=provider_ms,
    )


def _together(attempts: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Two in the air at once are one: the silence of the slower was its provider's."""
    slower = [each for each in attempts if each.get("outcome") == hedged.LOST]
    others = [each for each in attempts if each.get("outcome") != hedged.LOST]
    if not slower or not others:
        return attempts
    last = others[-1]
    began_ms = min(_ms(each.get("started_ms")) for each in (*slower, last))
    took_ms = _ms(last.get("ms")) + _ms(last.get("started_ms")) - began_ms
    return [*others[:-1], {**last, "started_ms": began_ms, "ms": took_ms}]


def _waited(attempt: Mapping[str, Any]) -> float:
    """Until a worker had begun, and in the engine's own queue as far as that is told."""
    began_ms, started_ms = attempt.get("began_ms"), _ms(attempt.get("started_ms"))
    for_worker_ms = 0.0 if began_ms is None else max(0.0, _ms(began_ms) - started_ms)
    return for_worker_ms + _ms(attempt.get("queued_ms"))


def _length(attempt: Mapping[str, Any], until_ms: float) -> float:
    """An attempt that is cut off at a moment counts until then."""
    if not attempt:
        return 0.0
    started_ms, took_ms = _ms(attempt.get("started_ms")), _ms(attempt.get("ms"))
    return max(0.0, min(took_ms or until_ms - started_ms, until_ms - started_ms))


def _stages(receipt: Mapping[str, Any], names: frozenset[str]) -> float:
    told = [each for each in receipt.get("stages") or () if isinstance(each, Mapping)]
    return sum(_ms(each.get("ms")) for each in told if each.get("name") in names)


def _ms(value: object) -> float:
    return max(0.0, float(value)) if isinstance(value, int | float) else 0.0
