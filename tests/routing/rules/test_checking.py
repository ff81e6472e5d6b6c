"""What is reported of a list of rules, and that nothing is reported falsely."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import product
from random import Random
from typing import Any

import pytest

from routing.rules import checking, reading
from routing.rules.checking import Finding, There
from tests.routing.rules import making

T: dict[str, Any] = {"signal": "tools", "is": True}
MANY: dict[str, Any] = {"signal": "turns", "more_than": 5}
ABSENT: dict[str, Any] = {"signal": "user", "exists": False}
X: dict[str, Any] = {"use": "x"}


def found(*rules: tuple[dict[str, Any], dict[str, Any]], there: There = checking.NOBODY) -> Any:
    read = [
        reading.read({"name": name, "when": when, "then": then})
        for name, (when, then) in zip("abcdefg", rules, strict=False)
    ]
    return checking.check(read, there)


def told(*rules: tuple[dict[str, Any], dict[str, Any]], there: There = checking.NOBODY) -> Any:
    return [(each.kind, each.rule, each.with_rule) for each in found(*rules, there=there)]


@pytest.mark.parametrize(
    "when",
    [
        {"all": [MANY, {"signal": "turns", "less_than": 6}]},
        {"all": [MANY, {"signal": "turns", "in": [1, 2]}]},
        {"all": [T, {"not": T}]},
        {"all": [T, {"signal": "tools", "is": False}]},
        {"signal": "hour", "more_than": 23},
        {"signal": "code_share", "at_most": -0.1},
        {"all": [{"signal": "weekday", "is": "monday"}, {"signal": "weekday", "is": "sunday"}]},
        {"signal": "weekday", "contains": "x"},
        {"all": [{"signal": "model", "is": "auto"}, {"signal": "model", "starts_with": "b"}]},
        {"all": [{"signal": "model", "starts_with": "a"}, {"signal": "model", "starts_with": "b"}]},
        {"all": [{"signal": "question", "contains": "refunds"},
                 {"not": {"signal": "question", "contains": "FUND"}}]},
        {"all": [{"signal": "user", "exists": False}, {"signal": "user", "is": "ann"}]},
        {"all": [ABSENT, {"not": ABSENT}]},
        {"all": [{"signal": "metadata.x", "more_than": 1},
                 {"signal": "metadata.x", "contains": "a"}]},
        {"any": [{"all": [T, {"not": T}]}, {"signal": "hour", "less_than": 0}]},
        {"not": {"any": [T, {"not": T}]}},
    ],
)  # fmt: skip
def test_a_condition_that_nothing_meets_is_reported(when: dict[str, Any]) -> None:
    assert told((when, X)) == [("never", "a", "")]


@pytest.mark.parametrize(
    "when",
    [
        {},
        {"all": [MANY, {"signal": "turns", "less_than": 7}]},
        {"all": [{"not": T}, {"not": {"signal": "tools", "is": False}}]},  # where it is absent
        {"all": [{"signal": "question", "contains": "a"}, {"signal": "question", "contains": "b"}]},
        {"all": [{"signal": "code_share", "more_than": 0.1},
                 {"signal": "code_share", "less_than": 0.2}]},
        {"signal": "model", "not_in": ["auto", "big"]},
    ],
)  # fmt: skip
def test_one_that_something_meets_is_not(when: dict[str, Any]) -> None:
    assert told((when, X)) == []


def test_what_an_earlier_rule_leaves_nothing_of_is_reported() -> None:
    assert told(({}, X), (T, X)) == [("unreachable", "b", "a")]
    assert told(({"any": [T, {"not": T}]}, X), (T, X)) == [("unreachable", "b", "a")]
    assert told((T, X), ({"all": [T, MANY]}, {"deny": "no"})) == [("shadowed", "b", "a")]
    few = {"signal": "turns", "at_least": 3}
    assert told((few, X), (MANY, X)) == [("shadowed", "b", "a")]
    assert told((MANY, X), (few, X)) == []
    assert told(({"any": [T, few]}, X), ({"all": [MANY, T]}, X)) == [("shadowed", "b", "a")]
    assert told((T, X), ({"any": [T, MANY]}, X)) == []
    assert told((T, X | {"continue": True}), (T, {"avoid": ["y"]})) == []


def test_a_reply_leaves_embeddings_to_those_behind_it() -> None:
    assert told((T, {"reply": "x"}), (T, X)) == []
    chat = {"all": [T, {"signal": "form", "is": "chat"}]}
    assert told((T, {"reply": "x"}), (chat, X)) == [("shadowed", "b", "a")]


def test_effects_that_cannot_all_be_had_are_reported() -> None:
    there = There(backends={"x", "y"}, models={"x", "y", "auto:best", "fast"})
    assert told((T, {"use": "x", "avoid": ["x"]})) == [("contradiction", "a", "")]
    assert told((T, {"use": "x", "only": ["y"]}), there=there) == [("contradiction", "a", "")]
    assert told((T, {"use": "fast", "only": ["y"]}), there=there) == []
    assert told((T, {"only": ["x"], "avoid": ["x", "y"]})) == [("contradiction", "a", "")]
    more = {"continue": True}
    both = [("contradiction", "b", "a")]
    assert told((T, {"use": "x", **more}), ({"all": [T, MANY]}, {"use": "y"})) == both
    assert told((T, {"only": ["x"], **more}), (T, {"only": ["y"]})) == both
    assert told((T, {"avoid": ["x"], **more}), (T, {"only": ["x"]})) == both
    assert told((T, {"use": "x", **more}), (MANY, {"use": "y"})) == []
    assert told((T, {"use": "x", **more}), (T, {"use": "x", **more})) == [("duplicate", "b", "a")]


def test_names_of_what_there_is_not_are_reported() -> None:
    there = There(backends={"x"}, models={"x", "auto", "fast"}, sets={"words": {"money"}})
    asks = {"any": [{"signal": "words.money", "is": True}, {"signal": "words.gone", "is": True},
                    {"signal": "like.any", "more_than": 0.5}]}  # fmt: skip
    findings = found((asks, {"use": "gone"}), (T, {"only": ["x", "fast"]}), there=there)
    assert [(each.kind, each.rule, each.place) for each in findings] == [
        ("unknown-backend", "a", "then.use"),
        ("unknown-set", "a", "when"),
        ("unknown-backend", "b", "then.only"),
    ]
    assert "gone" in findings[0].words
    assert told((asks, {"use": "gone"})) == []


def test_too_many_alternatives_are_told_nothing_of() -> None:
    wide = {"all": [{"any": [{"signal": f"tags.{a}{b}", "is": "x"} for b in range(4)]}
                    for a in range(8)]}  # fmt: skip
    assert told((wide, X), (wide, X)) == []
    assert told(({}, X), (wide, X)) == []


SIGNALS = ("tools", "hour", "question", "metadata.x")


def test_no_finding_is_false() -> None:
    kinds: Counter[str] = Counter()
    for seed in range(3_000):
        chance = Random(seed)
        rules = [
            reading.read({
                "name": str(n),
                "when": making.condition(chance, SIGNALS, 2),
                "then": X | {"continue": chance.random() < 0.5},
            })
            for n in range(chance.randint(1, 4))
        ]  # fmt: skip
        findings = checking.check(rules)
        kinds.update(each.kind for each in findings)
        for request in every_request() if findings else ():
            held = {rule.name for rule in rules if making.holds(rule.when, request)}
            for each in findings:
                assert not (each.rule in held and is_refuted(each, held)), (seed, each, request)
    assert {"never", "shadowed", "unreachable", "duplicate"} <= set(kinds)


def is_refuted(finding: Finding, held: set[str]) -> bool:
    """By a request in which the rule holds."""
    return finding.kind == "never" or finding.with_rule not in held


@cache
def every_request() -> list[dict[str, Any]]:
    values = [(None, *making.VALUES[name]) for name in SIGNALS]
    return [
        {name: value for name, value in zip(SIGNALS, each, strict=True) if value is not None}
        for each in product(*values)
    ]
