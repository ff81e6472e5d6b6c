"""Whatever is sent to the data plane: an answer or an error of the contract; no hold is left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics import ledger
from analytics.models import Attempt, Exchange, Price
from routing.models import Backend
from teams import keys
from teams.models import ApiKey, Organisation, Scope, Team
from tests.analytics import books
from tests.routing import inside
from tests.routing.inside import Heard, Inside
from tests.running import eventually

pytestmark = pytest.mark.django_db(transaction=True)

HELLO = {"role": "user", "content": "hello"}
BODY: dict[str, Any] = {"model": "auto", "messages": [HELLO]}
NEVER = {500, 502, 503, 504}
FUZZ = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def team(transactional_db: None) -> Team:
    return Team.objects.create(organisation=Organisation.objects.create(name="Acme"), name="red")


@pytest.fixture
def key(team: Team) -> str:
    return keys.issue(team, name="app", scopes=[Scope.INFER]).text


@pytest.fixture
def sandbox(transactional_db: None) -> Backend:
    Price.objects.create(backend="toy", price_in=1, price_out=2, price_cached_in=1)
    return Backend.objects.create(
        name="toy", kind="sandbox", model="toy", capabilities=["tools", "json_schema", "vision"]
    )


@pytest.fixture
def kora(team: Team, sandbox: Backend) -> Iterator[Inside]:
    with inside.opened() as opened:
        yield opened
        eventually(lambda: not opened.room.switchboard.waiting, within_s=5, what="an end of calls")
        assert not opened.room.flights._flying
    assert not Attempt.objects.filter(state__in=["held", "running"]).exists()
    assert not Exchange.objects.filter(state="open").exists()
    with books.connect() as connection:
        assert ledger.checks(connection) == []


def with_key(key: str, **extras: str) -> list[tuple[bytes, bytes]]:
    named = [(b"x-kora-" + k.replace("_", "-").encode(), v.encode()) for k, v in extras.items()]
    return [(b"authorization", f"Bearer {key}".encode()), *named]


def fine(heard: Heard) -> None:
    """Answered, or refused as the contract says; never our own fault."""
    assert heard.complete
    assert heard.status not in NEVER, heard.body
    if heard.status != 200:
        assert heard.error


def deep(levels: int, field: str) -> bytes:
    text = '{"a":' * levels + "1" + "}" * levels
    return orjson.dumps(BODY)[:-1] + f',"{field}":{text}}}'.encode()


RAW = {
    "nothing": b"",
    "not json": b"hello",
    "cut": b'{"model": "auto", "messages": [',
    "a list": b"[]",
    "null": b"null",
    "NaN": b'{"model":"auto","temperature":NaN,"messages":[]}',
    "bad UTF-8": b'{"model":"auto","messages":[{"role":"user","content":"\xff\xfe"}]}',
    "a lone surrogate": b'{"model":"auto","messages":[{"role":"user","content":"\\ud800"}]}',
    "5000 lists": b"[" * 5000,
    "5000 objects": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "500 levels in metadata": deep(500, "metadata"),
    "500 levels in an unknown field": deep(500, "vendor"),
    "252 levels in metadata": deep(252, "metadata"),
    "a NUL in the model": b'{"model":"au\\u0000to","messages":[{"role":"user","content":"x"}]}',
    "a NUL in user": b'{"model":"auto","user":"\\u0000","messages":[{"role":"user","content":""}]}',
    "a role that is a list": b'{"model":"auto","messages":[{"role":[],"content":"x"}]}',
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
}


def test_bodies_that_are_no_requests(kora: Inside, key: str) -> None:
    for name, raw in RAW.items():
        for path in ("/v1/chat/completions", "/v1/route"):
            heard = kora.ask(raw, headers=with_key(key), path=path)
            assert heard.status == 400, name
            assert heard.error["code"] == "invalid_request", name
    assert not Exchange.objects.exists()


def test_strange_but_valid_requests_are_answered(kora: Inside, key: str) -> None:
    bodies = {
        "10,000 messages": {**BODY, "messages": [HELLO] * 10_000, "max_tokens": 1},
        "a NUL in the content": {**BODY, "messages": [{"role": "user", "content": "a\0b"}]},
        "a NUL in metadata": {**BODY, "metadata": {"a\0": "\0"}},
        "a NUL in an unknown field": {**BODY, "vendor": "\0"},
        "a number beyond 64 bits": {**BODY, "seed": 2**63},
        "empty content": {**BODY, "messages": [{"role": "user", "content": ""}]},
        "no parts": {**BODY, "messages": [{"role": "user", "content": []}]},
        "100 levels": {**BODY, "vendor": orjson.loads(deep(100, "v"))["v"]},
    }
    Backend.objects.update(context=1_000_000)
    for name, body in bodies.items():
        heard = kora.ask(orjson.dumps(body), headers=with_key(key))
        assert heard.status in {200, 422}, (name, heard.body)
    twice = b'{"model":"nobody","model":"auto","messages":[{"role":"user","content":"x"}]}'
    assert kora.ask(twice, headers=with_key(key)).status == 200
    huge = orjson.dumps(BODY)[:-1] + b',"seed":' + b"9" * 400 + b"}"
    fine(kora.ask(huge, headers=with_key(key)))


def test_bodies_over_the_limit(kora: Inside, key: str) -> None:
    chunk = b" " * 1024 * 1024
    whole = kora.ask(chunk * 11, headers=with_key(key))
    pieces = kora.ask([chunk] * 11, headers=with_key(key))
    declared = [(b"content-length", digits) for digits in (b"10485761", b"9" * 5000)]
    said = [kora.ask(b"{}", headers=[*with_key(key), each]) for each in declared]
    for heard in (whole, pieces, *said):
        assert heard.error["code"] == "request_too_large"
    odd = kora.ask(b"{}", headers=[*with_key(key), (b"content-length", b"\xb2")])
    assert odd.error["code"] == "invalid_request"


def test_headers_that_are_floods_or_garbage(kora: Inside, key: str) -> None:
    flood = [(f"x-flood-{n}".encode(), b"x" * 100) for n in range(5000)]
    assert kora.ask(orjson.dumps(BODY), headers=[*with_key(key), *flood]).status == 200
    for name in ("user", "session", "tags", "cache", "max-cost", "deadline", "debug", "similarity"):
        for value in (b"\0", b"\xff\xfe", b"a=\0", b"x" * 100_000, "é".encode(), b"\x80"):
            header = (b"x-kora-" + name.encode(), value)
            fine(kora.ask(orjson.dumps(BODY), headers=[*with_key(key), header]))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/v1/route", 405),
        ("POST", "/v1/models", 405),
        ("HEAD", "/v1/models", 405),
        ("BREW", "/v1/requests/1", 405),
        ("POST", "/v1/nothing", 404),
        ("GET", "/v1/", 404),
        ("GET", "/v1//models", 404),
        ("GET", "/v1/models/nobody", 404),
        ("GET", "/v1/models/a\0b", 404),
        ("GET", "/v1/requests/x", 404),
        ("GET", "/v1/requests/\0", 404),
        ("GET", "/v1/requests/../../api", 404),
        ("GET", "/v1/requests/00000000-0000-0000-0000-000000000000", 404),
        ("POST", "/v1/" + "a" * 10_000, 404),
        ("POST", "/v1/\ufffd", 404),
    ],
)
def test_paths_and_methods_that_do_not_exist(
    kora: Inside, key: str, method: str, path: str, status: int
) -> None:
    heard = kora.ask(method=method, path=path, headers=with_key(key))
    assert heard.status == status
    assert heard.error


def test_a_model_that_is_not_there_is_called_so_by_both_doors(kora: Inside, key: str) -> None:
    looked_up = kora.ask(method="GET", path="/v1/models/nobody", headers=with_key(key))
    asked = kora.ask(orjson.dumps({**BODY, "model": "nobody"}), headers=with_key(key))
    for heard in (looked_up, asked):
        assert (heard.error["code"], heard.error["param"]) == ("model_not_found", "model")


def test_every_wrong_key_hears_the_same(kora: Inside, key: str, team: Team) -> None:
    expired = keys.issue(team, name="old", scopes=[Scope.INFER])
    ApiKey.objects.filter(public=expired.text.split("_")[1]).update(
        expires_at=datetime.now(UTC) - timedelta(seconds=1)
    )
    revoked = keys.issue(team, name="gone", scopes=[Scope.INFER])
    assert keys.revoke(ApiKey.objects.get(public=revoked.text.split("_")[1]))
    wrong = [
        b"", b"Bearer", b"Bearer ", b"Basic x", b"Bearer sk-1234", b"Bearer \0", b"Bearer \xff",
        b"Bearer kora_" + b"a" * 12 + b"_" + b"b" * 40, f"Bearer {key}x".encode(),
        f"Bearer {key[:-1]}".encode(), f"Bearer {key}".replace("kora", "kore").encode(),
        f"Bearer {expired.text}".encode(), f"Bearer {revoked.text}".encode(),
        b"Bearer " + b"k" * 100_000, b"Bearer kora_" + "é".encode() * 12 + b"_x",
    ]  # fmt: skip
    bodies = set()
    for value in wrong:
        for path in ("/v1/chat/completions", "/v1/route"):
            heard = kora.ask(orjson.dumps(BODY), path=path, headers=[(b"authorization", value)])
            assert heard.status == 401, value
            bodies.add(heard.body)
        heard = kora.ask(method="GET", path="/v1/models", headers=[(b"authorization", value)])
        bodies.add(heard.body)
    bodies.add(kora.ask(orjson.dumps(BODY)).body)
    assert len(bodies) == 1
    assert not Exchange.objects.exists()


TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
    st.sampled_from(
        ["auto", "toy", "user", "assistant", "tool", "function", "text", "json_schema"]
    ),
)
NAMES = st.one_of(TEXT, st.sampled_from(["role", "content", "type", "function", "name", "schema"]))
JSON = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "model", "messages", "kora", "stream", "stream_options", "max_tokens", "max_completion_tokens",
    "n", "temperature", "top_p", "stop", "tools", "tool_choice", "functions", "function_call",
    "response_format", "logprobs", "top_logprobs", "logit_bias", "user", "metadata", "seed",
    "parallel_tool_calls", "prediction", "modalities", "audio", "reasoning_effort", "store",
)  # fmt: skip
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool", "system"])},
    optional={
        "content": st.one_of(
            TEXT, JSON, st.lists(st.fixed_dictionaries({"type": SCALAR, "text": JSON}))
        ),
        "tool_calls": JSON,
        "name": JSON,
    },
)
REQUEST = st.fixed_dictionaries(
    {"model": st.just("auto"), "messages": st.lists(MESSAGE, min_size=1, max_size=3)},
    optional={
        "tools": st.lists(
            st.fixed_dictionaries(
                {"type": st.just("function")},
                optional={"function": st.fixed_dictionaries({"name": TEXT, "parameters": JSON})},
            ),
            max_size=2,
        ),
        "tool_choice": st.one_of(st.just("required"), JSON),
        "response_format": st.fixed_dictionaries(
            {"type": st.sampled_from(["json_schema", "json_object", "text"])},
            optional={"json_schema": st.fixed_dictionaries({"schema": JSON})},
        ),
        "logprobs": JSON,
        "stream": st.booleans(),
        "max_tokens": st.integers(1, 50),
    },
)


@FUZZ
@given(body=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5), header=TEXT)
def test_any_json_is_answered_or_refused(
    kora: Inside, key: str, body: dict[str, Any], header: str
) -> None:
    raw = orjson.dumps({**BODY, **body})
    headers = [*with_key(key), (b"x-kora-tags", header.encode())]
    fine(kora.ask(raw, headers=headers, path="/v1/route"))
    fine(kora.ask(raw, headers=with_key(key)))


@FUZZ
@given(body=REQUEST)
def test_nearly_right_requests_are_answered_or_refused(
    kora: Inside, key: str, body: dict[str, Any]
) -> None:
    fine(kora.ask(orjson.dumps(body), headers=with_key(key)))


@FUZZ
@given(raw=st.binary(max_size=200))
def test_any_bytes_are_answered_or_refused(kora: Inside, key: str, raw: bytes) -> None:
    fine(kora.ask(raw, headers=with_key(key)))
