"""One cause for each miss: a table of receipts and what is to blame."""

from __future__ import annotations

from typing import Any

import pytest

from analytics.promises import causes, missing
from analytics.promises.values import Miss, Promise, Told

PROMISE = Promise(
    sla_id=1, team_id=1, name="quick", ttft_ms=500, total_ms=2000, availability=99.0,
    min_quality=0.6,
)  # fmt: skip


def attempt(started_ms: float, ms: float, **facts: Any) -> dict[str, Any]:
    return {"backend": "b", "started_ms": started_ms, "ms": ms, "outcome": "answered", **facts}


def told(total_ms: float, *attempts: dict[str, Any], **facts: Any) -> Told:
    receipt = {"attempts": list(attempts), **facts.pop("receipt", {})}
    return Told(total_ms=total_ms, receipt=receipt, **facts)


FAILED = {"outcome": "server"}
LATE = [
    ("slow backend", told(5000, attempt(5, 4990, began_ms=8)), "provider"),
    ("long wait for a worker", told(5000, attempt(5, 4990, began_ms=4000)), "queue"),
    ("a wait that tips it", told(2600, attempt(5, 2590, began_ms=900)), "queue"),
    ("a wait that would not have saved it", told(9000, attempt(5, 8990, began_ms=900)), "provider"),
    ("a wait too short to matter", told(2050, attempt(5, 2040, began_ms=80)), "provider"),
    ("the engine's own queue", told(4000, attempt(5, 3990, began_ms=9, queued_ms=3000)), "queue"),
    (
        "a failed attempt before it",
        told(4000, attempt(5, 2500, **FAILED), attempt(2510, 1480)),
        "retry",
    ),
    (
        "three failed attempts, each short",
        told(2900, *(attempt(300 * n, 290, **FAILED) for n in range(4)), attempt(1200, 1690)),
        "retry",
    ),
    (
        "waiting between attempts",
        told(3800, attempt(5, 95, **FAILED), attempt(2100, 1690, waited_ms=2000)),
        "retry",
    ),
    (
        "a failed attempt that did not matter",
        told(9000, attempt(5, 100, **FAILED), attempt(110, 8880)),
        "provider",
    ),
    (
        "KORA itself",
        told(3000, attempt(2500, 490, began_ms=2501)),
        "router",
    ),
    (
        "it followed another request in flight",
        told(3000, receipt={"stages": [{"name": "waited in flight", "ms": 2990}]}, tier="exact"),
        "queue",
    ),
    (
        "its client let it wait for idle capacity",
        told(9000, attempt(8000, 990), receipt={"deferred": {"waited_s": 7.9}}),
        "client",
    ),
    (
        "queue and provider together, neither alone",
        told(9000, attempt(5, 8990, began_ms=3000)),
        "provider",
    ),
    ("the longer of two too long", told(9000, attempt(5, 8990, began_ms=6000)), "queue"),
    ("a receipt of an older shape", told(3000), "router"),
    ("one with nonsense in it", told(3000, receipt={"attempts": "?", "stages": None}), "router"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "cause"), [row[1:] for row in LATE], ids=[r[0] for r in LATE])
def test_a_late_answer_has_one_cause(given: Told, cause: str) -> None:
    assert missing.missed(PROMISE, given) == (Miss(target="total", cause=cause),)


