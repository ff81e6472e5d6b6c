"""Conditions as somebody writes them: what is read, what is refused, and where it says so."""

from __future__ import annotations

from typing import Any

import pytest

from routing.rules import conditions
from routing.rules.compiling import Compiler
from routing.rules.errors import Unreadable
from routing.signals import words
from routing.signals.facts import UNKEPT, Facts


def holds(when: dict[str, Any], **facts: Any) -> bool | None:
    compiler = Compiler()
    held = compiler.compile(conditions.read(when))
    return held(
        Facts({name.replace("__", "."): v for name, v in facts.items()}), compiler.unasked()
    )


@pytest.mark.parametrize(
    ("leaf", "facts", "expected"),
    [
        ({"signal": "turns", "is": 2}, {"turns": 2}, True),
        ({"signal": "turns", "is": 2.0}, {"turns": 2}, True),
        ({"signal": "turns", "is_not": 2}, {"turns": 3}, True),
        ({"signal": "turns", "in": [1, 2]}, {"turns": 2}, True),
        ({"signal": "turns", "not_in": [1, 2]}, {"turns": 2}, False),
        ({"signal": "turns", "more_than": 2}, {"turns": 2}, False),
        ({"signal": "turns", "at_least": 2}, {"turns": 2}, True),
        ({"signal": "turns", "less_than": 2}, {"turns": 2}, False),
        ({"signal": "turns", "at_most": 2}, {"turns": 2}, True),
        ({"signal": "turns", "between": [2, 4]}, {"turns": 4}, True),
        ({"signal": "turns", "between": [2, 4]}, {"turns": 5}, False),
        ({"signal": "tools", "is": True}, {"tools": True}, True),
        ({"signal": "tools", "is_not": True}, {"tools": False}, True),
        ({"signal": "question", "contains": "REFUND"}, {"question": "A refund, please"}, True),
        ({"signal": "question", "starts_with": "a re"}, {"question": "A refund, please"}, True),
        ({"signal": "question", "ends_with": "Please"}, {"question": "A refund, please"}, True),
        ({"signal": "question", "matches": r"\d{4}-\d\d"}, {"question": "on 2026-11"}, True),
        ({"signal": "question", "matches": "^on$"}, {"question": "on 2026-11"}, False),
        ({"signal": "question", "matches": "a.b"}, {"question": "a\ud800b"}, True),
        ({"signal": "model", "is": "Auto"}, {"model": "auto"}, False),
        ({"signal": "tags.app", "is": "shop"}, {"tags__app": "shop"}, True),
        ({"signal": "metadata.level", "is": True}, {"metadata__level": 1}, False),
        ({"signal": "metadata.level", "more_than": 3}, {"metadata__level": "4"}, False),
        ({"signal": "metadata.level", "in": [1, "x", True]}, {"metadata__level": True}, True),
        ({"signal": "user", "exists": True}, {"user": "ann"}, True),
        ({"signal": "user", "exists": False}, {"user": "ann"}, False),
        ({}, {}, True),
    ],
)
def test_each_operator_holds_where_it_says(
    leaf: dict[str, Any], facts: dict[str, Any], expected: bool
) -> None:
    assert holds(leaf, **facts) is expected


@pytest.mark.parametrize(
    "operator", [{"is": "x"}, {"is_not": "x"}, {"not_in": ["x"]}, {"contains": "x"}]
)
def test_nothing_is_said_of_what_is_not_there(operator: dict[str, Any]) -> None:
    assert holds({"signal": "tags.app", **operator}) is False
    assert holds({"not": {"signal": "tags.app", **operator}}) is True
    assert holds({"signal": "tags.app", "exists": False}) is True


def test_branches_join_leaves() -> None:
    german = {"signal": "language", "is": "de"}
    long = {"signal": "turns", "more_than": 3}
    assert holds({"all": [german, {"not": long}]}, language="de", turns=1) is True
    assert holds({"any": [german, long]}, language="en", turns=1) is False
    assert holds({"any": [german, {"all": [long, german]}]}, language="en", turns=9) is False


def test_what_was_not_kept_leaves_open_only_what_hangs_on_it() -> None:
    known, unkept = {"signal": "turns", "is": 1}, {"signal": "question", "contains": "x"}
    facts = {"turns": 1, "question": UNKEPT}
    assert holds({"all": [known, unkept]}, **facts) is None
    assert holds({"all": [{"not": known}, unkept]}, **facts) is False
    assert holds({"any": [unkept, known]}, **facts) is True
    assert holds({"any": [unkept, {"not": known}]}, **facts) is None
    assert holds({"not": unkept}, **facts) is None
    assert holds({"signal": "question", "exists": True}, **facts) is None


NESTED: dict[str, Any] = {"signal": "turns", "is": 1}
for _ in range(16):
    NESTED = {"not": NESTED}


