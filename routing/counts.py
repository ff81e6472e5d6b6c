"""How many tokens a model itself would count of this prompt, where money hangs on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from inference import counting, tokens
from routing import catalog
from routing.policy.values import Wants
from routing.way import Way

BILLED = frozenset({"cloud", "openai-compatible"})
"""Kinds of backends whose providers count the tokens."""


def told(way: Way, asked: Wants) -> Wants:
    """The same, with what is known of it by model: the estimate's margin then need not be held."""
    found = _by_model(way) if _matters(way, asked) else {}
    return replace(asked, counted=found) if found else asked


def _matters(way: Way, asked: Wants) -> bool:
    """A cap on this request or a budget above it; else nobody holds or refuses by the count."""
    ours = way.caller.organisation_id
    capped = asked.constraints.max_cost is not None
    return capped or any(each.organisation_id == ours for each in catalog.current().budgets)


def _by_model(way: Way) -> Mapping[str, int]:
    """One count for each vocabulary and each rule of pictures among the backends."""
    billed = (each for each in catalog.current().backends if each.kind in BILLED)
    models = {each.model for each in billed}
    known = {model: counting.vocabulary(model) for model in models if tokens.family(model)}
    counts = {how: counting.exactly(way.prompt.body, how) for how in set(known.values())}
    return {model: count for model, how in known.items() if (count := counts[how]) is not None}
