"""Scenarios 5 to 12: providers that fall silent, break off or talk nonsense, in both modes."""

from __future__ import annotations

import pytest

from tests.faults.lab import outcomes
from tests.faults.lab.rig import BUSY_S, HASTY, Rig, both_kinds, both_modes
from tests.faults.lab.scripts import Manner

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]
LET_GO_S = 1.0


# 5. A silent route


@both_modes
@both_kinds
def test_a_silent_route_is_left_and_asked_once(rig: Rig, kind: str, stream: bool) -> None:
    pair = rig.pair(Manner(silent=True), kind=kind, timeouts=HASTY)
    seen = outcomes.fails_over(rig, pair, "timeout", stream=stream)
    assert seen.took_s < HASTY["total_s"] + BUSY_S
    assert [entry.model for entry in rig.asked(seen)] == [pair.bad, pair.good]
    booked = rig.is_billed_right(seen)
    assert booked.states == ["settled", "settled"], "nobody knows whether it bills"
    assert booked.charged[0]["unconfirmed"] and booked.charged[0]["completion_tokens"] == 0
    silent = rig.asked(seen)[0]
    assert silent.left_at_s is not None
    assert silent.left_at_s - silent.at_s < HASTY["total_s"] + LET_GO_S + BUSY_S


@both_modes
def test_a_silent_only_route_is_not_asked_again(rig: Rig, stream: bool) -> None:
    name = rig.alone(Manner(silent=True), kind="openai-compatible", timeouts=HASTY)
    seen = outcomes.fails(rig, name, stream=stream, tries=1)
    assert len(rig.asked(seen)) == 1


# 6. A slow first token


@both_modes
@both_kinds
def test_a_first_token_that_comes_too_late(rig: Rig, kind: str, stream: bool) -> None:
    pair = rig.pair(Manner(first_s=20), kind=kind, timeouts=HASTY)
    seen = outcomes.fails_over(rig, pair, "timeout", stream=stream)
    assert seen.took_s < HASTY["total_s"] + BUSY_S
    assert rig.is_billed_right(seen).states == ["settled", "settled"]


@both_modes
def test_a_first_token_that_is_slow_but_in_time(rig: Rig, stream: bool) -> None:
    name = rig.alone(Manner(first_s=1.0), kind="openai-compatible")
    seen = rig.ask(name, stream=stream)
    assert seen.is_whole and seen.headers["x-kora-attempts"] == "1"
    rig.is_billed_right(seen)


# 7. A stall in mid-stream


@both_kinds
def test_a_stall_in_mid_stream(rig: Rig, kind: str) -> None:
    name = rig.alone(Manner(breaks="stall", after=3), kind=kind, timeouts=HASTY)
    seen = outcomes.breaks(rig, name, "timeout", words=3)
    assert seen.took_s < HASTY["between_tokens_s"] + BUSY_S


@both_kinds
def test_a_stall_inside_a_whole_answer(rig: Rig, kind: str) -> None:
    pair = rig.pair(Manner(breaks="stall", after=3), kind=kind, timeouts=HASTY)
    seen = outcomes.fails_over(rig, pair, "timeout", stream=False)
    assert rig.booked(seen).charged[0]["unconfirmed"], "how much was written nobody can see"


# 8. Cut before content


@both_modes
@both_kinds
def test_cut_before_content(rig: Rig, kind: str, stream: bool) -> None:
    pair = rig.pair(Manner(breaks="cut"), kind=kind)
    seen = rig.ask(stream=stream, key=pair.key)
    assert seen.is_whole and seen.backend == pair.good
    booked = rig.booked(seen)
    assert booked.failures[0] in ("cut", "server") and booked.failures[1:] == [""]
    if booked.failures[0] == "cut":
        rig.is_billed_right(seen)


# 9. Cut after content


@both_kinds
def test_cut_after_content(rig: Rig, kind: str) -> None:
    outcomes.breaks(rig, rig.alone(Manner(breaks="cut", after=3), kind=kind), "cut", words=3)


@both_kinds
def test_cut_inside_a_whole_answer(rig: Rig, kind: str) -> None:
    pair = rig.pair(Manner(breaks="cut", after=3), kind=kind)
    seen = rig.ask(stream=False, key=pair.key)
    assert seen.is_whole and seen.backend == pair.good


# 10. A missing [DONE]


@both_kinds
def test_a_whole_stream_may_lack_its_done(rig: Rig, kind: str) -> None:
    seen = rig.ask(rig.alone(Manner(breaks="no-done"), kind=kind), stream=True)
    assert seen.is_whole
    booked = rig.is_billed_right(seen)
    assert (booked.state, booked.failures) == ("answered", [""])


@both_kinds
@pytest.mark.parametrize("ending", ["close", "close-done"])
def test_a_stream_without_its_finish_is_cut(rig: Rig, kind: str, ending: str) -> None:
    outcomes.breaks(rig, rig.alone(Manner(breaks=ending, after=3), kind=kind), "cut", words=3)


# 11. An error inside a 200 stream


@both_modes
@both_kinds
def test_an_error_before_the_content_of_a_200(rig: Rig, kind: str, stream: bool) -> None:
    pair = rig.pair(Manner(breaks="error"), kind=kind)
    seen = outcomes.fails_over(rig, pair, "server", stream=stream)
    assert rig.is_billed_right(seen).states == ["released", "settled"]


@both_kinds
def test_an_error_inside_a_200_stream(rig: Rig, kind: str) -> None:
    outcomes.breaks(rig, rig.alone(Manner(breaks="error", after=3), kind=kind), "server", words=3)


# 12. Malformed chunks


@both_modes
@both_kinds
@pytest.mark.parametrize("nonsense", ["broken-json", "bad-utf8", "not-a-chunk"])
def test_nonsense_before_the_content(rig: Rig, nonsense: str, kind: str, stream: bool) -> None:
    pair = rig.pair(Manner(breaks=nonsense), kind=kind)
    seen = outcomes.fails_over(rig, pair, "malformed", stream=stream)
    assert rig.is_billed_right(seen).states == ["released", "settled"]


@both_kinds
@pytest.mark.parametrize("nonsense", ["broken-json", "bad-utf8", "not-a-chunk"])
def test_nonsense_after_content(rig: Rig, nonsense: str, kind: str) -> None:
    outcomes.breaks(
        rig, rig.alone(Manner(breaks=nonsense, after=3), kind=kind), "malformed", words=3
    )
