"""What teams write of their routing: rules, settings, published versions and their simulations."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Rule(models.Model):
    """One rule of a scope's working copy; it applies once a policy that holds it is published."""

    team = models.ForeignKey("teams.Team", null=True, on_delete=models.CASCADE, related_name="+")
    """None: everyone's; those come first."""
    name = models.SlugField(max_length=80)
    position = models.PositiveIntegerField(default=0)
    when = models.JSONField(default=dict, blank=True)
    then = models.JSONField(default=dict)
    enabled = models.BooleanField(default=True, db_default=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["team", "position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "name"], name="one_rule_a_name", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return self.name


class PolicySettings(models.Model):
    """The rest of a scope's working copy: weights, aliases, exploring, cascade, word sets."""

    team = models.ForeignKey("teams.Team", null=True, on_delete=models.CASCADE, related_name="+")
    settings = models.JSONField(default=dict)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "policy settings"
        constraints = [
            models.UniqueConstraint(
                fields=["team"], name="one_settings_a_team", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"routing settings of {self.team_id}"


class PolicyState(models.TextChoices):
    DRAFT = "draft"
    PUBLISHED = "published"


class Policy(models.Model):
    """A scope's rules and settings as one version. A draft has no number and follows its rows; a
    published one never changes, and the newest number of a scope is in force."""

    team = models.ForeignKey("teams.Team", null=True, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField(null=True, unique=True)
    state = models.CharField(max_length=12, choices=PolicyState.choices, default=PolicyState.DRAFT)
    content = models.JSONField(default=dict)
    """`rules` and `settings` as they were published; of a draft nothing."""
    note = models.TextField(blank=True, default="")
    based_on = models.PositiveIntegerField(null=True)
    """The number that was in force when it was published."""
    restores = models.PositiveIntegerField(null=True)
    """The number that a roll-back brought back."""
    created_at = models.DateTimeField(db_default=Now())
    published_at = models.DateTimeField(null=True)
    published_by = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["-number", "-id"]
        verbose_name_plural = "policies"
        constraints = [
            models.UniqueConstraint(
                fields=["team"],
                condition=Q(state="draft"),
                name="one_draft_a_scope",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(state="draft", number=None) | Q(state="published", number__gte=1),
                name="published_policies_have_numbers",
            ),
        ]
        indexes = [
            # What is in force: the newest number of each scope.
            models.Index(fields=["team", "-number"], name="policy_newest"),
        ]

    def __str__(self) -> str:
        return f"policy {self.number or 'draft'}"


class SimulationState(models.TextChoices):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Simulation(models.Model):
    """What a policy would have done to recent traffic; worked out in the background."""

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="simulations")
    team = models.ForeignKey("teams.Team", null=True, on_delete=models.CASCADE, related_name="+")
    """Whose traffic; None: everyone's."""
    asked = models.JSONField(default=dict)
    """`days`, `most`, `overrides`; and the policy's content at that moment."""
    state = models.CharField(
        max_length=12, choices=SimulationState.choices, default=SimulationState.WAITING
    )
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True, default="")
    asked_by = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    heard_at = models.DateTimeField(null=True)
    """The worker's last sign of life; a run without one is taken up again."""
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"simulation {self.pk}"


class ExperimentState(models.TextChoices):
    DRAFT = "draft"
    RUNNING = "running"
    STOPPED = "stopped"
    DECIDED = "decided"
    PROMOTED = "promoted"


class Experiment(models.Model):
    """Arms side by side on a share of a team's traffic, split by session."""

    team = models.ForeignKey("teams.Team", on_delete=models.CASCADE, related_name="+")
    name = models.SlugField(max_length=80)
    state = models.CharField(
        max_length=12, choices=ExperimentState.choices, default=ExperimentState.DRAFT
    )
    arms = models.JSONField(default=list)
    """Each `name`, `then` (as a rule's) and `share`; the first is what is done today."""
    when = models.JSONField(default=dict, blank=True)
    """A rule's condition: which requests take part."""
    share = models.FloatField(default=1.0)
    metric = models.CharField(max_length=16, default="reward")
    delta = models.FloatField(default=0.05)
    epsilon = models.FloatField(default=0.02)
    guardrails = models.JSONField(default=dict, blank=True)
    most_requests = models.PositiveIntegerField(default=100_000)
    reading = models.JSONField(default=dict, blank=True)
    """The last read-out: per arm count, mean, interval, guardrail figures."""
    winner = models.TextField(blank=True, default="")
    why = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["team", "name"], name="one_experiment_a_name"),
            models.CheckConstraint(condition=Q(share__gt=0, share__lte=1), name="experiment_share"),
            models.CheckConstraint(
                condition=Q(delta__gt=0, delta__lt=0.5), name="experiment_delta"
            ),
            models.CheckConstraint(condition=Q(epsilon__gte=0), name="experiment_epsilon"),
        ]

    def __str__(self) -> str:
        return self.name


class ExperimentPoint(models.Model):
    """A read-out at a moment, for the plot over time."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="points")
    at = models.DateTimeField(db_default=Now())
    reading = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.experiment_id} at {self.at}"


class TeamIntent(models.Model):
    """A kind of request that a team names by giving sentences of it."""

    team = models.ForeignKey("teams.Team", on_delete=models.CASCADE, related_name="+")
    name = models.SlugField(max_length=80)
    description = models.TextField(blank=True, default="")
    examples = ArrayField(models.TextField(), default=list)
    enabled = models.BooleanField(default=True, db_default=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="one_intent_a_name")]

    def __str__(self) -> str:
        return self.name
