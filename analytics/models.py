"""Prices, budgets and their windows, exchanges (receipts), attempts (holds), and the ledger;
promises and alerts stand in a file of their own."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from analytics.promise_models import (
    Alert,
    BudgetOutlook,
    BudgetOverride,
    Channel,
    ChannelKind,
    Delivery,
    Prediction,
    Sla,
    SlaHour,
    SlaState,
)
from teams.models import ApiKey, Team

__all__ = [
    "Alert", "Attempt", "AttemptState", "Budget", "BudgetOutlook", "BudgetOverride",
    "BudgetScope", "BudgetWindow", "Channel", "ChannelKind", "Delivery", "Exchange",
    "ExchangeState", "Feedback", "LedgerKind", "LedgerRow", "Mode", "Period", "Prediction",
    "Price", "Sla", "SlaHour", "SlaState", "money", "seconds",
]  # fmt: skip


def money(**options: object) -> models.DecimalField:  # type: ignore[type-arg]
    """US dollars with 12 decimals; float never touches them."""
    return models.DecimalField(max_digits=26, decimal_places=12, **options)  # type: ignore[arg-type]


def seconds(**options: object) -> models.DecimalField:  # type: ignore[type-arg]
    """Processor time, exact to the nanosecond, so that a row's cost can be worked out again."""
    return models.DecimalField(max_digits=20, decimal_places=9, **options)  # type: ignore[arg-type]


class Price(models.Model):
    """USD per million tokens, and per second of processor time where the model runs here, of one
    backend from a date on; the newest begun is in force."""

    backend = models.TextField()
    price_in = money()
    price_out = money()
    price_cached_in = money()
    price_compute_s = money(default=0, db_default=0)
    effective_from = models.DateTimeField(db_default=Now())
    created_by = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["backend", "-effective_from", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(price_in__gte=0, price_out__gte=0, price_cached_in__gte=0),
                name="price_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(price_compute_s__gte=0), name="price_compute_not_negative"
            ),
            models.UniqueConstraint(
                fields=["backend", "effective_from"], name="one_price_a_moment"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.backend} from {self.effective_from:%F}"


class BudgetScope(models.TextChoices):
    ORGANISATION = "organisation"
    TEAM = "team"
    KEY = "key"
    TAG = "tag"


class Period(models.TextChoices):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    TOTAL = "total"


class Mode(models.TextChoices):
    ENFORCE = "enforce"
    SHADOW = "shadow"


