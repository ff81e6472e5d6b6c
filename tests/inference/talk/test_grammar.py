from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from inference.local.engine import Engine
from inference.local.words import Ended, Job, Piece, Sampling, Settings, Told
from inference.talk import grammar, ranges
from inference.talk.errors import UnusableSchemaError

TREE = {
    "type": "object",
    "properties": {"name": {"enum": ["a", "b"]}, "children": {"$ref": "#/$defs/nodes"}},
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {"nodes": {"type": "array", "maxItems": 1, "items": {"$ref": "#"}}},
}
SCHEMAS: list[tuple[str, Any]] = [
    ("constants", {"enum": ["plain", 'quo"te', "back\\slash", "ümlaut\n", 3.5, None, ["x"]]}),
    ("const", {"const": {"a": 'x"'}}),
    ("whole", {"type": "integer", "minimum": -105, "maximum": 98}),
    ("above", {"type": "integer", "exclusiveMinimum": 41}),
    ("below", {"type": "integer", "exclusiveMaximum": -7}),
    ("between", {"type": "number", "minimum": 0, "exclusiveMaximum": 1}),
    ("negative", {"type": "number", "exclusiveMinimum": -3, "maximum": -1}),
    ("positive", {"type": "number", "exclusiveMinimum": 0, "maximum": 100}),
    ("one", {"type": "number", "minimum": 5, "maximum": 5}),
    ("text", {"type": "string", "minLength": 2, "maxLength": 5}),
    ("date", {"type": "string", "format": "date", "maxLength": 10}),
    ("moment", {"type": "string", "format": "date-time"}),
    ("address", {"type": "string", "format": "ipv4"}),
    ("uuid", {"type": "string", "format": "uuid"}),
    ("e-mail", {"type": "string", "format": "email"}),
    ("list", {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 3}),
    ("empty list", {"type": "array", "items": {"type": "null"}, "maxItems": 0}),
    ("tuple", {"type": "array", "prefixItems": [{"const": 1}, {"const": "x"}], "items": False}),
    ("tuple and more", {"type": "array", "prefixItems": [{"const": 1}], "items": {"const": 2},
                        "minItems": 2, "maxItems": 4}),
    ("optional", {"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2},
                  "c": {"const": 3}}, "required": ["b"], "additionalProperties": False}),
    ("all optional", {"properties": {"a": {"const": 1}, "b": {"const": 2}}}),
    ("nothing", {"type": "object", "additionalProperties": False}),
    ("unnamed", {"type": "object", "required": ["x"], "additionalProperties": {"const": 1}}),
    ("one of", {"oneOf": [{"const": 1}, {"type": "boolean"}]}),
    ("beside any", {"type": "object", "properties": {"k": {"const": 0}}, "required": ["k"],
                    "anyOf": [{"properties": {"l": {"const": 1}}, "required": ["l"]}]}),
    ("all of", {"allOf": [{"$ref": "#/$defs/a"}, {"properties": {"b": {"const": 2}},
                "required": ["b"]}], "$defs": {"a": {"properties": {"a": {"const": 1}},
                "required": ["a"]}}}),
    ("several types", {"type": ["integer", "null"], "minimum": 8}),
    ("title", {"title": "T", "description": "d", "type": "boolean", "default": True}),
    ("tree", TREE),
    ("listed of a type", {"type": ["string", "null"], "enum": [1, "a", None, True, "long"],
                          "maxLength": 2}),
    ("listed in bounds", {"enum": [1, 2.5, 7], "exclusiveMinimum": 1, "maximum": 3}),
    ("listed twice", {"const": 1, "enum": [True, 1.0]}),
    ("listed beside any", {"enum": ["a", "bb", 3], "anyOf": [{"type": "string", "maxLength": 1},
                           {"type": "integer"}]}),
    ("any beside all", {"allOf": [{"maxLength": 1}], "anyOf": [{"type": "string"}]}),
    ("nullable in any", {"anyOf": [{"type": ["boolean", "null"]}, {"type": "integer"}]}),
    ("pointers", {"type": "array", "prefixItems": [{"$ref": "#/$defs/a%20b"},
                  {"$ref": "#/$defs/x~1y/anyOf/1"}, {"$ref": "#/$defs/"}], "items": False,
                  "minItems": 3, "$defs": {"a b": {"const": 1}, "": {"const": 3}, "x/y":
                  {"anyOf": [{"const": 0}, {"const": 2}]}}}),
    ("bounded date", {"type": "string", "format": "date", "minLength": 3, "maxLength": 10}),
]  # fmt: skip

