"""A call's papers: whose it is and what was held for it, in case the book forgets the hold."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from analytics.values import ZERO, Hold, Origin, PriceTag, Span
from routing.tries import Try

Packed = dict[str, Any]


def pack(origin: Origin, each: Try) -> Packed:
    """As orjson writes it; nobody reads it unless a settlement finds no live hold."""
    backend = each.candidate.backend
    return {
        "origin": origin,
        "number": each.number,
        "backend": backend.name,
        "tier": each.tier,
        "price_id": backend.price.price_id,
        "spans": each.spans,
    }


def pack_price(price: PriceTag) -> list[str]:
    amounts = (price.price_in, price.price_out, price.price_cached_in, price.price_compute_s)
    return [str(amount) for amount in amounts]


def unpack_price(packed: list[str]) -> PriceTag:
    """A web process of the release before says nothing of the price of computing."""
    price_in, price_out, price_cached_in, *rest = (Decimal(amount) for amount in packed)
    return PriceTag(
        price_id=None,
        price_in=price_in,
        price_out=price_out,
        price_cached_in=price_cached_in,
        price_compute_s=rest[0] if rest else ZERO,
    )


def unpack(attempt_id: UUID, packed: Packed) -> tuple[Origin, Hold]:
    """Whose call it was, and its hold without the amount, which is over anyhow."""
    origin = packed["origin"]
    exchange_id, at = UUID(origin["exchange_id"]), datetime.fromisoformat(origin["at"])
    hold = Hold(
        attempt_id=attempt_id,
        number=packed["number"],
        backend=packed["backend"],
        tier=packed["tier"],
        amount=ZERO,
        price_id=packed["price_id"],
        lease_s=0.0,
        spans=tuple(_span(each) for each in packed["spans"]),
    )
    return Origin(**{**origin, "exchange_id": exchange_id, "at": at}), hold


def _span(said: Packed) -> Span:
    return Span(
        budget_id=said["budget_id"],
        starts_at=datetime.fromisoformat(said["starts_at"]),
        ends_at=datetime.fromisoformat(said["ends_at"]),
    )
