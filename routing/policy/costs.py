"""What a call of a backend may cost at the most, and what it is expected to cost (pure)."""

from __future__ import annotations

import math

from routing import loads
from routing.learning.values import Forecast
from routing.loads import Load
from routing.policy.values import Backend, Fit, Seat, Wants

MARGIN = 1.5
"""Prompt tokens are estimated without a tokenizer; a hold takes half as many again."""
COUNTED_MARGIN = 1.05
"""Where the model's own vocabulary counted them: what its provider adds of its own."""
USUAL_OUTPUT = Forecast(tokens=300.0, high=1200.0)
"""Of an answer about which nothing is known."""
USUAL_READING_TPS = 400.0
"""Of a model of our own that nobody has timed."""


def read_tokens(asked: Wants, backend: Backend) -> int:
    """Our own embedders read the beginning of each text, however long it is, and our own models
    no schema."""
    if not backend.is_ours:
        return asked.counted.get(backend.model, asked.prompt_tokens)
    if asked.embeds:
        return min(asked.prompt_tokens, backend.context * asked.inputs)
    return max(asked.prompt_tokens - asked.format_tokens, 1)


def fit(asked: Wants, backend: Backend) -> Fit:
    load, read = backend.load, read_tokens(asked, backend)
    longest = longest_output(asked, backend, read)
    prompt, output = _most_read(asked, backend, read), longest * asked.choices
    compute_s = loads.computing_s(load, prompt, output) * loads.SPARE if backend.is_ours else 0.0
    return Fit(
        backend=backend,
        read=read,
        longest=longest,
        prompt_tokens=prompt,
        output_tokens=output,
        compute_s=compute_s,
        context_needed=read + (1 if backend.is_ours else asked.output_tokens or 0),
        first_content_s=loads.first_content_s(load, read, backend.first_token_s),
    )


def _most_read(asked: Wants, backend: Backend, read: int) -> int:
    """A provider that reports no usage is paid by the estimate, so no less than that is held."""
    if backend.is_ours or backend.model not in asked.counted:
        return int(read * MARGIN)
    return max(math.ceil(read * COUNTED_MARGIN), asked.prompt_tokens)


def longest_output(asked: Wants, backend: Backend, read: int) -> int:
    """Of one answer. Our own models cut what was asked for to what their context leaves; others
    refuse it."""
    if asked.embeds:
        return 0
    longest = asked.output_tokens or backend.max_output
    if backend.is_ours:
        longest = min(longest, max(backend.context - read, 1))
    return longest


def expected_usd(asked: Wants, fit: Fit, output: Forecast) -> tuple[float, float]:
    """And what 9 of 10 cost less than. What the conversation has had read by this backend before
    costs what its provider's cache costs."""
    backend, read, most = fit.backend, fit.read, fit.longest
    rates, warm = backend.rates, warm_tokens(asked.seat, backend, read)
    usd = (read - warm) * rates.into + warm * min(rates.cached, rates.into)
    token_usd = rates.out
    if backend.is_ours and rates.compute_s:
        usd += _reading_s(backend.load, read - warm) * rates.compute_s
        token_usd += backend.load.threads * backend.tempo.token_s * rates.compute_s
    written = min(output.tokens, most) * asked.choices
    longest = min(output.high, most) * asked.choices
    return usd + written * token_usd, usd + longest * token_usd


def _reading_s(load: Load, tokens: int) -> float:
    """Processor time that is expected; what is held assumes a slow model until it is measured."""
    return tokens / (load.prefill_tps or USUAL_READING_TPS) * load.threads


def warm_tokens(seat: Seat, backend: Backend, read: int) -> int:
    return min(seat.tokens, read) if seat.backend == backend.name else 0


def warmth_usd(asked: Wants, fit: Fit) -> float:
    """What it saves that this backend has read the beginning before."""
    backend = fit.backend
    rates, warm = backend.rates, warm_tokens(asked.seat, backend, fit.read)
    usd = warm * max(0.0, rates.into - rates.cached)
    if warm and backend.is_ours and rates.compute_s:
        usd += _reading_s(backend.load, warm) * rates.compute_s
    return usd
