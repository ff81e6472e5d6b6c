"""The one table from what went wrong to what a client is told."""

from __future__ import annotations

from typing import Any

from rest_framework.response import Response
from rest_framework.views import exception_handler


def answer_for_api(error: Exception, context: dict[str, Any]) -> Response | None:
    return exception_handler(error, context)
