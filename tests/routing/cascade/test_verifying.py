"""What is known of an answer without asking anybody."""

from __future__ import annotations

from typing import Any

import pytest

from routing.cascade import schemas, terms, verifying
from routing.cascade.values import CHECKS, QUICK
from routing.cascade.verifying import Asked

ALL = terms.read({"verify": [name for name in CHECKS if name not in ("consistency", "model")]})
PLAIN = Asked(body={})
SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
WANTS_JSON = Asked(body={"response_format": {"type": "json_object"}})
WANTS_SCHEMA = Asked(
    body={"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}}
)
TOOLS = Asked(body={"tools": [{"function": {"name": "f", "parameters": SCHEMA}}]})
GERMAN = "Das ist die Antwort auf die Frage, und sie ist nicht so lang, wie man denken könnte."


def said(text: str | None = "Yes.", finish: str = "stop", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, **more.pop("message", {})}
    return {"choices": [{"message": message, "finish_reason": finish, **more}]}


def calls(name: str, arguments: str) -> dict[str, Any]:
    call = {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return said(None, "tool_calls", message={"tool_calls": [call]})


@pytest.mark.parametrize(
    ("asked", "answer", "failed"),
    [
        (PLAIN, said(), ""),
        (PLAIN, {"choices": []}, "complete"),
        (PLAIN, said("  "), "complete"),
        (PLAIN, said("I would", "length"), "complete"),
        (PLAIN, said("I'm sorry, but I can't help with that."), "complete"),
        (PLAIN, said("Es tut mir leid, aber ich kann das nicht."), "complete"),
        (PLAIN, said("I'm sorry to hear that. Rest well."), ""),
        (WANTS_JSON, said('{"a": 1}'), ""),
        (WANTS_JSON, said("a: 1"), "format"),
        (WANTS_JSON, said("[1]"), "format"),
        (WANTS_JSON, said("[" * 100_000), "format"),
        (WANTS_SCHEMA, said('{"age": 7}'), ""),
        (WANTS_SCHEMA, said('{"age": "seven"}'), "format"),
        (TOOLS, calls("f", '{"age": 7}'), ""),
        (TOOLS, calls("g", '{"age": 7}'), "format"),
        (TOOLS, calls("f", '{"age": '), "format"),
        (TOOLS, calls("f", "{}"), "format"),
        (PLAIN, said("So:\n```python\nprint(1)\n```"), ""),
        (PLAIN, said("So:\n```python\nprint(1\n```"), "code"),
        (PLAIN, said('So:\n```json\n{"a": }\n```'), "code"),
        (PLAIN, said("So:\n```rust\nfn (\n```"), ""),
        (Asked(body={}, language="de"), said(GERMAN), ""),
        (Asked(body={}, language="en"), said(GERMAN), "language"),
        (Asked(body={}, language="en", speaks_of_languages=True), said(GERMAN), ""),
        (Asked(body={}, question="I paid 1,250 for 3."), said("It was 1250."), ""),
        (Asked(body={}, question="I paid 1,250 for 3."), said("It was 1350."), "numbers"),
        (PLAIN, said(logprobs={"content": [{"logprob": -0.1}]}), ""),
        (PLAIN, said(logprobs={"content": [{"logprob": -3.0}]}), "confidence"),
    ],
)  # fmt: skip
def test_each_check_finds_what_it_is_for(asked: Asked, answer: dict[str, Any], failed: str) -> None:
    found = verifying.verify(ALL, asked, answer)
    assert found.failed == failed, found
    assert bool(found.why) is bool(failed)
    assert (found.score < 1) is bool(failed) or "confidence" in found.scores


def test_the_worst_of_several_choices_counts() -> None:
    good, bad = said('{"a": 1}')["choices"][0], said("a")["choices"][0]
    found = verifying.verify(ALL, WANTS_JSON, {"choices": [good, bad, good]})
    assert (found.failed, found.scores["format"]) == ("format", 0.0)


def test_only_checks_that_are_named_are_made() -> None:
    lenient = terms.read({"verify": ["complete"]})
    assert verifying.verify(lenient, WANTS_JSON, said("no json")).holds


@pytest.mark.parametrize(
    "schema",
    [None, {"type": "nonsense"}, {"$ref": "http://127.0.0.1:9/none"}, {"$ref": "#/nowhere"},
     {"pattern": "^(a+)+$"}, {"patternProperties": {"^(a+)+$": False},
      "additionalProperties": False}],
)  # fmt: skip
def test_a_schema_that_cannot_be_read_or_would_take_for_ever_says_nothing(schema: Any) -> None:
    assert schemas.wrong(schema, {"a" * 60 + "!": 1}) == ""
    assert schemas.wrong(schema, "a" * 60 + "!") == ""


@pytest.mark.parametrize(
    ("given", "place"),
    [
        (3, "cascade"),
        ({"enable": True}, "cascade.enable"),
        ({"enabled": 1}, "cascade.enabled"),
        ({"verify": []}, "cascade.verify"),
        ({"verify": ["taste"]}, "cascade.verify"),
        ({"verify": ["model"]}, "cascade.model"),
        ({"intents": "faq"}, "cascade.intents"),
        ({"confidence": 2}, "cascade.confidence"),
    ],
)
def test_mistakes_are_refused_with_their_place(given: Any, place: str) -> None:
    with pytest.raises(ValueError, match=f"^{place}:"):
        terms.read(given)


def test_a_rule_says_over_the_settings_and_what_is_unreadable_switches_it_off() -> None:
    settings = {"cascade": {"enabled": False, "verify": ["format"]}}
    assert terms.forgiving(settings, {"enabled": True}).verify == ("format",)
    assert terms.forgiving(settings, True).verify == QUICK
    assert not terms.forgiving({"cascade": {"verify": ["taste"]}}).enabled
    assert not terms.forgiving({}).enabled
