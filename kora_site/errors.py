"""The one table from what went wrong to what a client is told."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import orjson
import structlog
from django.db import DataError, IntegrityError
from django.db.models import ProtectedError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.deprecation import MiddlewareMixin
from django.views import defaults
from kombu.exceptions import OperationalError as BrokerLost
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from routing.errors import InternalError, Refusal
from routing.replies import JSON, Reply
from teams.errors import LastOwner, Stale

log = structlog.get_logger(__name__)

API = "/api/"
CONTROL_PLANE: dict[type[Exception], tuple[int, str]] = {
    Stale: (412, "stale"),
    LastOwner: (409, "last_owner"),
    ProtectedError: (409, "in_use"),
    DataError: (400, "invalid_request"),
    RecursionError: (400, "invalid_request"),  # JSON as deep as nobody needs it
    IntegrityError: (409, "conflict"),
    BrokerLost: (503, "unavailable"),
}
"""Our own and the database's; Django REST framework's bring their status with them."""

WORDS = {
    "invalid_request": "A value here is none that can be stored or looked for.",
    "in_use": "Other records still refer to this; it cannot be removed.",
    "conflict": "This contradicts what is already stored.",
    "unavailable": "The queue (Redis or KORA_BROKER_URL) cannot be reached.",
}


class Unstorable(MiddlewareMixin):
    """A browser that asks with characters no database holds is told so; it is not our fault."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return defaults.bad_request(request, error) if isinstance(error, DataError) else None


CODES = {
    400: "invalid_request",
    401: "invalid_api_key",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "request_too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
}

TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def error_body(status: int, message: str, code: str, param: str | None = None) -> dict[str, Any]:
    kind = TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    return {"error": {"message": message, "type": kind, "code": code, "param": param}}


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A path of the control plane that does not exist is told as everything else there is."""
    if not request.path.startswith(API):
        return defaults.page_not_found(request, exception)
    return JsonResponse(
        error_body(404, f"There is no {request.path} here.", "not_found"), status=404
    )


def crashed(request: HttpRequest) -> HttpResponse:
    if not request.path.startswith(API):
        return defaults.server_error(request)
    words = "KORA failed at this request; the log has the details."
    return JsonResponse(error_body(500, words, "internal_error"), status=500)


def answer_for_api(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's own handler keeps its headers and its rollback; only the body's shape is ours."""
    status, code = CONTROL_PLANE.get(type(error), (0, ""))
    if status:
        words = WORDS.get(code) or str(error) or (type(error).__doc__ or code)
        error = exceptions.APIException(words)
    answer = exception_handler(error, context)
    if answer is None:
        return None
    answer.status_code = status or answer.status_code
    faults = list(_faults(answer.data))
    answer.data = error_body(
        answer.status_code,
        " ".join(_sentence(path, text) for path, text in faults),
        code or CODES.get(answer.status_code, "error"),
        next((path for path, _ in faults if path), None),
    )
    return answer


def _sentence(path: str, text: str) -> str:
    return f"{path}: {text}" if path else text


def _faults(found: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """DRF nests its messages as the fields are nested; a client wants a path and a sentence."""
    if isinstance(found, dict):
        for name, inner in found.items():
            own = name in {"detail", "non_field_errors"}
            yield from _faults(inner, path if own else f"{path}.{name}".lstrip("."))
    elif isinstance(found, list):
        for inner in found:
            yield from _faults(inner, path)
    else:
        yield path, str(found)


DATA_PLANE = {
    "invalid_request": 400,
    "invalid_api_key": 401,
    "budget_exceeded": 402,
    "not_allowed": 403,
    "model_not_found": 404,
    "not_found": 404,
    "method_not_allowed": 405,
    "idempotency_conflict": 409,
    "request_too_large": 413,
    "infeasible": 422,
    "rate_limited": 429,
    "queue_full": 429,
    "internal_error": 500,
    "upstream_failed": 502,
    "unavailable": 503,
    "deadline_exceeded": 504,
}
"""The status of each code of `/v1`; routing raises, this table speaks."""


def explain(error: Exception) -> Reply:
    """Any exception of the data plane as the error body that OpenAI's SDKs know."""
    if not isinstance(error, Refusal):
        log.error("data_plane.crashed", exc_info=error)
        error = InternalError()
    status = DATA_PLANE[error.code]
    body = error_body(status, error.message, error.code, error.param)
    body["error"].update(error.details)
    headers = {"content-type": JSON, **error.headers}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after_s)))
        headers["retry-after-ms"] = str(math.ceil(error.retry_after_s * 1000))
    return Reply(status=status, headers=headers, body=orjson.dumps(body))
