"""Scenarios 1 to 4 and 13 to 16: providers that refuse, as OpenAI's SDK sees them through KORA.

Each says what was tried, when, what the client saw, and what stands in the book; the rig holds for
all of them that a part of an answer never passes for the whole. 5 to 12 are in `test_broken_off`.
"""

from __future__ import annotations

import time
from typing import Any

import openai
import pytest

from tests.faults.lab import outcomes, scripts
from tests.faults.lab.rig import BUSY_S, WORDS, Rig, Seen, both_kinds, both_modes
from tests.faults.lab.scripts import Manner
from tests.faults.plant import SLACK_S
from tests.running import eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]
RECOVERS_WITHIN_S = 30.0


# 1. 429 with Retry-After


@both_modes
@both_kinds
def test_429_goes_to_another_backend_and_leaves_the_first_alone(
    rig: Rig, kind: str, stream: bool
) -> None:
    pair = rig.pair(*scripts.limited(3), kind=kind)
    first = outcomes.fails_over(rig, pair, "key_transient", stream=stream)
    assert rig.is_billed_right(first).states == ["released", "settled"]
    asked_s = rig.asked(first)[0].at_s
    while time.monotonic() < asked_s + 2.5:
        assert rig.ask(stream=stream, key=pair.key).is_whole
        time.sleep(0.3)
    assert not [e for e in rig.lab.log(pair.bad)[1:] if e.at_s < asked_s + 3], "not before"
    eventually(
        lambda: rig.ask(stream=stream, key=pair.key).backend == pair.bad,
        within_s=RECOVERS_WITHIN_S,
        what="the cheaper one answering again",
    )


@both_modes
@both_kinds
def test_429_of_the_only_backend_is_waited_out(rig: Rig, kind: str, stream: bool) -> None:
    name = rig.alone(*scripts.limited(1), kind=kind)
    seen = rig.ask(name, stream=stream)
    assert seen.is_whole
    booked = rig.is_billed_right(seen)
    assert booked.failures == ["key_transient", ""]
    assert booked.states == ["released", "settled"]
    first, second = rig.asked(seen)
    assert 1.0 <= second.at_s - first.at_s < 1.0 + BUSY_S


@both_modes
def test_429_beyond_the_deadline_is_told_at_once_with_its_time(rig: Rig, stream: bool) -> None:
    name = rig.alone(*scripts.limited(50, times=9), kind="openai-compatible")
    seen = rig.ask(name, stream=stream, headers={"x-kora-max-latency-ms": "8000"})
    assert isinstance(seen.error, openai.APIStatusError)
    assert seen.took_s < 4
    assert 45 <= float(seen.headers["retry-after"]) <= 50
    assert len(rig.asked(seen)) == 1
    assert rig.is_billed_right(seen).states == ["released"]


# 2. A burst of 500


@both_modes
@both_kinds
def test_500_goes_to_another_backend(rig: Rig, kind: str, stream: bool) -> None:
    pair = rig.pair(*scripts.failing(500, times=9), kind=kind)
    seen = outcomes.fails_over(rig, pair, "server", stream=stream)
    assert rig.is_billed_right(seen).states == ["released", "settled"]


@both_modes
@both_kinds
def test_500_of_the_only_backend_is_tried_again(rig: Rig, kind: str, stream: bool) -> None:
    name = rig.alone(*scripts.failing(500, times=2), kind=kind)
    seen = rig.ask(name, stream=stream)
    assert seen.is_whole and seen.headers["x-kora-attempts"] == "3"
    booked = rig.is_billed_right(seen)
    assert booked.failures == ["server", "server", ""]
    assert booked.states == ["released", "released", "settled"]


@both_modes
def test_500_without_end_is_told_after_a_bounded_number_of_tries(rig: Rig, stream: bool) -> None:
    name = rig.alone(*scripts.failing(500, times=99), kind="openai-compatible")
    seen = outcomes.fails(rig, name, stream=stream, tries=3)
    assert "sk-" not in str(seen.error)


