"""The pairs written to deceive are enough, of every kind, and each stands there once."""

from __future__ import annotations

from benchmarks.cache import adversarial


def test_there_are_enough_of_each_sort() -> None:
    pairs = adversarial.pairs()
    assert sum(not pair.same for pair in pairs) >= 300
    assert sum(pair.same for pair in pairs) >= 100
    kinds = {pair.kind for pair in pairs if not pair.same}
    assert {"numbers", "dates", "negation", "names", "order", "units", "comparatives"} <= kinds


def test_no_pair_stands_there_twice_or_says_nothing() -> None:
    pairs = [frozenset((pair.a, pair.b)) for pair in adversarial.pairs()]
    assert len(set(pairs)) == len(pairs)
    assert all(len(pair) == 2 and all(pair) for pair in pairs)
