"""Backends (where a call can go) and what is known of their health; policies and what was learned
stand in files of their own."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from routing.learning_models import Calibration, IntentMind, Outcome, RouterMind, Trial, TrialState
from routing.policy_models import (
    Experiment,
    ExperimentPoint,
    ExperimentState,
    Policy,
    PolicySettings,
    PolicyState,
    Rule,
    Simulation,
    SimulationState,
    TeamIntent,
)
from routing.resilience_models import BackendKey, Idempotent

__all__ = [
    "RESERVED", "Backend", "BackendKey", "Calibration", "Experiment", "ExperimentPoint",
    "ExperimentState", "Health", "HealthState", "Idempotent", "IntentMind", "Kind", "Outcome",
    "Policy", "PolicySettings", "PolicyState", "RouterMind", "Rule", "Simulation",
    "SimulationState", "TeamIntent", "Trial", "TrialState",
]  # fmt: skip

RESERVED = ("auto",)
"""Virtual model names; no backend may take one."""


class Kind(models.TextChoices):
    LOCAL = "local"
    CLOUD = "cloud"
    OPENAI_COMPATIBLE = "openai-compatible"
    SANDBOX = "sandbox"


class Backend(models.Model):
    """One model behind one address, with what it can do and how it may be used.

    Its price stands in `analytics.Price` under the same name, because prices have dates.
    """

    name = models.CharField(
        max_length=80,
        unique=True,
        validators=[RegexValidator(r"^(?!auto(:|$))[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$")],
    )
    kind = models.CharField(max_length=24, choices=Kind.choices)
    model = models.TextField()
    api_base = models.TextField(blank=True, default="")
    secret_sealed = models.TextField(blank=True, default="")
    context = models.PositiveIntegerField(default=8192)
    max_output = models.PositiveIntegerField(default=4096)
    capabilities = ArrayField(models.CharField(max_length=32), default=list, blank=True)
    region = models.TextField(blank=True, default="")
    data_classes = ArrayField(models.TextField(), default=list, blank=True)
    max_parallel = models.PositiveIntegerField(default=64)
    weight = models.FloatField(default=1.0, validators=[MinValueValidator(0.0)])
    quality = models.FloatField(
        default=0.5, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)]
    )
    timeouts = models.JSONField(default=dict, blank=True)
    options = models.JSONField(default=dict, blank=True)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="backend_kind_known")
        ]

    def __str__(self) -> str:
        return self.name


BREAKER = "breaker: "
"""Begins what is said of a backend's health because its breaker is open."""


class HealthState(models.TextChoices):
    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    FAILING = "failing"


class Health(models.Model):
    """What the last test call or the last real traffic said; apart from Backend so that being
    observed is not being changed."""

    backend = models.OneToOneField(
        Backend, on_delete=models.CASCADE, primary_key=True, related_name="health"
    )
    state = models.CharField(
        max_length=16, choices=HealthState.choices, default=HealthState.UNKNOWN
    )
    message = models.TextField(blank=True, default="")
    latency_ms = models.FloatField(null=True)
    checked_at = models.DateTimeField(null=True)
    running = models.PositiveIntegerField(null=True)
    waiting = models.PositiveIntegerField(null=True)
    load_read_at = models.DateTimeField(null=True)
    """When a model server of somebody else's last said how many requests it runs and queues."""

    class Meta:
        verbose_name_plural = "health"

    def __str__(self) -> str:
        return f"{self.backend_id} {self.state}"
