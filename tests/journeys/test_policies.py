"""A version is published while requests run: each is decided by one version, soon by the new."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.routing import publishing
from benchmarks.routing.publishing import Place
from tests.journeys.world import World
from tests.running import Kora

pytestmark = pytest.mark.journey


def test_no_answer_is_made_of_two_versions_in_any_process(kora: Kora, world: World) -> None:
    key = world.key("blue")
    admin = world.make(
        "keys", name="publisher", team="j-blue", scopes=["manage"]
    )["key"]  # fmt: skip
    with publishing.another_web(kora.home, kora.home / "second.log") as second:
        place = Place(urls=(kora.url, second), key=key, admin_key=str(admin))
        watched = asyncio.run(publishing.watch(place, requests=300, at_once=20, versions=3))
    assert len(watched.answers) >= 300
    assert {seen.process for seen in watched.answers} == {0, 1}
    assert watched.mixtures == []
    assert watched.mixed_receipts == 0
    newest = max(watched.published)
    last = {seen.process: seen.number for seen in sorted(watched.answers, key=lambda s: s.began_s)}
    assert last == {0: newest, 1: newest}