@both_modes
@both_kinds
def test_a_model_that_its_provider_no_longer_has_goes_to_another_backend(
    rig: Rig, kind: str, stream: bool
) -> None:
    pair = rig.pair(*scripts.failing(404, times=9, code="model_not_found"), kind=kind)
    seen = outcomes.fails_over(rig, pair, "unsupported", stream=stream)
    assert rig.is_billed_right(seen).states == ["released", "settled"]


# 3. 503 then recovery


@both_modes
@both_kinds
def test_503_then_recovery(rig: Rig, kind: str, stream: bool) -> None:
    pair = rig.pair(*scripts.failing(503, times=1, code="overloaded"), kind=kind)
    outcomes.fails_over(rig, pair, "server", stream=stream)
    eventually(
        lambda: rig.ask(stream=stream, key=pair.key).backend == pair.bad,
        within_s=RECOVERS_WITHIN_S,
        what="the cheaper one answering again",
    )


@both_modes
def test_503_with_retry_after_of_the_only_backend_is_waited_out(rig: Rig, stream: bool) -> None:
    busy = Manner(status=503, code="overloaded", headers={"Retry-After": "1"})
    name = rig.alone(*scripts.then(busy), kind="openai-compatible")
    seen = rig.ask(name, stream=stream)
    assert seen.is_whole
    first, second = rig.asked(seen)
    assert 1.0 <= second.at_s - first.at_s < 1.0 + BUSY_S


# 4. Connection refused


@both_modes
@both_kinds
def test_a_refused_connection(rig: Rig, kind: str, stream: bool) -> None:
    door = f"door-{kind}-{stream}"
    port = rig.lab.door(door)
    rig.lab.door(door, is_open=False)
    pair = rig.pair(kind=kind, api_base=rig.lab.api_base("behind", port=port))
    seen = outcomes.fails_over(rig, pair, "server", stream=stream)
    assert rig.is_billed_right(seen).states == ["released", "settled"]
    assert [entry.model for entry in rig.asked(seen)] == [pair.good]
    assert rig.lab.door(door) == port
    eventually(
        lambda: rig.ask(stream=stream, key=pair.key).backend == pair.bad,
        within_s=RECOVERS_WITHIN_S,
        what="the one behind the opened door",
    )


@both_modes
def test_a_refused_connection_of_the_only_backend(rig: Rig, stream: bool) -> None:
    port = rig.lab.door("shut")
    rig.lab.door("shut", is_open=False)
    base = rig.lab.api_base("shut", port=port)
    outcomes.fails(rig, rig.alone(kind="openai-compatible", api_base=base), stream=stream, tries=3)


# 13. Context overflow


@both_modes
@both_kinds
@pytest.mark.parametrize("wording", list(scripts.TOO_LONG))
def test_what_is_too_long_goes_to_a_bigger_context(
    rig: Rig, wording: str, kind: str, stream: bool
) -> None:
    pair = rig.pair(scripts.TOO_LONG[wording], kind=kind)
    seen = outcomes.fails_over(rig, pair, "context", stream=stream)
    assert rig.is_billed_right(seen).states == ["released", "settled"]


@both_modes
def test_what_is_too_long_goes_to_no_smaller_context(rig: Rig, stream: bool) -> None:
    pair = rig.pair(scripts.TOO_LONG["openai"], kind="openai-compatible", spare={"context": 20_000})
    seen = rig.ask(stream=stream, key=pair.key)
    assert isinstance(seen.error, openai.BadRequestError)
    assert [entry.model for entry in rig.asked(seen)] == [pair.bad]
    assert rig.is_billed_right(seen).states == ["released"]


# 14. One of two keys is refused


