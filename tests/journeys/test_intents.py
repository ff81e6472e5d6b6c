"""Intents from the API to a receipt: taught by sentences, learned by the worker, then told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.journeys.world import World
from tests.running import eventually

pytestmark = pytest.mark.journey

REFUNDS = [
    "I want my money back",
    "how do I return this",
    "where is my refund",
    "refund for order 12",
    "the blender broke, I want a refund",
    "money back please",
]
PARKING = [
    "where can I park",
    "is there a garage",
    "parking permit",
    "visitor parking",
    "how much is parking",
    "park my car near the office",
]


def intent_of(world: World, text: str) -> dict[str, Any]:
    asked = world.chat(text, model="auto", headers={"x-kora-cache": "no-cache"})
    assert asked.status_code == 200, asked.text
    found: dict[str, Any] = world.receipt(asked)["receipt"]["intent"]
    return found


def test_what_a_team_teaches_is_told_of_its_next_requests(world: World) -> None:
    made = [
        world.make("intents", team="j-red", name=name, examples=examples)["id"]
        for name, examples in (("refund", REFUNDS), ("parking", PARKING))
    ]
    try:
        eventually(lambda: report(world)["state"] == "learned", within_s=90, what="a lesson")
        eventually(
            lambda: intent_of(world, "hello, could I get a refund?")["intent"] == "refund",
            within_s=5,
            what="the new intent in a receipt",
        )
        eventually(
            lambda: intent_of(world, "A short poem about the sea")["intent"] == "creative-writing",
            within_s=90,
            what="the types that ship",
        )
        said = intent_of(world, "could you refund what I paid for the kettle?")
        assert (said["intent"], said["by"]) == ("refund", "examples")
        assert said["complexity"] is not None
        assert intent_of(world, "qwxz 12 zzt")["intent"] == ""
    finally:
        for intent_id in made:
            world.admin.delete(f"/api/intents/{intent_id}/").raise_for_status()


def report(world: World) -> dict[str, Any]:
    answer = world.admin.get("/api/intents/report/", params={"team": "j-red"})
    found: dict[str, Any] = answer.raise_for_status().json()
    return found