FAILURES = [
    ("every backend failed", {"error_code": "upstream_failed"}, {}, "provider"),
    ("no room to wait", {"error_code": "queue_full"}, {}, "queue"),
    ("its own rate limit", {"error_code": "rate_limited"}, {}, "client"),
    ("its own budget", {"error_code": "budget_exceeded"}, {}, "client"),
    ("a rule forbade it", {"error_code": "not_allowed"}, {}, "client"),
    ("a part of KORA was down", {"error_code": "unavailable"}, {}, "router"),
    ("the process died", {"state": "lost", "error_code": "unavailable"}, {}, "router"),
    ("a word that nobody knows", {"error_code": "brand_new"}, {}, "router"),
    ("it may not cost so much", {"error_code": "infeasible"}, {"binding": "max-cost"}, "client"),
    ("too long for all", {"error_code": "infeasible"}, {"binding": "context"}, "client"),
    ("nobody is switched on", {"error_code": "infeasible"}, {"binding": "backends"}, "router"),
    ("nobody can do it", {"error_code": "infeasible"}, {"binding": "capability"}, "router"),
    (
        "the client's own time was shorter",
        {"error_code": "deadline_exceeded", "total_ms": 900},
        {"asked": {"constraints": {"max_latency_ms": 900}}},
        "client",
    ),
    (
        "the deadline passed at a slow backend",
        {"error_code": "deadline_exceeded", "total_ms": 60_000},
        {"attempts": [attempt(5, 59_990, began_ms=7, outcome="cancelled")]},
        "provider",
    ),
    (
        "the deadline passed in a queue",
        {"error_code": "deadline_exceeded", "total_ms": 60_000},
        {"attempts": [attempt(5, 59_990, began_ms=59_000, outcome="cancelled")]},
        "queue",
    ),
    (
        "the deadline passed in failed attempts",
        {"error_code": "deadline_exceeded", "total_ms": 60_000},
        {"attempts": [attempt(5, 50_000, outcome="timeout"), attempt(50_010, 9_990, **FAILED)]},
        "retry",
    ),
]


@pytest.mark.parametrize(
    ("facts", "receipt", "cause"), [r[1:] for r in FAILURES], ids=[r[0] for r in FAILURES]
)
def test_no_answer_has_one_cause_for_all_its_targets(
    facts: dict[str, Any], receipt: dict[str, Any], cause: str
) -> None:
    given = Told(**{"state": "failed", "streamed": True, "receipt": receipt, **facts})
    found = missing.missed(PROMISE, given)
    assert [miss.target for miss in found] == ["ttft", "total", "availability"]
    assert {miss.cause for miss in found} == {cause}


def test_who_leaves_in_time_is_excused_and_who_leaves_too_late_has_waited_in_vain() -> None:
    early = Told(state="cancelled", error_code="cancelled", total_ms=700)
    assert not any(miss.charged for miss in missing.missed(PROMISE, early))
    slow = {"attempts": [attempt(5, 8_990, began_ms=7, outcome="cancelled")]}
    late = Told(state="cancelled", error_code="cancelled", total_ms=9000, receipt=slow)
    assert {miss.cause for miss in missing.missed(PROMISE, late)} == {"provider"}


def test_the_first_content_counts_only_for_streams_and_quality_only_where_it_is_known() -> None:
    whole = Told(first_content_ms=1900, total_ms=1950)
    assert missing.missed(PROMISE, whole) == ()
    assert missing.held_to(PROMISE, whole) == ("total", "availability")
    receipt = {"attempts": [attempt(5, 1940, began_ms=8)]}
    stream = Told(streamed=True, first_content_ms=1900, total_ms=1950, receipt=receipt)
    assert missing.missed(PROMISE, stream) == (Miss(target="ttft", cause="provider"),)
    poor = Told(total_ms=100, quality=0.2, tier="semantic")
    assert missing.missed(PROMISE, poor) == (Miss(target="quality", cause="router"),)


@pytest.mark.parametrize(
    ("route", "covered"),
    [("", True), ("auto", True), ("auto:fast", False), ("intent:faq", True), ("intent:x", False)],
)
def test_a_route_is_a_model_as_it_is_asked_for_or_an_intent(route: str, covered: bool) -> None:
    promise = Promise(sla_id=1, team_id=1, name="p", route=route)
    assert promise.covers(model="auto", intent="faq") is covered


def test_parts_add_up_to_the_whole() -> None:
    receipt = {
        "attempts": [attempt(10, 300, **FAILED), attempt(400, 500, began_ms=450, waited_ms=50)]
    }
    parts = causes.spent(receipt, 1000)
    whole = parts.retry + parts.queue + parts.client + parts.router + parts.provider
    assert whole == pytest.approx(1000)


@pytest.mark.parametrize("won", [True, False])
def test_of_two_attempts_at_once_the_silence_is_the_providers(won: bool) -> None:
    one = {"backend": "one", "started_ms": 10, "ms": 690, "outcome": "hedge-lost"}
    two = {"backend": "two", "started_ms": 600, "ms": 100, "outcome": "hedge-lost"}
    (two if won else one)["outcome"] = "answered"
    parts = causes.spent({"attempts": [one, two]}, 700)
    assert (parts.retry, parts.queue) == (0, 0)
    assert parts.provider == pytest.approx(690)
