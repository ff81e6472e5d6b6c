"""How the laboratory's provider answers: a script for each model, one manner after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

TOKEN_BYTES = 4
"""Every word is one token, by KORA's own estimate too: so bills can be compared exactly."""
BREAKS = (
    "",
    "cut",
    "stall",
    "close",
    "close-done",
    "no-done",
    "error",
    "broken-json",
    "bad-utf8",
    "not-a-chunk",
)
"""What happens after so many words: the connection breaks, nothing more comes, it ends in good
order but in the middle (without or with [DONE]), only [DONE] is missing, an error object,
nonsense."""
USAGES = ("reported", "absent", "zero", "on-finish", "contradictory")


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """How one request is answered; what is not said is done as a good provider does it."""

    status: int = 200
    code: str = "server_error"
    message: str = "scripted"
    headers: Mapping[str, str] = field(default_factory=dict)
    silent: bool = False
    """Takes the request and never says a word."""
    first_s: float = 0.0
    words: int = 8
    """So many as the request's `max_tokens`, where it is negative."""
    word_s: float = 0.0
    breaks: str = ""
    after: int = 0
    usage: str = "reported"

    def for_bound(self, most: int) -> Manner:
        return self if self.words >= 0 else replace(self, words=most)

    def __post_init__(self) -> None:
        assert self.breaks in BREAKS, self.breaks
        assert self.usage in USAGES, self.usage


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """The manners of one model in order; the last one stays. Keys may have manners of their own."""

    manners: tuple[Manner, ...] = (Manner(),)
    keys: Mapping[str, tuple[Manner, ...]] = field(default_factory=dict)
    price_in: str = "1"
    price_out: str = "2"
    """USD for a million tokens: what the provider's own bill is made with."""
    models_status: int = 200
    """What it answers to whoever only asks whether it is there."""


GOOD = Manner()


def text_of(words: int) -> str:
    """Numbered, so that a missing or doubled word shows."""
    return "".join(word(number) for number in range(words))


def word(number: int) -> str:
    return f" {number % 1000:03d}"


def then(*bad: Manner, after: Manner = GOOD) -> tuple[Manner, ...]:
    return (*bad, after)


def limited(retry_after_s: float, *, times: int = 1) -> tuple[Manner, ...]:
    refused = Manner(
        status=429, code="rate_limit_exceeded", headers={"Retry-After": f"{retry_after_s:g}"}
    )
    return then(*(refused,) * times)


def failing(status: int, *, times: int = 1, code: str = "server_error") -> tuple[Manner, ...]:
    return then(*(Manner(status=status, code=code),) * times)


ALWAYS_DOWN = (Manner(status=503, code="overloaded"),)
REFUSED_KEY = Manner(status=401, code="invalid_api_key", message="Incorrect API key provided.")
TOO_LONG: Mapping[str, Manner] = {
    "openai": Manner(
        status=400,
        code="context_length_exceeded",
        message="This model's maximum context length is 8192 tokens, you sent 9000.",
    ),
    "anthropic": Manner(
        status=400,
        code="invalid_request_error",
        message="prompt is too long: 9000 tokens > 8192 maximum",
    ),
    "gemini": Manner(
        status=400,
        code="INVALID_ARGUMENT",
        message="The input token count (9000) exceeds the maximum number of tokens allowed (8192).",
    ),
    "llama.cpp": Manner(
        status=400,
        code="exceed_context_size_error",
        message="the request exceeds the available context size, try increasing it",
    ),
    "vllm": Manner(
        status=400,
        code="BadRequestError",
        message="This model's maximum context length is 8192 tokens. However, you requested 9000.",
    ),
}


def pack(script: Script) -> dict[str, Any]:
    return asdict(script)


def unpack(packed: Mapping[str, Any]) -> Script:
    keys = {key: _manners(manners) for key, manners in packed["keys"].items()}
    return Script(**{**packed, "manners": _manners(packed["manners"]), "keys": keys})


def _manners(packed: Any) -> tuple[Manner, ...]:
    return tuple(Manner(**each) for each in packed)


def paced(manners: tuple[Manner, ...], **how: Any) -> tuple[Manner, ...]:
    """The same in other time or length."""
    return tuple(replace(each, **how) for each in manners)
