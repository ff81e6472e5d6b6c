"""What a chat request may say, in its body, in `kora` and in headers, and how a bad one is told."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest

from routing import questions
from routing.errors import InvalidRequest
from routing.questions import Constraints, Prompt

HELLO = {"role": "user", "content": "hello"}
BODY: dict[str, Any] = {"model": "auto", "messages": [HELLO]}
FUNCTION = {"name": "look", "parameters": {"type": "object"}}
TOOL = {"type": "function", "function": FUNCTION}


def parse(headers: dict[str, str] | None = None, **fields: Any) -> Prompt:
    return questions.parse(orjson.dumps({**BODY, **fields}), headers or {})


def wrong(headers: dict[str, str] | None = None, **fields: Any) -> str | None:
    with pytest.raises(InvalidRequest) as caught:
        parse(headers, **fields)
    return caught.value.param


def test_a_plain_request_has_no_constraints() -> None:
    prompt = parse()
    assert (prompt.model, prompt.stream, prompt.max_tokens, prompt.choices) == (
        "auto", False, None, 1,
    )  # fmt: skip
    assert prompt.constraints == Constraints()
    assert prompt.body == BODY


def test_what_kora_does_not_know_goes_upstream_unchanged() -> None:
    fields = {"top_k": 40, "vendor": {"deep": [1, None]}, "logit_bias": {"50256": -100}}
    prompt = parse(None, **fields, kora={"max-cost": 1})
    assert prompt.body == {**BODY, **fields}


EXTRAS = [
    ("max-cost", "0.0125", "max_cost", Decimal("0.0125")),
    ("max-cost", "0", "max_cost", Decimal(0)),
    ("max-latency-ms", "1500", "max_latency_ms", 1500.0),
    ("min-quality", "0.75", "min_quality", 0.75),
    ("locality", "local", "locality", "local"),
    ("cache", "no-cache", "cache", "no-cache"),
    ("cache", "no-store", "cache", "no-store"),
    ("cache", "only", "cache", "only"),
    ("max-age", "60", "max_age_s", 60.0),
    ("similarity", "0.95", "similarity", 0.95),
    ("session", "s-1", "session", "s-1"),
    ("user", "ada", "user", "ada"),
    ("tags", "app=web, env=prod", "tags", {"app": "web", "env": "prod"}),
    ("tags", "a=b=c", "tags", {"a": "b=c"}),
    ("deadline", "2030-01-02T03:04:05Z", "deadline", datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ("deadline", "2030-01-02T03:04:05", "deadline", datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ("debug", "true", "debug", True),
    ("debug", "0", "debug", False),
]


@pytest.mark.parametrize(("name", "text", "field", "value"), EXTRAS)
def test_an_extra_means_the_same_in_a_header_and_in_the_body(
    name: str, text: str, field: str, value: object
) -> None:
    in_header = parse({f"x-kora-{name}": text}).constraints
    in_body = parse(kora={name: text}).constraints
    assert getattr(in_header, field) == value
    assert in_body == in_header
    assert parse(kora={name.replace("-", "_"): text}).constraints == in_header


def test_every_extra_of_the_contract_is_tried_here() -> None:
    assert {name for name, *_ in EXTRAS} == set(questions.EXTRAS)


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("max-cost", 0.5, "max_cost", Decimal("0.5")),
        ("max-age", 60, "max_age_s", 60.0),
        ("tags", {"app": "web"}, "tags", {"app": "web"}),
        ("debug", True, "debug", True),
    ],
)
def test_the_body_takes_json_values_too(
    name: str, value: object, field: str, expected: object
) -> None:
    assert getattr(parse(kora={name: value}).constraints, field) == expected


def test_a_header_wins_over_the_body() -> None:
    prompt = parse({"x-kora-cache": "only"}, kora={"cache": "no-store", "session": "s"})
    assert (prompt.constraints.cache, prompt.constraints.session) == ("only", "s")


def test_openais_user_is_the_user_unless_an_extra_says_another() -> None:
    assert parse(user="ada").constraints.user == "ada"
    assert parse({"x-kora-user": "bob"}, user="ada").constraints.user == "bob"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max-cost", "free"), ("max-cost", "-1"), ("max-cost", "NaN"), ("max-cost", "Infinity"),
        ("max-cost", "1e10"), ("max-cost", []), ("max-cost", {}), ("max-cost", None),
        ("max-latency-ms", "0"), ("max-latency-ms", "soon"), ("max-latency-ms", "1e300"),
        ("max-latency-ms", True),
        ("min-quality", "1.1"), ("min-quality", "-0.1"), ("min-quality", "nan"),
        ("min-quality", [0.5]),
        ("locality", "moon"), ("locality", ["local"]), ("locality", None),
        ("cache", "maybe"), ("cache", {"a": 1}), ("cache", 1),
        ("max-age", "-1"), ("max-age", "inf"), ("max-age", None),
        ("similarity", "2"), ("similarity", "high"),
        ("session", "a\0b"), ("session", "x" * 201), ("session", 7), ("session", None),
        ("user", "tab\there"), ("user", ["ada"]),
        ("tags", "novalue"), ("tags", "=b"), ("tags", "a="), ("tags", "a=\0"), ("tags", 5),
        ("tags", {"a": 1}), ("tags", {"a": {"b": "c"}}), ("tags", "a=" + "b" * 65),
        ("tags", ",".join(f"k{n}=v" for n in range(17))), ("tags", ["a=b"]),
        ("deadline", "tomorrow"), ("deadline", 5), ("deadline", None), ("deadline", "2030-13-01"),
        ("debug", "maybe"), ("debug", 7), ("debug", []),
    ],
)  # fmt: skip
def test_a_bad_extra_is_named(name: str, value: object) -> None:
    assert wrong(kora={name: value}) == f"x-kora-{name}"
    if isinstance(value, str):
        assert wrong({f"x-kora-{name}": value}) == f"x-kora-{name}"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"kora": {"speed": 1}}, "kora.speed"),
        ({"kora": "fast"}, "kora"),
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 5}, "model"),
        ({"model": "a\0b"}, "model"),
        ({"model": "m" * 201}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [HELLO, None]}, "messages[1]"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": {}, "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": 1}]}]}, "messages[0].content"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "10"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
        ({"max_tokens": 2**63}, "max_tokens"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": False}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"presence_penalty": 3}, "presence_penalty"),
        ({"frequency_penalty": [0]}, "frequency_penalty"),
        ({"tools": {}}, "tools"),
        ({"tools": ["look"]}, "tools"),
        ({"tools": [{"function": FUNCTION}]}, "tools[0].type"),
        ({"tools": [TOOL, {"type": "function", "function": 5}]}, "tools[1].function"),
        ({"tools": [{"type": "function", "function": {"name": 5}}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {**FUNCTION, "parameters": 5}}]},
         "tools[0].function"),
        ({"tool_choice": 5}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": "look"}}, "tool_choice"),
        ({"functions": "f"}, "functions"),
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {"type": ["json_object"]}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": 5}}},
         "response_format.json_schema"),
        ({"stream_options": True}, "stream_options"),
        ({"metadata": "m"}, "metadata"),
        ({"stop": 5}, "stop"),
        ({"stop": [5]}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"user": 5}, "user"),
        ({"user": "a\0b"}, "user"),
    ],
)  # fmt: skip
def test_a_bad_field_is_named(fields: dict[str, Any], param: str) -> None:
    assert wrong(**fields) == param


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [{"role": "assistant"}, HELLO]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
        {"max_tokens": None, "n": None, "temperature": None, "stop": None, "tools": None},
        {"tools": [TOOL], "tool_choice": "required"},
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "look"}}},
        {"tools": [{"type": "vendor_search"}]},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}},
        {"stop": ["a", "b"]},
        {"temperature": 0, "top_p": 1},
    ],
)
def test_what_openai_allows_is_allowed(fields: dict[str, Any]) -> None:
    assert parse(**fields).model == "auto"


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"null", b"[]", b'"text"', b"5", b"{", b'{"model": NaN}', b'{"model": Infinity}',
        b'{"model": "\\ud800"}', b'{"model": "\xff"}', b"\xef\xbb\xbf{}", b"{'model': 1}",
        b"[" * 5000, b'{"a":' * 5000 + b"1" + b"}" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidRequest):
        questions.parse(raw, {})


@pytest.mark.parametrize("field", ["metadata", "vendor", "stream_options"])
@pytest.mark.parametrize("levels", [250, 252, 254, 256, 300, 500])
def test_what_is_too_deep_to_send_on_is_refused_before_anything_is_held(
    field: str, levels: int
) -> None:
    deep = '{"a":' * levels + "1" + "}" * levels
    raw = f'{{"model":"auto","messages":[{{"role":"user","content":"x"}}],"{field}":{deep}}}'
    try:
        prompt = questions.parse(raw.encode(), {})
    except InvalidRequest:
        return
    orjson.dumps({"attempt": {"body": prompt.body}})


def test_a_header_in_utf8_is_read_as_such() -> None:
    for text in ("Zoë", "voilà", "€"):
        headers = {"x-kora-user": text.encode().decode("latin-1")}
        assert parse(headers).constraints.user == text
    assert parse({"x-kora-user": "Zo\xeb"}).constraints.user == "Zoë"