@pytest.mark.parametrize(
    ("when", "place"),
    [
        ([], "when"),
        ({"all": []}, "when.all"),
        ({"all": [{}]}, "when.all[0]"),
        ({"some": []}, "when.some"),
        ({"all": [], "any": []}, "when"),
        ({"all": [{"signal": "turns", "is": 1}, {"any": 7}]}, "when.all[1].any"),
        ({"signal": "turn", "is": 1}, "when.signal"),
        ({"signal": 7, "is": 1}, "when.signal"),
        ({"signal": "tags.", "is": "x"}, "when.signal"),
        ({"signal": "turns"}, "when"),
        ({"signal": "turns", "over": 1}, "when.over"),
        ({"signal": "turns", "is": 1, "in": [1]}, "when"),
        ({"all": [{"signal": "turns", "more_than": "3"}]}, "when.all[0].more_than"),
        ({"signal": "turns", "more_than": True}, "when.more_than"),
        ({"signal": "turns", "more_than": float("nan")}, "when.more_than"),
        ({"signal": "turns", "between": [4, 2]}, "when.between"),
        ({"signal": "turns", "contains": "x"}, "when.contains"),
        ({"signal": "tools", "more_than": 1}, "when.more_than"),
        ({"signal": "tools", "is": "yes"}, "when.is"),
        ({"signal": "turns", "in": []}, "when.in"),
        ({"signal": "turns", "in": ["x"]}, "when.in"),
        ({"signal": "weekday", "is": "Mon"}, "when.is"),
        ({"not": {"signal": "question", "matches": "(?<=a)b"}}, "when.not.matches"),
        ({"signal": "question", "matches": "x" * 1001}, "when.matches"),
        ({"signal": "question", "contains": ""}, "when.contains"),
        ({"signal": "user", "exists": "yes"}, "when.exists"),
        ({"any": [{"signal": "turns", "is": 1}] * 500}, "when.any[499]"),
        (NESTED, "when" + ".not" * 16),
    ],
)
def test_a_mistake_is_said_with_its_place(when: Any, place: str) -> None:
    with pytest.raises(Unreadable) as caught:
        conditions.read(when)
    assert caught.value.place == place
    assert str(caught.value) == f"{place}: {caught.value.why}"


def test_a_mistyped_name_gets_the_nearest_one() -> None:
    with pytest.raises(Unreadable, match=r"no such signal; prompt_tokens\?"):
        conditions.read({"signal": "promt_tokens", "is": 1})


def test_the_same_question_in_several_rules_is_asked_once() -> None:
    asked = []

    def intent() -> str:
        asked.append("intent")
        return "chat"

    compiler = Compiler()
    leaf = {"signal": "intent", "is": "chat"}
    rules = [compiler.compile(conditions.read(w)) for w in (leaf, {"not": leaf}, {"all": [leaf]})]
    facts, answers = Facts({}, {"intent": intent}), compiler.unasked()
    assert [rule(facts, answers) for rule in rules] == [True, False, True]
    assert asked == ["intent"]
    assert compiler.count == 1


def test_what_is_dear_is_asked_last() -> None:
    def never() -> str:
        raise AssertionError("the cheap one had decided it")

    compiler = Compiler()
    intent, turns = {"signal": "intent", "is": "x"}, {"signal": "turns", "is": 1}
    nested = {"any": [intent, turns]}
    for when in ({"all": [intent, {"not": turns}]}, {"any": [{"all": [nested, intent]}, turns]}):
        held = compiler.compile(conditions.read(when))
        held(Facts({"turns": 1}, {"intent": never}), [...] * 9)


def test_many_patterns_are_looked_for_in_one_pass() -> None:
    texts: list[str] = []

    def question() -> str:
        texts.append("x")
        return "the word7 and the word12, " + "w" * 300_000 + " word3"

    compiler = Compiler()
    rules = [
        compiler.compile(conditions.read({"signal": "question", "matches": rf"\bword{n}\b"}))
        for n in range(20)
    ]
    facts, answers = Facts({}, {"question": question}), compiler.unasked()
    assert [n for n, rule in enumerate(rules) if rule(facts, answers)] == [3, 7, 12]
    assert texts == ["x"]
    assert compiler.count == 1
    unkept = Facts({"question": UNKEPT})
    assert rules[0](unkept, compiler.unasked()) is None
    assert rules[0](Facts({"question": 7}), compiler.unasked()) is False


def test_patterns_that_do_not_fit_into_one_set_are_looked_for_in_several() -> None:
    large = [rf"a{n}.{{{n}}}[\pL\pN]{{30}}z" for n in range(60)]
    patterns = words.groups([*large, "needle"])
    assert len(patterns) > 1
    assert sum(each.size for each in patterns) == 61
    assert list(patterns[-1].found("a needle")) == [patterns[-1].size - 1]
