"""Backends and requests for the tables of the decision."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from analytics.values import PriceTag
from routing.policy.values import VIRTUAL, Backend, Wants
from routing.questions import Constraints

LIMITS = frozenset(Constraints.__slots__)


def price(into: str = "0", out: str = "1", cached: str = "0") -> PriceTag:
    return PriceTag(
        price_id=None,
        price_in=Decimal(into),
        price_out=Decimal(out),
        price_cached_in=Decimal(cached),
    )


def backend(name: str, usd_out: str = "1", **facts: Any) -> Backend:
    plain = Backend(
        backend_id=1, name=name, kind="sandbox", model=name, version="1",
        price=price(out=usd_out), context=8192, max_output=1000,
        capabilities=frozenset({"tools"}), max_parallel=10, weight=1.0, quality=0.5,
    )  # fmt: skip
    return replace(plain, **facts)


def wants(model: str = "auto", **terms: Any) -> Wants:
    limits = {name: terms.pop(name) for name in LIMITS & set(terms)}
    plain: dict[str, Any] = {
        "prompt_tokens": 10, "output_tokens": 100, "choices": 1, "needs": frozenset()
    }  # fmt: skip
    return Wants(model=model, constraints=Constraints(**limits), **{**plain, **terms})


def some_backends(least: int = 1, most: int = 6) -> st.SearchStrategy[tuple[Backend, ...]]:
    """Of all kinds, so that any constraint can be broken by some of them."""
    one = st.builds(
        lambda facts: facts,
        st.fixed_dictionaries(
            {
                "usd": st.sampled_from(["0", "0.5", "1", "7", "30"]),
                "kind": st.sampled_from(["sandbox", "cloud", "local"]),
                "quality": st.sampled_from([0.1, 0.4, 0.5, 0.9]),
                "context": st.sampled_from([64, 512, 8192]),
                "first_token_s": st.sampled_from([None, 0.05, 0.7, 3.0]),
                "in_flight": st.sampled_from([0, 0, 10]),
                "failing": st.booleans(),
                "weight": st.sampled_from([1.0, 1.0, 0.0]),
                "data_classes": st.sampled_from([frozenset(), frozenset({"health"})]),
                "capabilities": st.sampled_from([frozenset({"tools"}), frozenset()]),
            }
        ),
    )
    return st.lists(one, min_size=least, max_size=most).map(
        lambda all_of: tuple(
            backend(f"b{i}", facts["usd"], **{k: v for k, v in facts.items() if k != "usd"})
            for i, facts in enumerate(all_of)
        )
    )


def some_wants() -> st.SearchStrategy[Wants]:
    return st.fixed_dictionaries(
        {
            "model": st.sampled_from(list(VIRTUAL)),
            "prompt_tokens": st.sampled_from([10, 100, 600]),
            "output_tokens": st.sampled_from([None, 20, 200]),
            "needs": st.sampled_from([frozenset(), frozenset({"tools"})]),
            "max_cost": st.sampled_from([None, Decimal("0.00001"), Decimal("0.0005")]),
            "min_quality": st.sampled_from([None, 0.45, 0.95]),
            "max_latency_ms": st.sampled_from([None, 20.0, 500.0]),
            "locality": st.sampled_from(["any", "any", "local"]),
            "data_class": st.sampled_from(["", "", "health"]),
            "avoid": st.sampled_from([frozenset(), frozenset({"b0"})]),
        }
    ).map(_wants)


def _wants(terms: dict[str, Any]) -> Wants:
    return wants(**terms)