class Budget(models.Model):
    """A cap on what a scope may spend in each window; `scope_id` is the id, or `a=b` for a tag."""

    organisation = models.ForeignKey("teams.Organisation", on_delete=models.CASCADE)
    name = models.TextField()
    scope = models.CharField(max_length=16, choices=BudgetScope.choices)
    scope_id = models.TextField()
    limit_usd = money()
    window = models.CharField(max_length=16, choices=Period.choices, default=Period.MONTH)
    time_zone = models.TextField(default="UTC")
    fiscal_start = models.PositiveSmallIntegerField(default=1)
    soft_limits = models.JSONField(default=list, blank=True)
    mode = models.CharField(max_length=16, choices=Mode.choices, default=Mode.ENFORCE)
    paced = models.BooleanField(default=False, db_default=False)
    """What is left and how long it has to last become the price of a dollar in the choice."""
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(limit_usd__gte=0), name="budget_limit_not_negative"),
            models.CheckConstraint(
                condition=Q(fiscal_start__gte=1, fiscal_start__lte=12), name="budget_fiscal_month"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def team_id(self) -> int | None:
        """The team that a budget of a team or of a key belongs to; the others are everyone's."""
        if self.scope == BudgetScope.TEAM:
            return Team.objects.filter(pk=self.scope_id).values_list("pk", flat=True).first()
        if self.scope == BudgetScope.KEY:
            keys = ApiKey.objects.filter(pk=self.scope_id)
            return keys.values_list("team_id", flat=True).first()
        return None


class BudgetWindow(models.Model):
    """What one budget has settled and holds between two moments; always ledger + live holds."""

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="windows")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    settled = money(default=0)
    held = money(default=0)
    refused = models.PositiveIntegerField(default=0, db_default=0)
    """Requests that found no room; in shadow mode: would have found none."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["budget", "starts_at"], name="one_window_a_start"),
            models.CheckConstraint(condition=Q(held__gte=0), name="window_held_not_negative"),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="window_has_length"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.budget_id} {self.starts_at:%F}"


class ExchangeState(models.TextChoices):
    OPEN = "open"
    ANSWERED = "answered"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


class Exchange(models.Model):
    """One request and its receipt: what came, what was decided and why, what it cost."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    at = models.DateTimeField(db_default=Now())
    # No constraint: each would lock the one row of its team, or price, for every request at once.
    team = models.ForeignKey(
        "teams.Team",
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    team_name = models.TextField()
    key_public = models.TextField(blank=True, default="")
    key_name = models.TextField(blank=True, default="")
    end_user = models.TextField(blank=True, default="")
    session = models.TextField(blank=True, default="")
    tags = models.JSONField(default=dict)
    model_asked = models.TextField()
    streamed = models.BooleanField(default=False)
    state = models.CharField(
        max_length=16, choices=ExchangeState.choices, default=ExchangeState.OPEN
    )
    status = models.PositiveSmallIntegerField(default=0)
    error_code = models.TextField(blank=True, default="")
    tier = models.CharField(max_length=16, blank=True, default="")
    backend = models.TextField(blank=True, default="")
    reason = models.TextField(blank=True, default="")
    policy = models.IntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    prompt_tokens = models.IntegerField(default=0)
    completion_tokens = models.IntegerField(default=0)
    cached_tokens = models.IntegerField(default=0)
    estimated = models.BooleanField(default=False)
    cost = money(default=0)
    saved = money(default=0)
    overhead_ms = models.FloatField(default=0)
    first_content_ms = models.FloatField(null=True)
    total_ms = models.FloatField(default=0)
    receipt = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["team", "-at", "-id"], name="exchange_team_newest"),
            models.Index(fields=["-at", "-id"], name="exchange_newest"),
            # The sweeper's question: which requests never came to an end?
            models.Index(fields=["at"], condition=Q(state="open"), name="exchange_open"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def answered_by(self) -> str:
        """A tier that was tried and failed did not answer."""
        return "" if self.state in {ExchangeState.FAILED, ExchangeState.LOST} else self.tier


class AttemptState(models.TextChoices):
    HELD = "held"
    RUNNING = "running"
    SETTLED = "settled"
    RELEASED = "released"


class Attempt(models.Model):
    """One try of one backend and the money held for it; ends settled or released, exactly once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    exchange = models.ForeignKey(
        Exchange, on_delete=models.CASCADE, related_name="tries", db_index=False
    )
    number = models.PositiveSmallIntegerField()
    backend = models.TextField()
    tier = models.CharField(max_length=16)
    state = models.CharField(max_length=16, choices=AttemptState.choices, default=AttemptState.HELD)
    amount = money()
    cost = money(default=0)
    compute_s = seconds(default=0, db_default=0)
    so_far = money(default=0, db_default=0)
    """What its worker said it had cost when it last renewed the lease."""
    so_far_tokens = models.IntegerField(default=0, db_default=0)
    price = models.ForeignKey(
        Price,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    window_ids = models.JSONField(default=list)
    lease_until = models.DateTimeField()
    worker = models.TextField(blank=True, default="")
    failure = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["exchange", "number"], name="attempt_number_once"),
            models.CheckConstraint(condition=Q(amount__gte=0, cost__gte=0), name="attempt_money"),
        ]
        indexes = [
            # The sweeper's other question: whose lease has run out?
            models.Index(
                fields=["lease_until"],
                condition=Q(state__in=["held", "running"]),
                name="attempt_live",
            )
        ]

    def __str__(self) -> str:
        return f"{self.exchange_id}/{self.number}"


class LedgerKind(models.TextChoices):
    SETTLEMENT = "settlement"
    HIT = "hit"
    CORRECTION = "correction"


class LedgerRow(models.Model):
    """What was spent or saved; appended, never edited (a trigger holds it), names as text."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=Now())
    kind = models.CharField(max_length=16, choices=LedgerKind.choices)
    exchange_id = models.UUIDField()
    attempt_id = models.UUIDField(null=True)
    team_id = models.BigIntegerField()
    team = models.TextField()
    key_public = models.TextField(blank=True, default="")
    key_name = models.TextField(blank=True, default="")
    end_user = models.TextField(blank=True, default="")
    tags = models.JSONField(default=dict)
    tier = models.CharField(max_length=16)
    backend = models.TextField()
    model_asked = models.TextField()
    prompt_tokens = models.IntegerField(default=0)
    completion_tokens = models.IntegerField(default=0)
    cached_tokens = models.IntegerField(default=0)
    reasoning_tokens = models.IntegerField(default=0)
    compute_s = seconds(default=0, db_default=0)
    cost = money()
    saved = money(default=0)
    price_id = models.BigIntegerField(null=True)
    estimated = models.BooleanField(default=False)
    unconfirmed = models.BooleanField(default=False)
    note = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["attempt_id"],
                condition=Q(kind="settlement"),
                name="one_settlement_an_attempt",
            ),
            models.UniqueConstraint(
                fields=["attempt_id"],
                condition=Q(kind="correction"),
                name="one_correction_an_attempt",
            ),
            models.UniqueConstraint(
                fields=["exchange_id"], condition=Q(kind="hit"), name="one_hit_an_exchange"
            ),
        ]
        indexes = [
            models.Index(fields=["team_id", "at"], name="ledger_team_time"),
            models.Index(fields=["exchange_id"], name="ledger_exchange"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.cost} {self.team}"


class Feedback(models.Model):
    """What a caller said of an answer, its parts apart; said again, a part replaces the earlier."""

    exchange_id = models.UUIDField(unique=True)
    team = models.ForeignKey("teams.Team", on_delete=models.CASCADE, related_name="+")
    key_public = models.TextField(blank=True, default="")
    at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(db_default=Now())
    score = models.FloatField(null=True)
    thumb = models.SmallIntegerField(null=True)
    """1 up, -1 down."""
    wrong_answer = models.BooleanField(default=False, db_default=False)
    comment = models.TextField(blank=True, default="", db_default="")
    correction = models.TextField(blank=True, default="", db_default="")
    acted_at = models.DateTimeField(null=True)
    """When a complaint took its answer out of service; once for each exchange."""

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "feedback"
        constraints = [
            models.CheckConstraint(
                condition=Q(score=None) | Q(score__gte=0, score__lte=1), name="feedback_score"
            ),
            models.CheckConstraint(
                condition=Q(thumb=None) | Q(thumb__in=[-1, 1]), name="feedback_thumb"
            ),
        ]
        indexes = [models.Index(fields=["team", "-id"], name="feedback_team_newest")]

    def __str__(self) -> str:
        return f"{self.exchange_id} {self.score} {self.thumb}"
