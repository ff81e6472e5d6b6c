"""What became of decisions, and what was learned from it."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from pgvector.django import HalfVectorField


class IntentMind(models.Model):
    """A classifier of a team's intents, or of the shipped ones; the newest of a scope is used."""

    team = models.ForeignKey("teams.Team", null=True, on_delete=models.CASCADE, related_name="+")
    embedder = models.TextField()
    weights = models.BinaryField()
    report = models.JSONField(default=dict)
    """Accuracy and confusions by cross-validation, what was too little to learn from."""
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"intents of {self.team_id}"


class Outcome(models.Model):
    """One decided request and what is known of how it went, each part of the reward apart."""

    exchange_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    at = models.DateTimeField(db_default=Now())
    team_id = models.BigIntegerField()
    intent = models.TextField(blank=True, default="")
    complexity = models.FloatField(null=True)
    backend = models.TextField()
    policy = models.IntegerField(default=0)
    learned = models.IntegerField(default=0)
    """The version of the parameters that it was decided by."""
    propensity = models.FloatField(default=1.0)
    explored = models.BooleanField(default=False)
    expected = models.FloatField(null=True)
    """The quality that was expected of the backend."""
    features = models.JSONField(default=list)
    embedder = models.TextField(blank=True, default="")
    vector = HalfVectorField(null=True)
    session = models.TextField(blank=True, default="")
    mark = models.TextField(blank=True, default="", db_default="")
    """Of what was asked: who asks the same again was not content."""
    experiment = models.TextField(blank=True, default="")
    """`<name>/<arm>` where it took part in one."""
    ok = models.BooleanField(default=True)
    cost = models.FloatField(default=0)
    total_ms = models.FloatField(default=0)
    first_content_ms = models.FloatField(null=True)
    prompt_tokens = models.IntegerField(default=0)
    completion_tokens = models.IntegerField(default=0)
    parts = models.JSONField(default=dict)
    """Each from 0 to 1: `feedback`, `thumb`, `verifier`, `judge`, `regenerated`, `re_asked`, …"""
    changed_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(null=True)
    """When learning last took it in; a part that comes later makes it be taken in again."""

    class Meta:
        ordering = ["-at"]
        indexes = [
            models.Index(fields=["team_id", "-at"], name="outcome_team_newest"),
            # The answer before in a session.
            models.Index(
                fields=["team_id", "session", "-at"],
                condition=~Q(session=""),
                name="outcome_session",
            ),
            # What learning has not taken in yet.
            models.Index(fields=["changed_at"], condition=Q(seen_at=None), name="outcome_unseen"),
            models.Index(
                fields=["experiment", "at"], condition=~Q(experiment=""), name="outcome_experiment"
            ),
        ]

    def __str__(self) -> str:
        return str(self.exchange_id)


class RouterMind(models.Model):
    """A version of what was learned; web processes use the newest that is not withdrawn."""

    made_at = models.DateTimeField(db_default=Now())
    weights = models.BinaryField()
    evidence = models.BinaryField(default=bytes, db_default=b"")
    """What the next version is learned from, beside new outcomes; only the worker reads it."""
    facts = models.JSONField(default=dict)
    """How many outcomes, how good on those held out, by backend and intent."""
    note = models.TextField(blank=True, default="")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"learned {self.pk}"


class TrialState(models.TextChoices):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


class Trial(models.Model):
    """A backend answers KORA's own questions, so that there is a prior before it has traffic."""

    backend = models.ForeignKey("routing.Backend", on_delete=models.CASCADE, related_name="trials")
    team = models.ForeignKey("teams.Team", on_delete=models.CASCADE, related_name="+")
    """Whose budget pays."""
    state = models.CharField(max_length=12, choices=TrialState.choices, default=TrialState.WAITING)
    cap_usd = models.DecimalField(max_digits=26, decimal_places=12)
    spent_usd = models.DecimalField(max_digits=26, decimal_places=12, default=0)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    scores = models.JSONField(default=dict)
    """By intent: how many were asked, how many right."""
    why = models.TextField(blank=True, default="")
    asked_by = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    heard_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"trial of {self.backend_id}"


class Calibration(models.Model):
    """How predicted chances of being late are put right, by backend; the newest that stands."""

    made_at = models.DateTimeField(db_default=Now())
    content = models.JSONField(default=dict)
    """By backend, and under "" for all: shift and slope of the log-odds."""
    facts = models.JSONField(default=dict)
    """How many requests it was learned from, and its Brier scores beside those without it."""

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"calibration {self.pk}"
