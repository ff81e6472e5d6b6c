"""Which backends may answer, in which order and why: hard constraints first, then score (pure)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from analytics import prices
from routing import loads
from routing.policy.values import (
    EMBEDDINGS,
    VIRTUAL,
    Backend,
    Candidate,
    Decision,
    NoWay,
    Wants,
)
from routing.questions import Constraints, Prompt
from routing.signals.values import Signals

MARGIN = 1.5
"""Prompt tokens are estimated without a tokenizer; a hold takes half as many again."""


def wants(prompt: Prompt, signals: Signals, allowed: frozenset[str]) -> Wants:
    needs = {
        "tools": signals.tools,
        "json_schema": signals.structured,
        "vision": signals.images,
        "completions": prompt.form == "text",
        EMBEDDINGS: prompt.form == "embeddings",
    }
    return Wants(
        model=prompt.model,
        prompt_tokens=signals.prompt_tokens,
        format_tokens=signals.format_tokens,
        output_tokens=prompt.max_tokens,
        choices=prompt.choices,
        needs=frozenset(name for name, needed in needs.items() if needed),
        constraints=prompt.constraints,
        allowed=allowed,
        inputs=prompt.inputs,
    )


def decide(asked: Wants, backends: Sequence[Backend]) -> Decision | NoWay:
    considered, goal = _considered(asked, backends)
    candidates = tuple(_weigh(asked, backend, goal) for backend in considered)
    feasible = [candidate for candidate in candidates if not candidate.excluded]
    if not feasible:
        return _no_way(asked, candidates)
    ordered = sorted(feasible, key=_rank)
    return Decision(order=tuple(ordered), candidates=candidates, reason=f"policy:{goal}")


def preferring(decision: Decision, name: str, reason: str) -> Decision:
    """The same candidates with one of them first, unless it is excluded or struggles."""
    liked = [c for c in decision.order if c.backend.name == name and not c.backend.failing]
    if not liked:
        return decision
    others = (each for each in decision.order if each is not liked[0])
    return replace(decision, order=(liked[0], *others), reason=reason)


def _considered(asked: Wants, backends: Sequence[Backend]) -> tuple[Sequence[Backend], str]:
    """Vectors of two models cannot be compared, so for them `auto` is always the same backend: the
    first of our own embedders that was made."""
    if asked.model not in VIRTUAL:
        return [b for b in backends if b.name == asked.model], "named-model"
    if not asked.embeds:
        return backends, VIRTUAL[asked.model]
    ours = [b for b in backends if b.is_ours and EMBEDDINGS in b.capabilities]
    return sorted(ours, key=lambda backend: backend.backend_id)[:1], "default-embedder"


def _weigh(asked: Wants, backend: Backend, goal: str) -> Candidate:
    read = _read_tokens(asked, backend)
    prompt, output = int(read * MARGIN), _output_tokens(asked, backend, read)
    computing_s = loads.computing_s(backend.load, prompt, output) if backend.is_ours else 0.0
    usual, worst = (
        prices.worst_case(backend.price, prompt, output, compute_s=prices.seconds(spare))
        for spare in (computing_s, computing_s * loads.SPARE)
    )
    candidate = Candidate(
        backend=backend,
        worst_case=worst,
        context_needed=read + (1 if backend.is_ours else asked.output_tokens or 0),
        first_content_s=loads.first_content_s(backend.load, read, backend.first_token_s),
    )
    return replace(
        candidate, excluded=_exclusion(asked, candidate), score=_score(goal, candidate, usual)
    )


def _read_tokens(asked: Wants, backend: Backend) -> int:
    """Our own embedders read the beginning of each text, however long it is, and our own models
    no schema."""
    if not backend.is_ours:
        return asked.prompt_tokens
    if asked.embeds:
        return min(asked.prompt_tokens, backend.context * asked.inputs)
    return max(asked.prompt_tokens - asked.format_tokens, 1)


def _output_tokens(asked: Wants, backend: Backend, read: int) -> int:
    """Our own models cut what was asked for to what their context leaves; others refuse it."""
    if asked.embeds:
        return 0
    longest = asked.output_tokens or backend.max_output
    if backend.is_ours:
        longest = min(longest, max(backend.context - read, 1))
    return longest * asked.choices


def _lacks(asked: Wants, backend: Backend) -> bool:
    """An embedder makes vectors and nothing else."""
    embeds = EMBEDDINGS in backend.capabilities
    return not asked.needs <= backend.capabilities or embeds != asked.embeds


def _score(goal: str, candidate: Candidate, cost: Decimal) -> float:
    """What the goal looks at, the higher the better: quality, speed or price."""
    if goal == "best-feasible":
        return candidate.backend.quality
    if goal == "fastest-feasible":
        return -(candidate.first_content_s or 0.0)
    return -float(cost)


def _exclusion(asked: Wants, candidate: Candidate) -> str:
    """The first hard constraint that this backend breaks, or nothing."""
    limits, backend, worst = asked.constraints, candidate.backend, candidate.worst_case
    local_only = limits.locality == "local" or asked.model == "auto:local"
    broken = {
        "not-allowed": bool(asked.allowed) and not asked.allowed & {backend.name, asked.model},
        "locality": local_only and not backend.is_ours,
        "capability": _lacks(asked, backend),
        "context": not asked.embeds and candidate.context_needed > backend.context,
        "max-cost": limits.max_cost is not None and worst > limits.max_cost,
        "min-quality": limits.min_quality is not None and backend.quality < limits.min_quality,
        "max-latency": _too_slow(limits, candidate.first_content_s),
        "busy": backend.in_flight >= backend.max_parallel or backend.load.full,
    }
    return next((name for name, is_broken in broken.items() if is_broken), "")


def _too_slow(limits: Constraints, first_content_s: float | None) -> bool:
    if limits.max_latency_ms is None or first_content_s is None:
        return False
    return first_content_s * 1000 > limits.max_latency_ms


def _rank(candidate: Candidate) -> tuple[Any, ...]:
    """Struggling backends come last but are never left out: they may be all there is."""
    backend = candidate.backend
    by_cost = (candidate.worst_case, -backend.quality, backend.name)
    return (backend.failing, -candidate.score, *by_cost)


RELAXED: dict[str, Callable[[Candidate], dict[str, Any]]] = {
    "max-cost": lambda c: {"constraint": "max-cost", "needed": f"{c.worst_case:f}"},
    "min-quality": lambda c: {"constraint": "min-quality", "needed": c.backend.quality},
    "max-latency": lambda c: {
        "constraint": "max-latency-ms",
        "needed": round((c.first_content_s or 0) * 1000),
    },
    "locality": lambda _: {"constraint": "locality", "needed": "any"},
    "context": lambda c: {
        "constraint": "context",
        "needed": c.context_needed,
        "offered": c.backend.context,
    },
}


def _no_way(asked: Wants, candidates: tuple[Candidate, ...]) -> NoWay:
    by_cost = sorted(candidates, key=lambda candidate: candidate.worst_case)
    relaxations = tuple(
        {**RELAXED[candidate.excluded](candidate), "backend": candidate.backend.name}
        for candidate in by_cost
        if candidate.excluded in RELAXED
    )
    local_only = asked.model == "auto:local" or asked.constraints.locality == "local"
    empty = "locality" if local_only else "backends"
    binding = next((c.excluded for c in by_cost if c.excluded in RELAXED), "")
    if any(candidate.excluded == "busy" for candidate in candidates):
        binding = "busy"  # the last constraint: these would do, if only they were free
    return NoWay(
        binding=binding or next((c.excluded for c in by_cost), empty),
        relaxations=relaxations[:5],
        candidates=candidates,
    )
