"""/metrics tells a scraper what came to an end, and asks Redis for what waits."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from analytics.values import Outcome
from inference.local.words import Gauges
from routing import gauges, metrics


def scraped() -> dict[str, float]:
    page = Client().get("/metrics")
    assert page.status_code == 200
    lines = [line.rsplit(" ", 1) for line in page.content.decode().splitlines() if line[0] != "#"]
    return {name: float(value) for name, value in lines}


def test_an_end_is_counted_with_its_times_and_tokens() -> None:
    ended = 'kora_requests_total{state="answered",status="200",tier="exact"}'
    tokens = 'kora_tokens_total{direction="in",tier="exact"}'
    before = scraped()
    outcome = Outcome(
        state="answered", status=200, tier="exact", prompt_tokens=7, total_ms=3.0, overhead_ms=3.0
    )
    metrics.observe(outcome)
    after = scraped()
    assert after[ended] - before.get(ended, 0) == 1
    assert after[tokens] - before.get(tokens, 0) == 7
    bucket = 'kora_overhead_seconds_bucket{le="0.005",tier="exact"}'
    assert after[bucket] - before.get(bucket, 0) == 1


def test_queues_and_workers_are_read_at_the_scrape() -> None:
    page = scraped()
    assert page['kora_queue_length{queue="cloud"}'] == 0
    assert 'kora_workers{queue="cloud"}' in page


def test_the_queues_of_our_own_models_are_told_as_the_router_sees_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = Gauges(model="mini:q8_0", state="ready", slots=8, waiting=3, decode_tps=41.5, wait_s=2.5)
    monkeypatch.setattr(gauges, "everything", lambda: [said])
    page = scraped()
    told = {name: page[f'kora_local_{name}{{model="mini:q8_0"}}'] for name in metrics.OF_OUR_MODELS}
    assert told == {name: getattr(said, name) for name in metrics.OF_OUR_MODELS}
    assert page['kora_local_ready{model="mini:q8_0"}'] == 1
    operations = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    assert [name for name in told if f"kora_local_{name}" not in operations] == []
