"""Probes and the whole picture."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from django.conf import settings
from django.test import Client

from kora_site import health
from teams.models import Member


@pytest.fixture
def heartbeat() -> Any:
    client = redis.Redis.from_url(settings.SERVICES.redis_url)
    client.set("kora:worker:cloud.test.1", '{"queue": "cloud", "running": 2, "slots": 8}', ex=30)
    yield client
    client.delete("kora:worker:cloud.test.1")
    client.close()


def test_the_process_answers_without_a_query(django_assert_num_queries: Any, db: None) -> None:
    with django_assert_num_queries(0):
        assert Client().get("/healthz").json() == {"status": "ok"}


def test_is_ready_with_a_cloud_worker(db: None, heartbeat: Any) -> None:
    answer = Client().get("/readyz")
    assert answer.status_code == 200, answer.json()
    assert answer.json()["parts"] == dict.fromkeys(health.CHECKS, "ok")


def test_says_which_part_is_missing(db: None) -> None:
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    assert "cloud" in answer.json()["parts"]["workers"]


def test_a_lost_redis_is_named_and_nothing_else(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> redis.Redis:
        return redis.Redis(port=1, socket_connect_timeout=0.2)

    monkeypatch.setattr(health, "_redis", gone)
    parts = Client().get("/readyz").json()["parts"]
    assert parts["redis"] == parts["workers"] == "unreachable"
    assert parts["postgres"] == parts["migrations"] == "ok"


def test_shows_people_the_whole_picture(db: None, heartbeat: Any) -> None:
    client = Client()
    assert client.get("/api/health/").status_code == 401
    client.force_login(Member.objects.create_superuser("a@kora.test", "x"))
    found = client.get("/api/health/").json()
    assert found["workers"] == [
        {"name": "cloud.test.1", "queue": "cloud", "running": 2, "slots": 8}
    ]
    assert found["version"]
