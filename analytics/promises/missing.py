"""Which targets a request was held to, which it missed, and for what cause (pure)."""

from __future__ import annotations

from analytics.promises import causes
from analytics.promises.values import Miss, Promise, Told

UNANSWERED = frozenset({"failed", "lost", "cancelled"})


def held_to(promise: Promise, told: Told) -> tuple[str, ...]:
    """Nobody waits for the first content of an answer that comes whole, and of most answers nobody
    says how good they were."""
    return tuple(target for target in promise.targets if _counts(target, told))


def _counts(target: str, told: Told) -> bool:
    if target == "ttft":
        return told.streamed
    if target == "quality":
        return told.state == "answered" and told.quality is not None
    return True


def names(promise: Promise, told: Told) -> tuple[str, ...]:
    """The targets it missed; for this no receipt is needed."""
    held = held_to(promise, told)
    return tuple(target for target in held if _is_missed(promise, told, target))


def missed(promise: Promise, told: Told) -> tuple[Miss, ...]:
    return tuple(
        Miss(target=target, cause=causes.of(promise, told, target))
        for target in names(promise, told)
    )


def _is_missed(promise: Promise, told: Told, target: str) -> bool:
    """What never came was not in time."""
    if target == "availability":
        return told.state in UNANSWERED
    if target == "quality":
        return (told.quality or 0.0) < (promise.min_quality or 0.0)
    if target == "ttft":
        first_ms = told.first_content_ms
        return first_ms is None or first_ms > (promise.ttft_ms or 0.0)
    return told.state in UNANSWERED or told.total_ms > (promise.total_ms or 0.0)
