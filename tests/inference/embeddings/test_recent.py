"""The memory of vectors stays within its bounds and forgets the longest unused first."""

from __future__ import annotations

from inference.embeddings import recent
from inference.embeddings.recent import Known, Recent

VECTOR = Known(b"\0" * 100, 3, truncated=False)


def test_the_least_recently_used_goes_first() -> None:
    known = Recent(most=2)
    known.remember(b"a", VECTOR)
    known.remember(b"b", VECTOR)
    assert known.find(b"a")
    known.remember(b"c", VECTOR)
    assert known.find(b"b") is None
    assert known.find(b"a")
    assert known.find(b"c")


def test_bytes_are_a_bound_of_their_own() -> None:
    known = Recent(most_bytes=3 * (100 + recent.OVERHEAD_BYTES))
    for number in range(10):
        known.remember(bytes([number]), VECTOR)
        known.remember(bytes([number]), VECTOR)
    assert len(known) == 3


def test_a_key_is_of_one_embedder_one_team_and_one_text() -> None:
    keys = {
        recent.key(name, domain, text)
        for name in ("x:q8_0", "x:f16")
        for domain in ("", "red")
        for text in ("a", "b", "")
    }
    assert len(keys) == 12
