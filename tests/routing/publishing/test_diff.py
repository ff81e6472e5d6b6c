"""Differences between versions, as a person would tell them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.publishing import diff


def rule(name: str, **said: Any) -> dict[str, Any]:
    return {"name": name, "when": {}, "then": {"deny": "no"}, "enabled": True, **said}


def content(*rules: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {"rules": list(rules), "settings": settings}


A, B, C = rule("a"), rule("b"), rule("c")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (content(A), content(A), []),
        (content(A), content(A, B), ["added b"]),
        (content(A, B), content(A), ["removed b"]),
        (content(A, B, C), content(C, A, B), ["moved c position"]),
        (content(A), content(rule("a", enabled=False)), ["changed a enabled"]),
        (content(A), content(rule("a", when={"all": []})), ["changed a when"]),
        (content(), content(weights={"auto": {"usd": 1}}), ["added weights.auto.usd"]),
        (
            content(weights={"auto": {"usd": 1, "miss": 2}}),
            content(weights={"auto": {"usd": 3, "miss": 2}}),
            ["changed weights.auto.usd"],
        ),
        (content(time_zone="UTC"), content(), ["removed time_zone"]),
    ],
)
def test_says_what_is_otherwise(
    before: dict[str, Any], after: dict[str, Any], said: list[str]
) -> None:
    found = diff.changes(before, after)
    assert [" ".join(filter(None, (c.kind, c.name, c.field))) for c in found] == said


@given(st.permutations("abcdef"), st.permutations("abcdef"))
def test_moving_what_it_says_makes_the_old_order_the_new_one(
    old: list[str], new: list[str]
) -> None:
    found = diff.changes(content(*map(rule, old)), content(*map(rule, new)))
    stayed = [name for name in old if name not in {change.name for change in found}]
    assert stayed == [name for name in new if name in stayed]
    assert bool(found) is (old != new)
