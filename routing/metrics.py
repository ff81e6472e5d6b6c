"""What Prometheus scrapes: requests, their times, KORA's own share, money, queues and workers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TypeVar

import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from analytics.values import Outcome
from routing import bus, gauges, vitals
from routing.failover import breakers, crowds
from routing.fairness import waiting as waiting_calls

Labelled = TypeVar("Labelled", Counter, Histogram)
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

REQUESTS = Counter("kora_requests", "Requests that came to an end.", ["tier", "state", "status"])
TOTAL = Histogram("kora_request_seconds", "From arrival to the end.", ["tier"], buckets=SECONDS)
FIRST = Histogram(
    "kora_first_content_seconds", "From arrival to the first content.", ["tier"], buckets=SECONDS
)
OVERHEAD = Histogram(
    "kora_overhead_seconds", "KORA's own share of a request.", ["tier"], buckets=SECONDS
)
REACTIONS = Counter("kora_reactions", "Attempts that followed a failed one.", ["kind", "failure"])
TOKENS = Counter("kora_tokens", "Tokens of answered requests.", ["tier", "direction"])
LEFT_UNDONE = Counter(
    "kora_left_undone", "What was not done after a reply for want of time.", ["what"]
)
HEDGES = Counter("kora_hedges", "Second attempts beside a silent one.", ["outcome"])
SAVED = Counter("kora_saved_usd", "What answers without a model would have cost.", ["tier"])


OF_OUR_MODELS = {
    "slots": "Sequences decoded together.",
    "running": "Sequences being decoded now.",
    "waiting": "Calls that wait for a slot.",
    "bound": "Calls that may wait; beyond it they are refused.",
    "prefill_tps": "Prompt tokens read a second.",
    "decode_tps": "Tokens written a second.",
    "wait_s": "How long a call that came now would wait for a slot.",
}
"""What heartbeats of local workers say of each model, all workers together."""


@lru_cache(maxsize=256)
def _of(metric: Labelled, *labels: str) -> Labelled:
    """Finding a labelled child costs more than counting with it."""
    return metric.labels(*labels)


def observe(outcome: Outcome) -> None:
    tier = outcome.tier or "none"
    _of(REQUESTS, tier, outcome.state, str(outcome.status)).inc()
    _of(TOTAL, tier).observe(outcome.total_ms / 1000)
    _of(OVERHEAD, tier).observe(outcome.overhead_ms / 1000)
    if outcome.first_content_ms is not None:
        _of(FIRST, tier).observe(outcome.first_content_ms / 1000)
    if outcome.state == "answered":
        _of(TOKENS, tier, "in").inc(outcome.prompt_tokens)
        _of(TOKENS, tier, "out").inc(outcome.completion_tokens)
    if outcome.saved:
        _of(SAVED, tier).inc(float(outcome.saved))


def observe_reaction(reason: str) -> None:
    """`fallback:<failure>` to another backend, `retry:<failure>` to the same."""
    kind, _, failure = reason.partition(":")
    _of(REACTIONS, kind, failure).inc()


def left_undone(what: str) -> None:
    _of(LEFT_UNDONE, what).inc()


def observe_hedge(outcome: str) -> None:
    """`won` by the second attempt, `lost` to the first, or `failed` both."""
    _of(HEDGES, outcome).inc()


class Surroundings:
    """Gauges read at the moment of the scrape: backends, queues, workers."""

    def describe(self) -> list[Metric]:
        """Nothing is asked of Redis when the module is imported."""
        return []

    def collect(self) -> Iterator[Metric]:
        yield _backends()
        yield _breakers()
        yield from _our_models()
        yield from _queues()


def _backends() -> Metric:
    running = GaugeMetricFamily(
        "kora_backend_in_flight", "Calls running now, of all web processes.", labels=["backend"]
    )
    for name, vital in vitals.everything().items():
        running.add_metric([name], vital.in_flight + crowds.of(name).in_flight)
    return running


def _breakers() -> Metric:
    """The same in every process within half a second."""
    shut = GaugeMetricFamily(
        "kora_breaker_open", "1 while nobody but a trial asks it.", labels=["backend"]
    )
    for name, circuit in breakers.everything().items():
        shut.add_metric([name], float(circuit.is_open))
    return shut


def _our_models() -> Iterator[Metric]:
    models = list(gauges.everything())
    ready = GaugeMetricFamily("kora_local_ready", "1 while a model answers.", labels=["model"])
    for said in models:
        ready.add_metric([said.model], float(said.state == "ready"))
    yield ready
    for name, words in OF_OUR_MODELS.items():
        family = GaugeMetricFamily(f"kora_local_{name}", words, labels=["model"])
        for said in models:
            family.add_metric([said.model], getattr(said, name))
        yield family


def _queues() -> Iterator[Metric]:
    waiting = GaugeMetricFamily("kora_queue_length", "Calls no worker has begun.", labels=["queue"])
    workers = GaugeMetricFamily("kora_workers", "Workers with a fresh heartbeat.", labels=["queue"])
    try:
        with redis.Redis.from_url(settings.SERVICES.redis_url, socket_timeout=2) as client:
            names = [name.decode() for name in client.scan_iter(bus.worker_key("*"), count=500)]
            for queue in ("cloud", "local"):
                waiting.add_metric([queue], waiting_calls.lengths(client, queue))
                mine = bus.worker_key(f"{queue}.")
                workers.add_metric([queue], sum(name.startswith(mine) for name in names))
    except redis.RedisError:
        return
    yield waiting
    yield workers


def _registry() -> CollectorRegistry:
    """Behind one socket any of several processes is asked: what all of them counted, in files that
    outlive them, and what surrounds them all. One alone answers for itself."""
    together = CollectorRegistry() if settings.KORA_SHARES_METRICS else REGISTRY
    if together is not REGISTRY:
        multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    together.register(Surroundings())
    return together


REGISTRY_SERVED = _registry()


@require_safe
def view(request: HttpRequest) -> HttpResponse:
    del request
    return HttpResponse(generate_latest(REGISTRY_SERVED), content_type=CONTENT_TYPE_LATEST)
