"""Repeated work as it is kept: kinds of questions, patterns, their steps and live comparisons."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from pgvector.django import HalfVectorField


class Intent(models.Model):
    """A kind of question that a team keeps asking; it persists, grows and decays."""

    team = models.ForeignKey("teams.Team", on_delete=models.CASCADE, related_name="+")
    name = models.TextField()
    surroundings = models.CharField(max_length=64, blank=True, default="")
    centre = HalfVectorField()
    generation = models.ForeignKey("caching.Generation", on_delete=models.CASCADE, db_index=False)
    spread = models.FloatField(default=0)
    weight = models.FloatField(default=0)
    """Requests, older ones counting less."""
    facts = models.JSONField(default=dict)
    """Volume, spend, template, slots, stability: what the last run of the miner saw."""
    created_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-weight", "id"]

    def __str__(self) -> str:
        return self.name


class PatternAction(models.TextChoices):
    SERVE = "serve", "serve a stored answer"
    FILL = "fill", "fill an answer template"
    PIN = "pin", "pin to a backend"
    STRATEGY = "strategy", "reuse what worked"
    RULE = "rule", "raise a rule"


class PatternState(models.TextChoices):
    PROPOSED = "proposed"
    CANARY = "canary"
    ACTIVE = "active"
    ROLLED_BACK = "rolled-back"
    REJECTED = "rejected"
    DECAYED = "decayed"


class Pattern(models.Model):
    """Repeated work that was recognised, and what is proposed or done about it."""

    team = models.ForeignKey("teams.Team", on_delete=models.CASCADE, related_name="+")
    intent = models.ForeignKey(Intent, null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.SlugField(max_length=80)
    action = models.CharField(max_length=12, choices=PatternAction.choices)
    state = models.CharField(
        max_length=12, choices=PatternState.choices, default=PatternState.PROPOSED
    )
    scope = models.TextField()
    surroundings = models.CharField(max_length=64, blank=True, default="")
    recipe = models.JSONField(default=dict)
    """What it matches and what it does: prompt template, slots, answer template, backend, …"""
    evidence = models.JSONField(default=dict)
    """Volume, stability with its interval, held-out exactness, projected dollars and seconds."""
    samples = ArrayField(models.UUIDField(), default=list)
    """Exchanges that show it."""
    share = models.FloatField(default=0)
    """Of the requests that it matches, how many it answers while it is a canary."""
    served = models.IntegerField(default=0)
    rights = models.FloatField(default=0)
    wrongs = models.FloatField(default=0)
    saved_usd = models.DecimalField(max_digits=26, decimal_places=12, default=0)
    complaints = models.IntegerField(default=0, db_default=0)
    key = models.CharField(max_length=32, blank=True, default="", db_default="")
    """What the miner knows it by, run after run."""
    counted_until = models.DateTimeField(null=True)
    """Up to when receipts are counted into what it served and saved."""
    created_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())
    """When traffic last matched it."""

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["team", "name"], name="one_pattern_a_name"),
            models.CheckConstraint(condition=Q(share__gte=0, share__lte=1), name="pattern_share"),
            models.UniqueConstraint(
                fields=["team", "key"], condition=~Q(key=""), name="one_pattern_a_key"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PatternStep(models.Model):
    """One change in a pattern's life: who or what moved it, and why."""

    pattern = models.ForeignKey(Pattern, on_delete=models.CASCADE, related_name="steps")
    at = models.DateTimeField(db_default=Now())
    was = models.CharField(max_length=12, blank=True, default="")
    became = models.CharField(max_length=12)
    actor = models.TextField()
    why = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.pattern_id} {self.became}"


class PatternCheck(models.Model):
    """What a pattern would have said beside what a model said to the same request."""

    pattern = models.ForeignKey(Pattern, on_delete=models.CASCADE, related_name="checks")
    at = models.DateTimeField(db_default=Now())
    exchange_id = models.UUIDField()
    said = models.TextField(blank=True, default="")
    """The pattern's words; forgotten once they are compared."""
    heard = models.TextField(blank=True, default="")
    right = models.BooleanField(null=True)
    """Empty until it is compared."""
    judged_by = models.CharField(max_length=16, blank=True, default="", db_default="")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["pattern", "exchange_id"], name="one_check_an_exchange")
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(right=None), name="check_undecided"),
            # The newest decided of one pattern: whether it still is what it was.
            models.Index(fields=["pattern", "-id"], name="check_pattern_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.pattern_id} {self.right}"
