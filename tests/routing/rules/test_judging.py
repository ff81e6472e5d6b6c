"""Rules in their order: what ends them, and what several of them ask for together."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from routing.rules import effects, judging, reading
from routing.rules.errors import Unreadable
from routing.rules.judging import Undecided
from routing.rules.values import Ruling
from routing.signals.facts import UNKEPT, Facts

LONG = {"signal": "turns", "more_than": 3}


def rule(name: str, then: dict[str, Any], when: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": name, "when": when or {}, "then": then, "enabled": True}


def ruled(*rules: dict[str, Any], before: Ruling | None = None, **facts: Any) -> Ruling:
    compiled = reading.compiled(rules)
    assert not compiled.broken
    return judging.judge(compiled, Facts(facts), before or Ruling())


def test_the_first_that_holds_ends_it() -> None:
    found = ruled(
        rule("off", {"use": "x"}) | {"enabled": False},
        rule("long", {"use": "big"}, LONG),
        rule("all", {"use": "small"}),
        rule("never", {"deny": "no"}),
        turns=1,
    )
    assert found.held == ("all",)
    assert found.effects.use == "small"
    assert not found.is_final
    assert found.reason == ""


def test_those_that_continue_narrow_what_follows() -> None:
    found = ruled(
        rule("a", {"only": ["x", "y"], "set": {"max_cost": "0.02"}, "continue": True}),
        rule("b", {"only": ["y", "z"], "avoid": ["q"], "use": "y", "continue": True}),
        rule(
            "c",
            {
                "use": "x",
                "avoid": ["r"],
                "set": {"max_cost": 0.1, "min_quality": 0.5, "locality": "local"},
                "cache": {"mode": "no-store", "similarity": 0.9},
            },
        ),
    )
    assert found.held == ("a", "b", "c")
    assert found.effects.use == "y"
    assert found.effects.only == frozenset({"y"})
    assert found.effects.avoid == frozenset({"q", "r"})
    assert found.effects.constraints == {
        "max_cost": Decimal("0.02"), "min_quality": 0.5, "locality": "local"
    }  # fmt: skip
    assert found.effects.cache == {"mode": "no-store", "similarity": 0.9}


def test_everyones_rules_come_first_and_the_teams_only_narrow_them() -> None:
    everyone = ruled(
        rule("house", {"use": "x", "set": {"max_latency_ms": 900}, "weights": {"usd": 2}})
    )
    found = ruled(
        rule("own", {"use": "y", "only": ["x"], "set": {"max_latency_ms": 5000}, "weights": {}}),
        before=everyone,
    )
    assert found.held == ("house", "own")
    assert found.effects.use == "x"
    assert found.effects.constraints == {"max_latency_ms": 900}
    assert found.effects.settings == {"weights": {"usd": 2}}
    final = ruled(rule("house", {"deny": "not here"}))
    assert ruled(rule("own", {"reply": "yes"}), before=final) is final


def test_a_refusal_and_an_answer_say_which_rule_it_was() -> None:
    denied = ruled(rule("long", {"deny": "Too long a talk."}, LONG), turns=4)
    assert (denied.deny, denied.reason, denied.is_final) == ("Too long a talk.", "rule:long", True)
    said = ruled(
        rule("hello", {"reply": "{{user}}: {{question}} {{turns}}{{tags.x}} {{stream}}"}),
        user="Ann", question="{{user}} \"?", turns=2, stream=False, form="chat",
    )  # fmt: skip
    assert said.reply == 'Ann: {{user}} "? 2 no'
    assert said.reason == "rule:hello"
    assert ruled(rule("braces", {"reply": {"text": "{{user}}"}}), form="chat").reply == "{{user}}"
    assert not ruled(rule("hello", {"reply": "hello"}), form="embeddings").held


def test_a_receipt_tells_what_was_ruled() -> None:
    found = ruled(rule("a", {"only": ["x"], "set": {"max_cost": 1}, "continue": True}),
                  rule("b", {"only": ["y"]}))  # fmt: skip
    assert found.as_json() == {"held": ["a", "b"], "only": [], "constraints": {"max_cost": "1"}}
    assert ruled(rule("a", {"reply": "x"}), form="chat").as_json() == {"held": ["a"], "reply": True}


def test_what_a_receipt_does_not_have_leaves_a_rule_undecided() -> None:
    with pytest.raises(Undecided) as caught:
        ruled(
            rule("cheap", {"use": "x"}, LONG),
            rule("words", {"use": "y"}, {"signal": "question", "contains": "x"}),
            question=UNKEPT,
            turns=1,
        )
    assert caught.value.rule == "words"


def test_a_rule_that_cannot_be_read_any_more_stops_no_other() -> None:
    broken = rule("broken", {"use": "x"}, {"signal": "gone", "is": 1})
    compiled = reading.compiled([broken, rule("fine", {"use": "y"})])
    assert compiled.broken == {"broken": "when.signal: there is no such signal"}
    assert judging.judge(compiled, Facts({})).held == ("fine",)


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        ("default", "no-cache", "no-cache"),
        ("no-store", "default", "no-store"),
        ("only", "only", "only"),
        ("no-cache", "no-store", "off"),
        ("off", "no-store", "off"),
        ("only", "no-store", "only"),
        ("only", "no-cache", ""),
        ("off", "only", ""),
    ],
)
def test_of_two_cache_modes_both_prohibitions_hold(first: str, second: str, both: str) -> None:
    assert effects.modes(first, second) == effects.modes(second, first) == both


@pytest.mark.parametrize(
    ("then", "place"),
    [
        ({}, "then"),
        ({"continue": True}, "then"),
        ("x", "then"),
        ({"uses": "x"}, "then.uses"),
        ({"use": ""}, "then.use"),
        ({"only": []}, "then.only"),
        ({"avoid": ["x", 7]}, "then.avoid[1]"),
        ({"deny": "no", "use": "x"}, "then.use"),
        ({"reply": "no", "continue": True}, "then.continue"),
        ({"deny": ""}, "then.deny"),
        ({"reply": "{{intnt}}"}, "then.reply"),
        ({"reply": "{{intent}}"}, "then.reply"),
        ({"reply": {"text": 1}}, "then.reply.text"),
        ({"cache": {}}, "then.cache"),
        ({"cache": {"mode": "never"}}, "then.cache.mode"),
        ({"cache": {"ttl": 1}}, "then.cache.ttl"),
        ({"cache": {"max_age": -1}}, "then.cache.max_age"),
        ({"set": {"max_cost": "much"}}, "then.set.max_cost"),
        ({"set": {"max_cost": True}}, "then.set.max_cost"),
        ({"set": {"min_quality": 2}}, "then.set.min_quality"),
        ({"set": {"locality": "here"}}, "then.set.locality"),
        ({"weights": 3}, "then.weights"),
        ({"weights": {"usd": "much"}}, "then.weights.usd"),
        ({"weights": {"auto": {"usd": -1}}}, "then.weights.auto.usd"),
        ({"weights": {"auto": {"usd": 1}, "usd": 3}}, "then.weights.usd"),
        ({"explore": {"mode": "wild"}}, "then.explore.mode"),
        ({"explore": {"usd_a_day": 1}}, "then.explore.usd_a_day"),
        ({"explore": "apply"}, "then.explore"),
        ({"sticky": {"hours": 1}}, "then.sticky.hours"),
        ({"sticky": None}, "then.sticky"),
        ({"cascade": {"verify": ["spelling"]}}, "then.cascade.verify"),
        ({"use": "x", "continue": 1}, "then.continue"),
    ],
)
def test_a_mistake_in_what_follows_is_said_with_its_place(then: Any, place: str) -> None:
    with pytest.raises(Unreadable) as caught:
        effects.read(then)
    assert caught.value.place == place


@pytest.mark.parametrize(
    "then",
    [
        {"explore": False},
        {"explore": {"mode": "bypass", "share": 0.1}},
        {"sticky": False},
        {"sticky": {"minutes": 5}},
        {"cascade": True},
        {"cascade": {"verify": ["model"]}},
        {"weights": {"auto": {"usd": 20}, "auto:cheap": {"floor": 0.5}}},
    ],
)
def test_what_the_settings_may_say_a_rule_may_say_for_its_requests(then: Any) -> None:
    assert effects.read(then)[0].settings == then
