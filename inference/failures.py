"""Which kind of failure an upstream's refusal is, and what may be said about it."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping
from typing import Any

import orjson

from inference.words import EngineError, Failure

LONGEST_WAIT_S = 24 * 3600.0
LONGEST_QUOTE = 300
QUOTABLE = frozenset({Failure.CLIENT, Failure.CONTEXT, Failure.POLICY, Failure.UNSUPPORTED})

CONTEXT = re.compile(
    r"context[_ ]length|context[_ ]window|maximum context|prompt is too long"
    r"|too many (input )?tokens|input is too long|exceeds? the (available|maximum) context"
    r"|maximum number of tokens",
    re.IGNORECASE,
)
POLICY = re.compile(
    r"content[_ ]?(policy|filter|management)|safety system|responsible\s?ai|moderation_blocked",
    re.IGNORECASE,
)
QUOTA = re.compile(
    r"insufficient_quota|billing_hard_limit|credit balance is too low", re.IGNORECASE
)
KEY = re.compile(r"invalid_api_key|authentication_error|permission_error|account_deactivated", re.I)
RATE = re.compile(r"rate_?limit", re.IGNORECASE)
MISSING = re.compile(r"not_found_error|model_not_found", re.IGNORECASE)
OURS = re.compile(r"invalid_request|unsupported", re.IGNORECASE)
SECRET_LIKE = re.compile(
    r"\b(sk|pk|rk|gsk|xai|key|kora|Bearer)[-_ ][\w*.\-]{6,}"
    r"|\beyJ[\w.\-]{12,}|\b[A-Za-z0-9_\-]{32,}",
)

STATUSES: Mapping[int, Failure] = {
    401: Failure.KEY_PERMANENT,
    402: Failure.KEY_PERMANENT,
    403: Failure.KEY_PERMANENT,
    404: Failure.UNSUPPORTED,  # no such model or path there: the caller did not choose it
    405: Failure.UNSUPPORTED,
    408: Failure.SERVER,
    409: Failure.SERVER,
    425: Failure.SERVER,
    429: Failure.KEY_TRANSIENT,
}


def classify(status: int, words: str) -> Failure:
    """`words` are the error's code, type and message."""
    if status == 429 and QUOTA.search(words):
        return Failure.KEY_PERMANENT
    if status in {400, 413, 422} and CONTEXT.search(words):
        return Failure.CONTEXT
    if status in {400, 403, 422} and POLICY.search(words):
        return Failure.POLICY
    if status in {400, 404} and QUOTA.search(words):
        return Failure.KEY_PERMANENT
    if status in STATUSES:
        return STATUSES[status]
    return Failure.CLIENT if 400 <= status < 500 else Failure.SERVER


def refusal(status: int, headers: Mapping[str, str], raw: bytes, *, secret: str) -> EngineError:
    """An answer whose status says that it is none."""
    if 300 <= status < 400:
        return EngineError(
            Failure.SERVER,
            f"the backend redirects ({status}), which is not followed",
            status=status,
        )
    words, message = _words(_error_in(raw))
    failure = classify(status, words)
    return EngineError(
        failure,
        told(f"the backend answered {status}", message, failure=failure, secret=secret),
        retry_after_s=retry_after_now(headers),
        status=status,
    )


def inside(error: Any, *, secret: str) -> EngineError:
    """An error object inside an answer, or a stream, whose status was 200."""
    words, message = _words(error)
    code = error.get("code") if isinstance(error, dict) else None
    status = int(str(code)) if re.fullmatch("[45][0-9][0-9]", str(code)) else 0
    failure = classify(status, words) if status else _by_words(words)
    return EngineError(
        failure,
        told("the backend reported an error", message, failure=failure, secret=secret),
        status=status or None,
    )


def told(what: str, message: str, *, failure: Failure, secret: str) -> str:
    """The upstream's own words only where they tell the client what to change."""
    if failure not in QUOTABLE or not message:
        return what
    return f"{what}: {scrub(message, secret=secret)}"


def scrub(text: str, *, secret: str) -> str:
    """Providers like to quote the key they refuse."""
    if secret:
        text = text.replace(secret, "***")
    return SECRET_LIKE.sub("***", text)[:LONGEST_QUOTE]


def retry_after_s(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds or an HTTP date; nonsense and the past count as not said."""
    if (milliseconds := _seconds(headers.get("retry-after-ms", ""))) is not None:
        return min(milliseconds / 1000, LONGEST_WAIT_S)
    value = headers.get("retry-after", "").strip()
    seconds = _seconds(value)
    if seconds is None and value:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            return None
    return min(seconds, LONGEST_WAIT_S) if seconds is not None and seconds >= 0 else None


def retry_after_now(headers: Mapping[str, str]) -> float | None:
    return retry_after_s(headers, now=time.time())


def _seconds(value: str) -> float | None:
    return float(value) if re.fullmatch(r"\s*\d{1,9}(\.\d{1,9})?\s*", value, re.ASCII) else None


def _by_words(words: str) -> Failure:
    kinds = (
        (QUOTA, Failure.KEY_PERMANENT),
        (CONTEXT, Failure.CONTEXT),
        (POLICY, Failure.POLICY),
        (RATE, Failure.KEY_TRANSIENT),
        (KEY, Failure.KEY_PERMANENT),
        (MISSING, Failure.UNSUPPORTED),
        (OURS, Failure.CLIENT),
    )
    return next((failure for wording, failure in kinds if wording.search(words)), Failure.SERVER)


def _error_in(raw: bytes) -> Any:
    try:
        answer = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode("utf-8", "replace")
    return answer.get("error", answer) if isinstance(answer, dict) else answer


def _words(error: Any) -> tuple[str, str]:
    """Everything to classify by, and the sentence meant for a reader."""
    if isinstance(error, str):
        return error, ""  # often a proxy's HTML page: nothing to show anyone
    if not isinstance(error, dict):
        return "", ""
    message = error.get("message") or error.get("detail") or ""
    message = message if isinstance(message, str) else ""
    return f"{error.get('code')} {error.get('type')} {message}", message
