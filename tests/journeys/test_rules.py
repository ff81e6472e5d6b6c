"""Rules from the API to OpenAI's SDK: written, published, obeyed, taken away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import openai
import pytest

from tests.journeys.world import World, asking, words
from tests.running import eventually

pytestmark = pytest.mark.journey


@contextmanager
def published(world: World, *rules: dict[str, Any]) -> Iterator[int]:
    """The number of the version that holds these rules of team red; none holds any afterwards."""
    made = [world.make("rules", team="j-red", **rule)["id"] for rule in rules]
    number = publish(world)
    try:
        yield number
    finally:
        for rule_id in made:
            world.admin.delete(f"/api/rules/{rule_id}/").raise_for_status()
        publish(world)


def publish(world: World) -> int:
    drafts = world.admin.get("/api/policies/", params={"state": "draft", "team": "j-red"})
    draft = drafts.raise_for_status().json()["results"][0]["id"]
    answer = world.admin.post(f"/api/policies/{draft}/publish/", json={})
    number: int = answer.raise_for_status().json()["number"]

    def in_force() -> bool:
        return bool(world.chat("probe").headers["x-kora-policy"] == str(number))

    eventually(in_force, within_s=5, what="the policy that was published")
    return number


def test_a_rule_answers_and_refuses_the_sdk(world: World) -> None:
    code = words()
    greeting = {
        "name": "greet", "when": {"signal": "question", "starts_with": code},
        "then": {"reply": "Hello {{user}}."},
    }  # fmt: skip
    refusing = {
        "name": "refuse", "when": {"signal": "question", "contains": code},
        "then": {"deny": "Not this."},
    }  # fmt: skip
    with published(world, greeting, refusing) as number:
        client = world.client()
        more: Any = {"model": "j-fast", "messages": asking(f"{code}!"), "user": "Ann"}
        whole = client.chat.completions.with_raw_response.create(**more)
        assert whole.parse().choices[0].message.content == "Hello Ann."
        assert whole.headers["x-kora-tier"] == "rule"
        assert whole.headers["x-kora-reason"] == "rule:greet"
        assert whole.headers["x-kora-policy"] == str(number)
        chunks = list(client.chat.completions.create(**more, stream=True))
        said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert said == "Hello Ann."
        assert chunks[-1].usage
        assert chunks[-1].usage.total_tokens == 0
        with pytest.raises(openai.PermissionDeniedError, match="Not this"):
            client.chat.completions.create(model="j-fast", messages=asking(f"Say {code}"))
    assert world.chat(f"Say {code}").headers["x-kora-tier"] == "cloud"


def test_rules_of_a_team_are_its_own(world: World) -> None:
    with published(world, {"name": "none", "when": {}, "then": {"deny": "Closed."}}):
        assert world.chat("probe").status_code == 403
        assert world.chat("probe", key=world.keys["blue"]).status_code == 200
