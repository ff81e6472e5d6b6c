"""How a scenario may end: somebody else answers, nobody does, or the stream says that it broke."""

from __future__ import annotations

import openai

from tests.faults.lab import scripts
from tests.faults.lab.rig import Pair, Rig, Seen


def fails_over(rig: Rig, pair: Pair, failure: str, *, stream: bool) -> Seen:
    """The good one answers, and the book has both attempts in order."""
    seen = rig.ask(stream=stream, key=pair.key)
    booked = rig.booked(seen)
    tried = [(each["backend"], each["failure"]) for each in booked.attempts]
    assert tried == [(pair.bad, failure), (pair.good, "")], rig.why(seen)
    assert seen.is_whole and seen.backend == pair.good
    reason = seen.headers["x-kora-reason"]
    assert reason == f"fallback:{failure}", reason
    assert (booked.state, booked.status) == ("answered", 200)
    assert booked.states[-1] == "settled"
    return seen


def fails(rig: Rig, model: str, *, stream: bool, tries: int) -> Seen:
    """What the SDK raises when nobody can answer, and nothing is charged for it."""
    seen = rig.ask(model, stream=stream)
    assert isinstance(seen.error, openai.InternalServerError)
    assert (seen.error.status_code, seen.error.code) == (502, "upstream_failed")
    assert isinstance(seen.error.body, dict)
    assert 1 <= len(seen.error.body["attempts"]) <= tries
    booked = rig.is_billed_right(seen)
    assert (booked.state, booked.error_code) == ("failed", "upstream_failed")
    return seen


def breaks(rig: Rig, model: str, failure: str, *, words: int) -> Seen:
    """A stream that was begun ends with an error, billed for the words that came."""
    seen = rig.ask(model, stream=True)
    assert seen.text == scripts.text_of(words)
    assert isinstance(seen.error, openai.APIError)
    assert seen.error.code == "upstream_failed"
    booked = rig.is_billed_right(seen)
    assert (booked.state, booked.failures, booked.states) == ("failed", [failure], ["settled"])
    assert booked.charged[0]["completion_tokens"] == words
    assert booked.charged[0]["estimated"]
    assert_not_stored(rig, seen)
    return seen


def assert_not_stored(rig: Rig, seen: Seen) -> None:
    query = "SELECT count(*) AS n FROM caching_entry WHERE question LIKE %s"
    assert rig.plant.rows(query, f"%{seen.session}%")[0]["n"] == 0, "a part was stored"
