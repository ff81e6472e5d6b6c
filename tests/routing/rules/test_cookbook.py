"""The examples of docs/rules.md are rules, and hold where the page says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from routing import questions
from routing.rules import judging, operators, reading
from routing.rules.effects import READERS
from routing.signals import reading as signals
from routing.signals.facts import Facts

PAGE = (Path(__file__).parents[3] / "docs" / "rules.md").read_text()
_, COOKBOOK = PAGE.split("## Cookbook")
EXAMPLE = re.compile(
    r"```json\n(.*?)\n```\n\n?((?:- (?:holds|does not): `[^\n]*`\n)*)", re.M | re.S
)
CASE = re.compile(r"^- (holds|does not): `(.*)`$", re.M)


def examples() -> Iterator[tuple[dict[str, Any], dict[str, Any], bool]]:
    for rule, cases in EXAMPLE.findall(COOKBOOK):
        for word, facts in CASE.findall(cases):
            yield orjson.loads(rule), orjson.loads(facts), word == "holds"


def asked(facts: dict[str, Any]) -> Facts:
    """What is read of such a turn, and what the page says beside it."""
    message = {"role": "user", "content": facts["question"]}
    prompt = questions.parse(orjson.dumps({"model": "auto", "messages": [message]}), {})
    return Facts({"form": "chat", **signals.read(prompt).as_json(), **facts})


@pytest.mark.parametrize(("rule", "facts", "holds"), list(examples()))
def test_an_example_holds_where_the_page_says(
    rule: dict[str, Any], facts: dict[str, Any], holds: bool
) -> None:
    compiled = reading.compiled([rule])
    assert not compiled.broken
    assert judging.judge(compiled, asked(facts)).held == ((rule["name"],) if holds else ())


def test_there_are_enough_of_them_each_both_ways() -> None:
    said: dict[str, set[bool]] = {}
    for rule, _, holds in examples():
        said.setdefault(rule["name"], set()).add(holds)
    assert len(said) >= 8
    assert all(each == {True, False} for each in said.values())


def test_the_example_at_the_beginning_is_a_rule() -> None:
    first = EXAMPLE.search(PAGE)
    assert first
    compiled = reading.compiled([orjson.loads(first[1])])
    card = {"question": "My card is 4111 1111 1111 1111, why?"}
    assert judging.judge(compiled, asked(card)).deny


def test_every_operator_and_every_effect_is_on_the_page() -> None:
    assert [name for name in (*operators.OPERATORS, *READERS) if f"`{name}`" not in PAGE] == []
