"""A request that never finishes arriving is given up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from routing import gateway
from routing.errors import InvalidRequest


async def test_a_body_that_stops_half_way_is_given_up(settings: Any) -> None:
    settings.KORA_WRITE_TIMEOUT_S = 0.05
    pieces: list[dict[str, Any]] = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def receive() -> dict[str, Any]:
        if pieces:
            return pieces.pop()
        await asyncio.sleep(60)
        raise AssertionError

    with pytest.raises(InvalidRequest, match="in time"):
        await gateway._body(receive, 1000)