@both_modes
@both_kinds
def test_a_refused_key_is_rotated_within_the_attempt(rig: Rig, kind: str, stream: bool) -> None:
    name = f"two-keys-{kind}-{stream}"
    refused = {"sk-bad": (scripts.REFUSED_KEY,)}
    backend_id = rig.backend(name, kind=kind, secret="sk-bad", script={"keys": refused})
    rig.plant.post(f"backends/{backend_id}/keys", {"label": "second", "secret": "sk-fine"})
    rig.plant.await_models(name)
    for _ in range(4):  # keys take turns: each is somebody's first
        seen = rig.ask(name, stream=stream)
        assert seen.is_whole and seen.headers["x-kora-attempts"] == "1"
        assert rig.is_billed_right(seen).failures == [""]
    log = rig.lab.log(name)
    (refused_at,) = [place for place, entry in enumerate(log) if entry.key == "sk-bad"]
    assert log[refused_at + 1].key == "sk-fine", "in the same attempt, and never again"
    pause_s = log[refused_at + 1].at_s - log[refused_at].at_s
    assert pause_s < BUSY_S, "no backoff: the other key is good at once"


@both_modes
@both_kinds
def test_the_only_key_refused_goes_to_another_backend(rig: Rig, kind: str, stream: bool) -> None:
    pair = rig.pair(scripts.REFUSED_KEY, kind=kind)
    seen = outcomes.fails_over(rig, pair, "key_permanent", stream=stream)
    assert rig.is_billed_right(seen).states == ["released", "settled"]


# 15. All backends down, then recovery


@both_modes
def test_all_backends_down_then_recovery(rig: Rig, stream: bool) -> None:
    pair = rig.pair(kind="openai-compatible")
    known: dict[str, Any] = {
        "messages": [{"role": "user", "content": f"known {pair.bad}"}],
        "temperature": 0,
    }
    assert rig.ask(stream=stream, key=pair.key, **known).is_whole
    for name in (pair.bad, pair.good):
        rig.lab.play(name, *scripts.ALWAYS_DOWN, models_status=503)
    told: dict[str, Seen] = {}
    for _ in range(8):
        seen = rig.ask(stream=stream, key=pair.key)
        assert isinstance(seen.error, openai.InternalServerError)
        assert seen.took_s < SLACK_S
        told[str(seen.error.code)] = seen
        assert rig.is_billed_right(seen).cost == 0
    assert set(told) <= {"upstream_failed", "unavailable"}
    assert float(told["unavailable"].headers["retry-after"]) <= RECOVERS_WITHIN_S
    assert len(rig.lab.log(pair.bad)) <= 1 + 10, "the breaker was opened within ten failures"
    cached = rig.ask(stream=stream, key=pair.key, **known)
    assert cached.is_whole and cached.headers["x-kora-tier"] == "exact"
    for name in (pair.bad, pair.good):
        rig.lab.play(name)
    eventually(
        lambda: rig.ask(stream=stream, key=pair.key).is_whole,
        within_s=RECOVERS_WITHIN_S,
        what="an answer after the recovery",
    )


@both_modes
def test_the_sdks_own_retries_ride_out_a_short_outage(rig: Rig, stream: bool) -> None:
    """KORA's Retry-After is one that the SDK can follow."""
    name = rig.alone(*scripts.failing(503, times=4), kind="openai-compatible")
    seen = rig.ask(name, stream=stream, retries=2)
    assert seen.is_whole
    assert [entry.status for entry in rig.asked(seen)] == [503] * 4 + [200]


# 16. Usage, and who is billed


@both_modes
@both_kinds
@pytest.mark.parametrize("usage", scripts.USAGES)
def test_the_winner_alone_is_billed_with_what_it_reported(
    rig: Rig, usage: str, kind: str, stream: bool
) -> None:
    pair = rig.pair(*scripts.failing(500, times=9), kind=kind)
    rig.lab.play(pair.good, Manner(usage=usage), price_in="20", price_out="40")
    seen = outcomes.fails_over(rig, pair, "server", stream=stream)
    (row,) = rig.booked(seen).charged
    assert row["backend"] == pair.good
    assert seen.usage["completion_tokens"] == row["completion_tokens"]
    if (usage, kind) == ("zero", "cloud"):  # LiteLLM does not tell zero from silence: never free
        assert row["estimated"] and row["completion_tokens"] == WORDS
        return
    assert row["estimated"] == (usage == "absent")
    assert row["completion_tokens"] == (0 if usage == "zero" else WORDS)
    rig.is_billed_right(seen)


def test_no_hold_is_left_and_the_books_agree(rig: Rig) -> None:
    rig.plant.recovers()
