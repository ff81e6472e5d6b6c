"""Is KORA well: the probes for whoever supervises the process, and the whole picture for people."""

from __future__ import annotations

import contextlib
import json
import threading
import tomllib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from routing.models import Backend
from routing.serializers import ConditionSerializer

OK = "ok"
LOST = "unreachable"
WAIT_S = 1.0
WORKERS = "kora:worker:*"

_applied = threading.Event()


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """The process answers; nothing else is asked, so that a lost database restarts nobody."""
    return JsonResponse({"status": OK})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """503 until every part is `ok`, naming the one that is not."""
    parts = {name: check() for name, check in CHECKS.items()}
    ready = all(state == OK for state in parts.values())
    return JsonResponse({"ready": ready, "parts": parts}, status=200 if ready else 503)


def postgres() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return LOST
    return OK


def migrations() -> str:
    """Once all were applied they stay so for this process, and looking is not cheap."""
    if _applied.is_set():
        return OK
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return LOST
    if waiting:
        return "pending: run `python manage.py migrate`"
    _applied.set()
    return OK


def bus() -> str:
    try:
        with _redis() as client:
            client.ping()
    except redis.RedisError:
        return LOST
    return OK


def cloud_worker() -> str:
    try:
        known = workers()
    except redis.RedisError:
        return LOST
    served = any(worker.get("queue") == "cloud" for worker in known)
    return OK if served else "no worker serves the queue `cloud`"


def workers() -> list[dict[str, Any]]:
    """Those whose heartbeat is fresh: each writes a key that lapses when it stops."""
    with _redis() as client:
        names = sorted(client.scan_iter(WORKERS, count=500))
        states = client.mget(names) if names else []
    return [_worker(name, state) for name, state in zip(names, states, strict=True) if state]


def _worker(name: bytes, state: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name.decode().removeprefix(WORKERS[:-1])}
    with contextlib.suppress(ValueError, TypeError):
        found.update(json.loads(state))
    return found


def _redis() -> redis.Redis:
    return redis.Redis.from_url(
        settings.SERVICES.redis_url or "redis://127.0.0.1:1/0",
        socket_timeout=WAIT_S,
        socket_connect_timeout=WAIT_S,
    )


CHECKS: dict[str, Callable[[], str]] = {
    "postgres": postgres,
    "migrations": migrations,
    "redis": bus,
    "workers": cloud_worker,
}


class GaugesSerializer(serializers.Serializer[Any]):
    """A model of our own as its worker last described it."""

    model = serializers.CharField()
    state = serializers.CharField(
        help_text="`ready`, `loading`, `not loaded`, `failed` or `taken-out`"
    )
    message = serializers.CharField(required=False, allow_blank=True)
    slots, running, waiting, bound = (serializers.IntegerField(required=False) for _ in range(4))
    prefill_tps, decode_tps, wait_s = (serializers.FloatField(required=False) for _ in range(3))


class WorkerSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    queue = serializers.CharField(required=False)
    running = serializers.IntegerField(required=False)
    slots = serializers.IntegerField(required=False)
    models = GaugesSerializer(many=True, required=False)


class BackendHealthSerializer(serializers.ModelSerializer[Backend]):
    health = ConditionSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Backend
        fields = ["id", "name", "kind", "enabled", "health"]
        read_only_fields = fields


class WellbeingSerializer(serializers.Serializer[Any]):
    version = serializers.CharField()
    ready = serializers.BooleanField()
    parts = serializers.DictField(child=serializers.CharField())
    workers = WorkerSerializer(many=True)
    backends = BackendHealthSerializer(many=True)


class Wellbeing(APIView):
    """Parts, workers and backends at one glance; 200 also while a part is not well."""

    @extend_schema(responses=WellbeingSerializer)
    def get(self, request: Request) -> Response:  # noqa: ARG002
        parts = {name: check() for name, check in CHECKS.items()}
        found = {
            "version": _version(),
            "ready": all(state == OK for state in parts.values()),
            "parts": parts,
            "workers": workers() if parts["redis"] == OK else [],
            "backends": Backend.objects.select_related("health"),
        }
        return Response(WellbeingSerializer(found).data)


@lru_cache(maxsize=1)
def _version() -> str:
    about = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())
    return str(about["project"]["version"])
