"""What was promised and what became of it: raised budgets, SLAs, their hours, and predictions."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

SHARE = [MinValueValidator(0.0), MaxValueValidator(1.0)]


class BudgetOverride(models.Model):
    """Another limit for a while; the newest that has begun and not ended counts."""

    budget = models.ForeignKey(
        "analytics.Budget", on_delete=models.CASCADE, related_name="overrides"
    )
    limit_usd = models.DecimalField(max_digits=26, decimal_places=12)
    starts_at = models.DateTimeField(db_default=Now())
    ends_at = models.DateTimeField()
    reason = models.TextField()
    created_by = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(limit_usd__gte=0), name="override_limit_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=models.F("starts_at")), name="override_has_length"
            ),
        ]
        # The question of every hold: is another limit in force?
        indexes = [models.Index(fields=["budget", "-id"], name="override_budget_newest")]

    def __str__(self) -> str:
        return f"{self.budget_id} until {self.ends_at:%F %T}"


class Sla(models.Model):
    """What a team is promised on one route; what is not said is not promised."""

    team = models.ForeignKey("teams.Team", on_delete=models.CASCADE, related_name="slas")
    name = models.TextField()
    route = models.TextField(blank=True, default="")
    """A model or alias as it is asked for, or `intent:<name>`; empty: all of the team's."""
    ttft_ms = models.PositiveIntegerField(null=True, blank=True)
    total_ms = models.PositiveIntegerField(null=True, blank=True)
    percentile = models.FloatField(default=95.0, db_default=95.0)
    availability = models.FloatField(null=True, blank=True)
    """In percent of requests."""
    min_quality = models.FloatField(null=True, blank=True, validators=SHARE)
    window_days = models.PositiveSmallIntegerField(default=30, db_default=30)
    stricter = models.BooleanField(default=True, db_default=True)
    """While it burns too fast, routing cares more for being on time."""
    enabled = models.BooleanField(default=True, db_default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["team", "name"]
        constraints = [
            models.UniqueConstraint(fields=["team", "name"], name="one_sla_a_name"),
            models.CheckConstraint(
                condition=Q(percentile__gt=0, percentile__lt=100), name="sla_percentile"
            ),
            models.CheckConstraint(
                condition=Q(availability=None) | Q(availability__gt=0, availability__lt=100),
                name="sla_availability",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SlaHour(models.Model):
    """The requests of one hour under one SLA: how many, which targets they missed, and why."""

    sla = models.ForeignKey(Sla, on_delete=models.CASCADE, related_name="hours")
    at = models.DateTimeField()
    requests = models.PositiveIntegerField(default=0)
    counted = models.JSONField(default=dict, db_default={})
    """By target, how many were held to it: of most answers nobody says how good they were."""
    misses = models.JSONField(default=dict)
    """By target (`ttft`, `total`, `availability`, `quality`), how many missed it."""
    causes = models.JSONField(default=dict)
    """By cause (`queue`, `provider`, `retry`, `router`, `client`), how many misses; those of the
    client are in no target's figure."""
    rolled_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-at"]
        constraints = [models.UniqueConstraint(fields=["sla", "at"], name="one_row_an_sla_hour")]

    def __str__(self) -> str:
        return f"{self.sla_id} {self.at:%F %H}"


class SlaState(models.Model):
    """Where one SLA stands, as the background saw it last: what routing and pages read."""

    sla = models.OneToOneField(Sla, on_delete=models.CASCADE, related_name="state")
    verdict = models.CharField(max_length=8, default="calm")
    """`calm`, `slow` or `fast`, which is how its error budget burns."""
    since = models.DateTimeField(db_default=Now())
    targets = models.JSONField(default=list)
    """For each, what was promised and attained, what is left, and its burns."""
    burning = ArrayField(models.TextField(), default=list)
    """The targets that burn too fast."""
    rolled_to = models.DateTimeField(null=True)
    """Every hour before it is rolled up; nothing: the whole window is still to be."""
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["sla"]

    def __str__(self) -> str:
        return f"{self.sla_id} {self.verdict}"


class Prediction(models.Model):
    """How often predictions of being late came true: one bin of one backend on one day."""

    day = models.DateField()
    team_id = models.BigIntegerField()
    backend = models.TextField()
    bin = models.PositiveSmallIntegerField()
    """Tenths of the predicted chance of being late: 0 to 9."""
    requests = models.PositiveIntegerField(default=0)
    predicted = models.FloatField(default=0)
    """The sum of predicted chances."""
    late = models.PositiveIntegerField(default=0)
    squared = models.FloatField(default=0)
    """The sum of squared errors, for the Brier score."""

    class Meta:
        ordering = ["-day"]
        constraints = [
            models.UniqueConstraint(
                fields=["day", "team_id", "backend", "bin"], name="one_bin_a_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.backend} {self.bin}"


class ChannelKind(models.TextChoices):
    EMAIL = "email"
    WEBHOOK = "webhook"


class Channel(models.Model):
    """Where alerts go: an address, or a URL whose calls are signed; of a team, or of all."""

    organisation = models.ForeignKey("teams.Organisation", on_delete=models.CASCADE)
    team = models.ForeignKey(
        "teams.Team", null=True, blank=True, on_delete=models.CASCADE, related_name="channels"
    )
    name = models.TextField()
    kind = models.CharField(max_length=16, choices=ChannelKind.choices)
    address = models.TextField()
    secret_sealed = models.TextField(blank=True, default="")
    kinds = ArrayField(models.TextField(), default=list, blank=True)
    """Of alerts that it wants; empty: all."""
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Alert(models.Model):
    """Something that people should know; one for each `key`, however often it is noticed."""

    organisation = models.ForeignKey("teams.Organisation", on_delete=models.CASCADE)
    team = models.ForeignKey("teams.Team", null=True, blank=True, on_delete=models.CASCADE)
    kind = models.TextField()
    """`budget`, `forecast`, `sla`, `backend`."""
    severity = models.CharField(max_length=16, default="warning")
    key = models.TextField(unique=True)
    """What makes it this one and no other: the budget, its window and the threshold, say."""
    title = models.TextField()
    body = models.JSONField(default=dict)
    at = models.DateTimeField(db_default=Now())
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.title


class Delivery(models.Model):
    """One alert on its way to one channel; tried again until it arrives or is given up."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=16, default="waiting")
    """`waiting`, `sent`, `given-up`."""
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())
    trouble = models.TextField(blank=True, default="")
    sent_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["alert", "channel"], name="one_delivery_a_channel")
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(state="waiting"), name="delivery_waiting")
        ]

    def __str__(self) -> str:
        return f"{self.alert_id} to {self.channel_id}: {self.state}"


class BudgetOutlook(models.Model):
    """Where a budget's spend comes from and is heading: hours so far, what is usual, the plan's
    last anchor, and the forecast. All of it can be made again from the ledger and the clock."""

    budget = models.OneToOneField(
        "analytics.Budget", on_delete=models.CASCADE, primary_key=True, related_name="outlook"
    )
    first_hour = models.DateTimeField()
    hours = models.JSONField(default=list)
    """Dollars of its scope in whole hours, from the first one on."""
    usual = models.JSONField(default=list)
    """Shares of the 168 hours of a week (UTC)."""
    anchor_at = models.DateTimeField(null=True)
    anchor_usd = models.FloatField(default=0)
    anchor_log = models.FloatField(default=0)
    forecast = models.JSONField(default=dict)
    foretold_for = models.DateTimeField(null=True)
    """The beginning of the window that the forecast is of."""
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.budget_id} from {self.first_hour:%F %H}"
