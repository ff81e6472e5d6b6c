"""The words that engines and those who call them share: what to run, where, and what came of it."""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Body = dict[str, Any]
"""An OpenAI chat-completions body, chunk or answer as it stood in JSON; unknown fields are kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeouts:
    """Seconds; every one of them is an upper bound inside the caller's own deadline."""

    connect_s: float = 5.0
    first_token_s: float = 60.0
    between_tokens_s: float = 30.0
    total_s: float = 600.0
    least_tps: float = 0.0
    """Tokens a second that a stream must begin with; zero: any will do."""
    whole_first_s: float = 0.0
    """Above zero, answers that are not streamed are asked for as streams, and begin by then."""
    judge_s: float = 1.0
    """How long its beginning is held back to see that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One backend as an engine needs it; `secret` is already decrypted (workers only)."""

    name: str
    kind: str
    model: str
    api_base: str = ""
    secret: str = field(default="", repr=False)
    timeouts: Timeouts = Timeouts()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One attempt: the client's body with our own fields removed, and the seconds it may take."""

    body: Body
    stream: bool
    deadline_s: float
    domain: str = ""
    """Whose text it is (the team): engines that remember prompts never share across domains."""
    priority: int = 0
    form: str = "chat"
    """Or `text`: the body has a `prompt` to go on from, untouched by any template, instead of
    `messages`, and what comes of it has the shape of chat all the same; or `embeddings`: it has
    `input`, and one Completion whose body is OpenAI's list of vectors comes of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    compute_s: float = 0.0
    """Seconds of processor (or GPU) time on our own machines; zero for what others run."""

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, kw_only=True, slots=True)
class Delta:
    """One streamed chunk (`chat.completion.chunk`), never the one that only reports usage."""

    chunk: Body
    has_content: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """The end of an attempt. `body` is the whole answer, or empty when it was streamed."""

    body: Body
    usage: Usage
    finish_reason: str = "stop"


Event = Delta | Completion


class Failure(enum.StrEnum):
    """What kind of trouble it was; each kind has its own reaction (see docs/concepts.md)."""

    KEY_PERMANENT = "key_permanent"
    KEY_TRANSIENT = "key_transient"
    SERVER = "server"
    TIMEOUT = "timeout"
    CLIENT = "client"
    UNSUPPORTED = "unsupported"
    """Rightly asked, but this backend cannot do it, or has no such model; another may."""
    CONTEXT = "context"
    POLICY = "policy"
    SLOW = "slow"
    """It began, but below the floor that its operator has set."""
    MALFORMED = "malformed"
    CUT = "cut"
    CANCELLED = "cancelled"


PERMANENT = frozenset(
    {Failure.KEY_PERMANENT, Failure.CLIENT, Failure.UNSUPPORTED, Failure.CONTEXT, Failure.POLICY}
)


class EngineError(Exception):
    """An engine could not finish the call; `param` is the field of its body that is to blame."""

    def __init__(
        self,
        failure: Failure,
        message: str,
        *,
        retry_after_s: float | None = None,
        status: int | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = message
        self.retry_after_s = retry_after_s
        self.status = status
        self.param = param

    @property
    def permanent(self) -> bool:
        """The same call to the same backend would fail again."""
        return self.failure in PERMANENT


class Engine(Protocol):
    """Runs one call: deltas while it streams (none otherwise), then exactly one Completion.

    Raises EngineError for every failure; closing the iterator or cancelling the task stops the
    upstream call at once. A stream that ends without its finish is `Failure.CUT`.
    """

    def run(self, target: Target, call: Call) -> AsyncGenerator[Event, None]: ...

    async def close(self) -> None: ...
