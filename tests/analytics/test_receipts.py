"""A receipt is drawn from what it keeps, whatever that is."""

from __future__ import annotations

from typing import Any

import pytest

from analytics import receipts
from analytics.models import Exchange


def exchange(receipt: Any, **columns: Any) -> Exchange:
    return Exchange(receipt=receipt, **{"model_asked": "auto", "total_ms": 100.0, **columns})


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"stages": None, "attempts": None, "candidates": None, "signals": None},
        {"stages": ["odd"], "attempts": [{}], "candidates": [{}], "signals": []},
        {"stages": [{"name": "key"}], "attempts": [{"backend": "b"}]},
        {"stages": [{"name": None, "at_ms": "x", "ms": None}]},
        [],
        None,
    ],
)
def test_missing_and_odd_parts_are_survived(kept: Any) -> None:
    story = receipts.story(exchange(kept, state="answered"))
    assert story.state == "Answered"
    assert all(0 <= bar.x <= 100 and bar.width > 0 for bar in story.bars)


def test_bars_stand_on_the_scale_of_the_whole_request() -> None:
    kept = {
        "stages": [{"name": "exact_cache", "at_ms": 0, "ms": 50, "note": "miss"}],
        "attempts": [
            {"number": 1, "backend": "slow", "started_ms": 50, "ms": 25, "outcome": "timeout"},
            {"number": 2, "backend": "quick", "started_ms": 75, "first_content_ms": 80, "ms": 25,
             "outcome": "answered", "tokens": 12, "compute_s": 0.25},
        ],
    }  # fmt: skip
    first, second, third = receipts.bars(kept, 100)
    assert (first.name, first.x, first.width, first.note) == ("Exact cache", 0, 50, "miss")
    assert (second.kind, second.x, second.width) == ("attempt-bad", 50, 25)
    assert (third.kind, third.first_x) == ("attempt-ok", 80)
    assert "12 tokens · 0.250 s computed" in third.note


def test_an_attempt_without_an_end_lasts_until_its_content() -> None:
    kept = {"attempts": [{"backend": "b", "started_ms": 10, "first_content_ms": 60, "ms": -1}]}
    (bar,) = receipts.bars(kept, 100)
    assert (bar.kind, bar.x, bar.width) == ("attempt-ok", 10, 50)


def test_every_candidate_says_what_became_of_it() -> None:
    kept = {
        "candidates": [
            {"backend": "dear", "tier": "cloud", "score": 0.9, "excluded": "max-cost"},
            {"backend": "second", "tier": "cloud", "score": 0.5, "excluded": ""},
            {"backend": "broken", "tier": "cloud", "score": 0.8, "excluded": ""},
            {"backend": "won", "tier": "local", "score": 0.7, "excluded": ""},
        ],
        "attempts": [{"backend": "broken"}, {"backend": "won"}],
    }
    rivals = receipts.story(exchange(kept, backend="won", state="answered")).rivals
    assert [(rival.backend, rival.verdict) for rival in rivals] == [
        ("won", "Answered"),
        ("broken", "Tried and failed"),
        ("second", "Ranked behind the one that answered"),
        ("dear", "Left out: it could cost more than the request's max cost"),
    ]


@pytest.mark.parametrize(
    ("state", "verdict"),
    [("failed", "Tried and failed"), ("cancelled", "Was answering when the client left")],
)
def test_no_candidate_answered_a_request_without_an_answer(state: str, verdict: str) -> None:
    named = [{"backend": name, "excluded": ""} for name in ("last", "other")]
    kept = {"candidates": named, "attempts": [{"backend": "last"}]}
    rivals = receipts.story(exchange(kept, backend="last", state=state)).rivals
    assert [rival.verdict for rival in rivals] == [verdict, "Not tried"]


def test_a_note_keeps_a_machine_word_as_it_is() -> None:
    kept = {"stages": [{"name": "decide", "ms": 1, "note": "policy:named-model"}]}
    assert receipts.bars(kept, 1)[0].note == "policy:named-model"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (
            "policy:cheapest-feasible",
            "The policy chose the cheapest backend that satisfies every constraint.",
        ),
        ("rule:greetings", "A rule of yours decided: greetings."),
        ("fallback:timeout", "An earlier backend failed (timeout), so the next in line answered."),
        (
            "cache:in-flight",
            "The same request was just being answered, so both share one answer.",
        ),
        ("infeasible", "No backend satisfied every constraint of the request."),
        ("something-new", "Something new"),
        ("", ""),
    ],
)
def test_reasons_are_words(reason: str, words: str) -> None:
    assert receipts.in_words(reason) == words


def test_the_curl_line_cannot_break_out_of_its_quotes() -> None:
    told = receipts.as_curl(
        exchange({}, model_asked="a\"'; rm -rf /", tags={"a": "'; reboot"}), "http://kora"
    )
    assert """"'"'; rm""" in told
    assert "'; reboot" not in told.replace("""'"'"'; reboot""", "")
