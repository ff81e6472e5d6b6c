"""Candidates as a picture: one scale for those in the running, and words for all."""

from __future__ import annotations

from typing import Any

from analytics import rivals


def candidate(name: str, **said: Any) -> dict[str, Any]:
    return {"backend": name, "tier": "cloud", "excluded": "", **said}


def parts(quality: float, cost: float = 0.0, miss: float = 0.0) -> dict[str, float]:
    return {"quality": quality, "cost": -cost, "miss": -miss, "switch": 0.0}


def test_what_speaks_against_one_lies_left_of_what_speaks_for_it() -> None:
    rows = [
        candidate("a", score=0.5, parts=parts(0.8, cost=0.2, miss=0.1)),
        candidate("b", score=0.2, parts=parts(0.4, cost=0.2)),
    ]
    first, second = rivals.told(rows, {"a": ("Answered", "ok")})
    by_name = {piece.name: piece for piece in first.pieces}
    assert by_name["quality"].x == first.zero == second.zero
    assert by_name["cost"].x + by_name["cost"].width == first.zero
    assert by_name["miss"].x == 0.0
    assert by_name["quality"].x + by_name["quality"].width == 100.0
    assert first.at is not None
    assert first.zero < first.at < 100


def test_one_that_is_out_does_not_squeeze_the_others() -> None:
    rows = [
        candidate("a", score=0.8, parts=parts(0.8)),
        candidate("dear", score=-99.0, parts=parts(1.0, cost=100.0), excluded="max-cost"),
    ]
    first, out = rivals.told(rows, {})
    assert [piece.width for piece in first.pieces] == [100.0]
    assert (out.pieces, out.at) == ((), None)
    assert out.verdict == "Left out: it could cost more than the request's max cost"


def test_receipts_of_an_older_kora_are_read() -> None:
    (only,) = rivals.told([{"backend": "x", "excluded": "something-new"}], {})
    assert (only.verdict, only.score, only.pieces) == ("Left out: something-new", None, ())


def test_the_picture_is_words_too() -> None:
    (only,) = rivals.told([candidate("a", score=0.5, parts=parts(0.7, cost=0.2))], {})
    assert only.told == "quality +0.7000, cost -0.2000"
