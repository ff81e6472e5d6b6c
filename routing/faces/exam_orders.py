"""Asks for a trial of a backend: one at a time, with an audit row."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from rest_framework.serializers import ModelSerializer

from routing.models import Backend, Trial, TrialState
from routing.policy.values import EMBEDDINGS
from teams import audit
from teams.values import Actor

OPEN = (TrialState.WAITING, TrialState.RUNNING)


class AlreadyTried(Exception):  # noqa: N818
    """It is being tried already."""


class NotTried(Exception):  # noqa: N818
    """It makes vectors and answers no questions."""


def candidates() -> QuerySet[Backend]:
    """Whoever could answer a question."""
    return Backend.objects.exclude(capabilities__contains=[EMBEDDINGS]).order_by("name")


def begin(actor: Actor, backend: Backend, judged: ModelSerializer[Any]) -> Trial:
    """`judged` is a valid TrialSerializer: whose budget pays, and how much at most."""
    if EMBEDDINGS in backend.capabilities:
        raise NotTried
    with transaction.atomic():
        Backend.objects.select_for_update().get(pk=backend.pk)
        if Trial.objects.filter(backend=backend, state__in=OPEN).exists():
            raise AlreadyTried
        trial: Trial = judged.save(backend=backend, asked_by=actor.name)
        audit.record(actor, "trial", backend, after={"cap_usd": f"{trial.cap_usd:f}"})
    return trial
