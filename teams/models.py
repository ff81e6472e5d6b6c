"""Organisations, teams, members, API keys, and the rows that say who changed what."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now


class Organisation(models.Model):
    name = models.TextField(unique=True)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name


class Priority(models.TextChoices):
    """Who goes on when not everybody can."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Team(models.Model):
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="teams")
    name = models.SlugField(max_length=64, unique=True)
    time_zone = models.TextField(default="UTC")
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    tokens_per_minute = models.PositiveIntegerField(null=True, blank=True)
    max_parallel = models.PositiveIntegerField(null=True, blank=True)
    share = models.PositiveSmallIntegerField(default=1, db_default=1)
    """Of what is scarce, against the other teams that wait for it."""
    priority = models.CharField(
        max_length=8,
        choices=Priority.choices,
        default=Priority.NORMAL,
        db_default=Priority.NORMAL.value,
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    OWNER = "owner"
    ENGINEER = "engineer"
    FINANCE = "finance"
    VIEWER = "viewer"


class Members(BaseUserManager["Member"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> Member:
        member = self.model(email=email.strip().lower(), **fields)
        member.set_password(password)
        member.save()
        return member

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> Member:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class Member(AbstractBaseUser, PermissionsMixin):
    """A person who logs in; what they may do in a team is their membership's role.

    A superuser operates this KORA: every team, every role, and Django's admin.
    """

    email = models.EmailField(unique=True)
    name = models.TextField(blank=True, default="")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    USERNAME_FIELD = "email"
    objects: ClassVar[Members] = Members()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="member_email_any_case")]

    def __str__(self) -> str:
        return self.name or self.email


class Membership(models.Model):
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="memberships")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "team"], name="one_role_per_team"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.member} · {self.team} · {self.role}"


class Scope(models.TextChoices):
    """What a key is for: requests, its own team's settings, or everybody's (with `manage`)."""

    INFER = "infer"
    MANAGE = "manage"
    OPERATE = "operate"


class ApiKey(models.Model):
    """`kora_<public>_<secret>`: the secret is shown once; only its keyed hash is kept."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="keys")
    name = models.TextField()
    public = models.CharField(max_length=32, unique=True)
    digest = models.CharField(max_length=64)
    last_four = models.CharField(max_length=4)
    scopes = ArrayField(models.CharField(max_length=16), default=list)
    allowed_models = ArrayField(models.TextField(), default=list, blank=True)
    ip_ranges = ArrayField(models.TextField(), default=list, blank=True)
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    tokens_per_minute = models.PositiveIntegerField(null=True, blank=True)
    max_parallel = models.PositiveIntegerField(null=True, blank=True)
    priority = models.CharField(
        max_length=8, choices=Priority.choices, blank=True, default="", db_default=""
    )
    """Empty: its team's."""
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    rotated_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL)
    created_by = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} (kora_{self.public}_…{self.last_four})"


class KeyUse(models.Model):
    """When a key was last seen; apart from the key so that using one is not changing it."""

    key = models.OneToOneField(
        ApiKey, on_delete=models.CASCADE, primary_key=True, related_name="use"
    )
    last_used_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.key_id} {self.last_used_at}"


class AuditRow(models.Model):
    """One write by somebody, with what changed; appended, never edited (a trigger holds it)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField(db_default=Now(), db_index=True)
    actor = models.TextField()
    address = models.TextField(blank=True, default="")
    action = models.TextField()
    subject = models.TextField()
    subject_id = models.TextField()
    subject_name = models.TextField(blank=True, default="")
    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="+")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.at:%F %T} {self.actor} {self.action} {self.subject} {self.subject_name}"

    @property
    def changes(self) -> list[tuple[str, Any, Any]]:
        """Name, before, after; None stands where the field did not exist."""
        names = [*self.before, *(name for name in self.after if name not in self.before)]
        return [(name, self.before.get(name), self.after.get(name)) for name in names]


class Revision(models.Model):
    """One row that every change of configuration increments (triggers); each process polls it."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    number = models.BigIntegerField(default=1)

    def __str__(self) -> str:
        return str(self.number)
