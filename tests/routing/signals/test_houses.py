"""A house's own signals stand beside KORA's, and a bad one stands in nobody's way."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from routing import questions
from routing.rules import conditions
from routing.signals import houses

PROMPT = questions.parse(
    orjson.dumps(
        {"model": "auto", "messages": [{"role": "user", "content": "NOW!! " + "x" * 300}]}
    ),
    {},
)
HERE = "tests.routing.signals.tone"


def test_own_signals_are_named_by_their_module(settings: Any) -> None:
    settings.KORA_SIGNALS = [f"{HERE}.read"]
    found = houses.read(PROMPT)
    assert found.own["tone.angry"] is True
    assert found.own["tone.shouts"] == 3
    assert len(str(found.own["tone.first"])) == 200
    assert found.as_json()["tone.angry"] is True
    assert conditions.read({"signal": "tone.shouts", "more_than": 2}, own=houses.words())


@pytest.mark.parametrize("bad", ["fail", "misread"])
def test_one_that_fails_stands_in_nobodys_way(settings: Any, bad: str) -> None:
    settings.KORA_SIGNALS = [f"{HERE}.{bad}", f"{HERE}.read"]
    assert houses.read(PROMPT).own["tone.angry"] is True


def test_without_any_there_are_only_koras() -> None:
    assert houses.read(PROMPT).own == {}
    assert houses.words() == frozenset()


@pytest.mark.parametrize("path", ["read", "acme.health.read", "tests.routing.signals.tone.none"])
def test_a_path_that_cannot_be_is_refused(settings: Any, path: str) -> None:
    settings.KORA_SIGNALS = [path]
    with pytest.raises((ValueError, ImportError, AttributeError)):
        houses.words()
