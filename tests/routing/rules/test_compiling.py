"""Compiled rules say what the page says, for any rules and any request."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from routing.rules import conditions, judging, reading
from routing.rules.compiling import Compiler
from routing.signals.facts import UNKEPT, Facts
from tests.routing.rules import making

LISTS = 10_000
EFFECTS = ({"use": "x"}, {"use": "y", "continue": True}, {"deny": "no"}, {"reply": "yes"},
           {"only": ["x", "y"], "continue": True})  # fmt: skip


def test_ten_thousand_random_lists_are_judged_as_their_words_say() -> None:
    for seed in range(LISTS):
        chance = Random(seed)
        rules = [
            {"name": f"r{n}", "when": making.condition(chance), "then": chance.choice(EFFECTS)}
            for n in range(chance.randint(1, 6))
        ]
        request = making.request(chance)
        compiled = reading.compiled(rules)
        assert not compiled.broken
        held = judging.judge(compiled, Facts(request)).held
        assert held == tuple(expected(rules, request)), (seed, rules, request)


def expected(rules: list[dict[str, Any]], request: dict[str, Any]) -> Iterator[str]:
    for rule in rules:
        if making.holds(conditions.read(rule["when"]), request):
            yield rule["name"]
            if not rule["then"].get("continue"):
                return


def test_what_is_said_without_some_facts_is_so_whatever_they_are() -> None:
    decided = 0
    for seed in range(3_000):
        chance = Random(seed)
        condition, request = conditions.read(making.condition(chance)), making.request(chance)
        hidden = chance.sample(making.NAMES, chance.randint(0, 4))
        compiler = Compiler()
        held = compiler.compile(condition)
        part = held(Facts(request | dict.fromkeys(hidden, UNKEPT)), compiler.unasked())
        assert part in (None, making.holds(condition, request)), (seed, hidden)
        assert part is not None or hidden
        decided += part is not None
    assert decided > 1_500
