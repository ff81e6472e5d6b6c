"""Why a request got no answer. The status of each code stands in `kora_site/errors.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Refusal(Exception):  # noqa: N818
    """The request cannot be answered."""

    code = "unavailable"

    def __init__(
        self,
        message: str = "",
        *,
        param: str | None = None,
        retry_after_s: float | None = None,
        headers: Mapping[str, str] | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message or (self.__doc__ or "").strip())
        self.message = str(self)
        self.param = param
        self.retry_after_s = retry_after_s
        self.headers = dict(headers or {})
        self.details = details


class InvalidRequest(Refusal):
    """The request is not one that the API understands."""

    code = "invalid_request"


class ModelNotFound(Refusal):
    """There is no such model, or this key may not use it."""

    code = "model_not_found"


class NotFound(Refusal):
    """There is nothing here."""

    code = "not_found"


class WrongMethod(Refusal):
    """This path does not take that method."""

    code = "method_not_allowed"


class UnknownKey(Refusal):
    """Incorrect API key provided."""

    code = "invalid_api_key"


class NotAllowed(Refusal):
    """This key may not do that."""

    code = "not_allowed"


class BudgetExceeded(Refusal):
    """A budget has no room for this request."""

    code = "budget_exceeded"


class IdempotencyConflict(Refusal):
    """This Idempotency-Key stands for another request."""

    code = "idempotency_conflict"


class TooLarge(Refusal):
    """The request body is too large."""

    code = "request_too_large"


class Infeasible(Refusal):
    """No backend satisfies the constraints of this request."""

    code = "infeasible"


class NothingStored(Infeasible):
    """No stored answer fits, and only stored ones were asked for."""

    def __init__(self, *, by_rule: bool = False) -> None:
        """What a rule asks for is not the caller's to relax."""
        relaxations = [] if by_rule else [{"constraint": "cache", "needed": "default"}]
        message = "No stored answer fits, and a rule allows only stored ones." if by_rule else ""
        super().__init__(message, binding="cache-only", relaxations=relaxations)


class RateLimited(Refusal):
    """This key has used up its rate limit."""

    code = "rate_limited"


class QueueFull(Refusal):
    """Too many requests are waiting already."""

    code = "queue_full"


class UpstreamFailed(Refusal):
    """Every backend that was tried failed."""

    code = "upstream_failed"


class Unavailable(Refusal):
    """A part of KORA is down."""

    code = "unavailable"

    def __init__(self, part: str) -> None:
        super().__init__(f"KORA cannot answer now: its {part} is not reachable.", part=part)
        self.retry_after_s = 2.0


class Resting(Refusal):
    """Every backend that could answer rests after failures."""

    code = "unavailable"

    def __init__(self, backends: Sequence[str], *, retry_after_s: float) -> None:
        each = dict.fromkeys(backends)
        names = ", ".join(each)
        who = f"its backend {names} rests" if len(each) == 1 else f"its backends {names} rest"
        super().__init__(
            f"KORA cannot answer now: {who} after failures and can be tried "
            f"again in {retry_after_s:.1f} s.",
            retry_after_s=retry_after_s,
            part=names,
        )


class Stopping(Refusal):
    """KORA is stopping before this answer is complete; ask again in a moment."""

    code = "unavailable"

    def __init__(self) -> None:
        super().__init__(retry_after_s=5.0)


class InternalError(Refusal):
    """KORA failed at this request; the log has the details."""

    code = "internal_error"


class DeadlineExceeded(Refusal):
    """The deadline passed before an answer came."""

    code = "deadline_exceeded"


class Disconnected(Exception):  # noqa: N818
    """The client left before its answer was complete."""