REFUSED: list[tuple[Any, str]] = [
    ({"type": "string", "pattern": "^a+$"}, "pattern is more than a grammar can hold"),
    ({"not": {"type": "string"}}, "not is more"),
    ({"type": "array", "uniqueItems": True}, "uniqueItems is more"),
    ({"type": "integer", "multipleOf": 3}, "multipleOf is more"),
    ({"type": "number", "minimum": 0.5}, "minimum must be a whole number here"),
    ({"type": "integer", "minimum": 5, "maximum": 4}, "no number lies between"),
    ({"type": "array", "minItems": 5000}, "minItems is above"),
    ({"type": "string", "minLength": "x"}, "must be whole numbers"),
    ({"type": "array", "prefixItems": [True], "items": False, "minItems": 2}, "more than there"),
    ({"$ref": "https://example.com/schema"}, "leads out of the schema"),
    ({"$ref": "#/$defs/none"}, "leads nowhere"),
    ({"type": "thing"}, "'thing' is no type"),
    ({"properties": {"a": False}, "required": ["a"]}, "must be an object"),
    ({"required": ["a"], "additionalProperties": False}, "a is required and not allowed"),
    ({"allOf": [{"type": "string"}, {"type": "null"}]}, "type is said twice"),
    ({"anyOf": []}, "must be a list"),
    ([], "must be an object"),
    ({"anyOf": [{"type": "array"}] * 17}, "more than 16 lists and objects"),
    ({"type": "string", "enum": [1, 2]}, "nothing of its const or enum fits"),
    ({"type": "string", "const": 5}, "nothing of its const or enum fits"),
    ({"const": True, "enum": [1]}, "nothing of its const or enum fits"),
    ({"enum": [3], "minimum": "x"}, "minimum must be a number"),
    ({"enum": [{}], "required": ["a"]}, "required cannot stand beside"),
    ({"enum": 3}, "enum must be a list"),
    ({"type": "string", "format": "email", "maxLength": 3}, "the format email is 5 to 207 long"),
    ({"type": "string", "format": "date", "minLength": 11}, "the format date is 10 to 10 long"),
    ({"type": []}, "type must be a list with something in it"),
    ({"type": None}, "None is no type"),
    ({"type": "string", "format": [], "pattern": ""}, "pattern is more"),
    ({"$ref": "#"}, "a $ref leads to nothing but itself"),
    ({"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "a $ref leads to nothing but itself"),
    (
        {
            "$ref": "#/$defs/a",
            "$defs": {
                "a": {
                    "anyOf": [
                        {"type": "array", "items": {"$ref": "#/$defs/b"}},
                        {"$ref": "#/$defs/b"},
                    ]
                },
                "b": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/a"}]},
            },
        },
        "a $ref leads to nothing but itself",
    ),
    ({"$ref": []}, "leads out of the schema"),
    ({"$ref": "#a"}, "leads nowhere"),
    ({"$ref": "#/$defs/a/01", "$defs": {"a": [{}, {}]}}, "leads nowhere"),
    (
        {"allOf": [{"$ref": "#/$defs/a", "maxLength": 1}], "$defs": {"a": {"type": "string"}}},
        "nothing may stand beside a $ref",
    ),
    ({"required": [[1]]}, "required a list of names"),
    ({"prefixItems": 3}, "prefixItems must be a list"),
    ({"allOf": [{"required": 3}, {"required": 4}]}, "required is said twice"),
]
BIAS = {**dict.fromkeys(range(0x80, 0x100), -100.0), ord('"'): 3.0}
"""No bytes that are not ASCII: this model would put them together to what is no text."""


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Iterator[Engine]:
    opened = Engine(tiny_model, Settings(context=1024, slots=4, threads=1), name="tiny")
    yield opened
    opened.close()


async def written(engine: Engine, gbnf: str, seed: int, *, most: int = 500) -> tuple[str, str]:
    """What a model of random weights writes under a grammar, and how it ended."""
    sampling = Sampling(grammar=gbnf, seed=seed, temperature=2, logit_bias=BIAS)
    return await talked(engine, Job(tokens=(1, 2, 3), max_tokens=most, sampling=sampling))


async def talked(engine: Engine, job: Job) -> tuple[str, str]:
    loop, told = asyncio.get_running_loop(), asyncio.Queue[Told]()

    def tell(events: list[tuple[object, Told]]) -> None:
        for _, each in events:
            loop.call_soon_threadsafe(told.put_nowait, each)

    engine.submit(job, "x", tell)
    text = ""
    while not isinstance(each := await told.get(), Ended):
        assert isinstance(each, Piece), each
        text += each.text
    return text, each.finish


@pytest.mark.parametrize(("name", "schema"), SCHEMAS, ids=[name for name, _ in SCHEMAS])
async def test_whatever_is_written_under_a_schema_fits_it(
    engine: Engine, name: str, schema: Any
) -> None:
    gbnf = grammar.of_schema(schema)
    for seed in range(6):
        text, finish = await written(engine, gbnf, seed)
        assert finish == "stop", text
        checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
        jsonschema.Draft202012Validator(schema, format_checker=checker).validate(json.loads(text))


async def test_optional_properties_come_and_stay_away(engine: Engine) -> None:
    schema = dict(SCHEMAS)["all optional"]
    found = set()
    for seed in range(40):
        text, _ = await written(engine, grammar.of_schema(schema), seed)
        found.add(tuple(json.loads(text)))
    assert found == {(), ("a",), ("b",), ("a", "b")}


@pytest.mark.parametrize(("schema", "why"), REFUSED)
def test_a_schema_that_cannot_be_followed_is_refused_with_the_reason(schema: Any, why: str) -> None:
    with pytest.raises(UnusableSchemaError, match=re.escape(why)):
        grammar.of_schema(schema)


def test_references_may_follow_one_another_for_long() -> None:
    names = [f"d{number}" for number in range(400)]
    lists = {
        name: {"type": "array", "items": {"$ref": f"#/$defs/{following}"}}
        for name, following in zip(names, [*names[1:], "end"], strict=True)
    }
    found = grammar.of_schema({"$ref": "#/$defs/d0", "$defs": {**lists, "end": {"const": "x"}}})
    assert found.count("::=") > 400


def test_no_schema_costs_more_than_its_share() -> None:
    deep: Any = {"const": 1}
    for _ in range(200):
        deep = {"type": "array", "items": deep}
    with pytest.raises(UnusableSchemaError, match="nested too deeply"):
        grammar.of_schema(deep)
    wide: Any = {"const": 1}
    for level in range(12):
        wide = {"anyOf": [{"title": f"{level}", **wide}, {"minimum": level, **wide}]}
    with pytest.raises(UnusableSchemaError):
        grammar.of_schema({"anyOf": [{**wide}] * 9, "minimum": 0})


async def test_a_grammar_whose_ways_double_with_every_token_is_given_up(engine: Engine) -> None:
    """And whoever else talks to the model goes on."""
    alike = [{"type": "array", "maxItems": n, "items": {"$ref": "#"}} for n in (5, 6)]
    sampling = Sampling(
        grammar=grammar.of_schema({"anyOf": alike}), temperature=0, logit_bias={ord("["): 99}
    )
    text, finish = await talked(engine, Job(tokens=(1, 2), max_tokens=500, sampling=sampling))
    assert finish == "length"
    assert 3 < len(text) < 100
    assert (await written(engine, 'root ::= "yes"', 0))[0] == "yes"


@pytest.mark.parametrize(("low", "high"), [(0, 0), (7, 7), (0, 9), (9, 10), (98, 1003), (120, 999)])
def test_every_number_of_a_range_and_no_other(low: int, high: int) -> None:
    """The rules use no more than regular expressions have."""
    gbnf = ranges.expression({"minimum": low, "maximum": high}, whole=True)
    allowed = re.compile(gbnf.replace('"', "").replace(" ", ""))
    for number in range(1200):
        assert bool(allowed.fullmatch(str(number))) == (low <= number <= high), number
