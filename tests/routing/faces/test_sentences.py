"""Rules in words, and versions beside each other."""

from __future__ import annotations

from typing import Any

import pytest

from routing.faces import differences, sentences

CODE = {"signal": "code", "is": True}
LONG = {"signal": "prompt_tokens", "more_than": 2000}

CONDITIONS: list[tuple[Any, str]] = [
    ({}, "always"),
    (CODE, "code is yes"),
    ({"all": [CODE, LONG]}, "code is yes and prompt tokens is more than 2000"),
    ({"any": [CODE, {"all": [LONG, CODE]}]},
     "code is yes or (prompt tokens is more than 2000 and code is yes)"),
    ({"not": {"any": [CODE, LONG]}}, "not (code is yes or prompt tokens is more than 2000)"),
    ({"signal": "tags.tier", "in": ["gold", "silver"]}, "tags.tier is one of “gold”, “silver”"),
    ({"signal": "hour", "between": [9, 17]}, "hour is between 9 and 17"),
    ({"signal": "session", "exists": False}, "session is absent"),
    ({"something": "else"}, '{"something": "else"}'),
    ("no condition", '"no condition"'),
]  # fmt: skip

EFFECTS: list[tuple[Any, list[str]]] = [
    ({"only": ["a", "b"], "continue": True},
     ["only a, b may answer", "then go on with the next rule"]),
    ({"deny": "No."}, ["refuse: “No.”"]),
    ({"set": {"max_cost": 0.01, "locality": "local"}},
     ["at most $0.01 a request, nothing leaves this machine"]),
    ({"cache": {"mode": "off", "max_age": 60}}, ["stored answers: mode off, max age 60"]),
    ({"weights": {"usd": 5}}, ["weights: usd 5"]),
    ([], ["[]"]),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "words"), CONDITIONS)
def test_conditions_are_read_aloud(condition: Any, words: str) -> None:
    assert sentences.when(condition) == words


@pytest.mark.parametrize(("effects", "words"), EFFECTS)
def test_effects_are_read_aloud(effects: Any, words: list[str]) -> None:
    assert sentences.then(effects) == words


def test_a_difference_says_both_sides_in_words() -> None:
    before = {"rules": [{"name": "r", "when": CODE, "then": {"deny": "No."}}], "settings": {}}
    after = {
        "rules": [{"name": "r", "when": {}, "then": {"deny": "No."}}],
        "settings": {"weights": {"auto": {"usd": 9}}},
    }
    rule, setting = differences.told(before, after)
    assert (rule.what, rule.before, rule.after) == ("When", ["code is yes"], ["always"])
    assert (setting.kind, setting.name, setting.after) == ("new", "weights.auto.usd", ["9"])
