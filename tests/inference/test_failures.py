from __future__ import annotations

from typing import Any

import orjson
import pytest

from inference import failures
from inference.words import EngineError, Failure

SECRET = "my-odd-secret"


def refused(status: int, error: Any) -> EngineError:
    raw = orjson.dumps({"error": error})
    return failures.refusal(status, {}, raw, secret=SECRET)


@pytest.mark.parametrize(
    ("status", "error", "failure"),
    [
        (400, {"code": "context_length_exceeded"}, Failure.CONTEXT),
        (413, {"message": "input is too long for requested model"}, Failure.CONTEXT),
        (400, {"type": "exceed_context_size_error", "message": "x"}, Failure.CLIENT),
        (400, {"message": "request exceeds the available context size"}, Failure.CONTEXT),
        (413, {"message": "entity too large"}, Failure.CLIENT),
        (400, {"code": "content_policy_violation"}, Failure.POLICY),
        (403, {"code": "content_filter"}, Failure.POLICY),
        (403, {"message": "no"}, Failure.KEY_PERMANENT),
        (400, {"message": "Your credit balance is too low"}, Failure.KEY_PERMANENT),
        (429, {"code": "insufficient_quota"}, Failure.KEY_PERMANENT),
        (429, "slow down", Failure.KEY_TRANSIENT),
        (404, {"code": "model_not_found"}, Failure.UNSUPPORTED),
        (405, {"message": "no such method here"}, Failure.UNSUPPORTED),
        (418, None, Failure.CLIENT),
        (529, [], Failure.SERVER),
        (600, {}, Failure.SERVER),
    ],
)
def test_a_refusal_has_its_kind(status: int, error: Any, failure: Failure) -> None:
    assert refused(status, error).failure is failure


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        ({"code": 429, "message": "x"}, Failure.KEY_TRANSIENT),
        ({"code": "401"}, Failure.KEY_PERMANENT),
        ({"code": "invalid_api_key"}, Failure.KEY_PERMANENT),
        ({"type": "rate_limit_error"}, Failure.KEY_TRANSIENT),
        ({"type": "invalid_request_error", "message": "n"}, Failure.CLIENT),
        ({"type": "invalid_request_error", "code": "model_not_found"}, Failure.UNSUPPORTED),
        ({"type": "overloaded_error"}, Failure.SERVER),
        ("boom", Failure.SERVER),
        (17, Failure.SERVER),
    ],
)
def test_an_error_inside_an_answer_has_its_kind(error: Any, failure: Failure) -> None:
    assert failures.inside(error, secret=SECRET).failure is failure


@pytest.mark.parametrize(
    "quoted",
    [
        SECRET,
        "sk-proj-abc*****xyz",
        "Bearer abcdef12345",
        "eyJhbGciOiJIUzI1NiJ9.e30.sig",
        "a1" * 20,
    ],
)
def test_no_message_quotes_a_secret(quoted: str) -> None:
    for status in (400, 401, 404, 500):
        error = refused(status, {"message": f"wrong: {quoted} is bad"})
        assert quoted not in error.message


def test_the_client_reads_what_it_should_change() -> None:
    assert "temperature is too high" in refused(400, {"message": "temperature is too high"}).message


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        (" 1.5 ", 1.5),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 20.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("-3", None),
        ("soon", None),
        ("nan", None),
        ("", None),
        ("9" * 9, failures.LONGEST_WAIT_S),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert failures.retry_after_s({"retry-after": value}, now=100.0) == seconds
