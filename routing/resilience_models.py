"""What keeps answers coming: the keys of a backend, and requests that may be asked only once."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class BackendKey(models.Model):
    """One more key to a backend's provider, used in turn; a refused one rests until it is mended.

    The first key is the backend's own (`secret_sealed`); what is known of that one is the row
    without a secret.
    """

    backend = models.ForeignKey("routing.Backend", on_delete=models.CASCADE, related_name="keys")
    label = models.TextField(blank=True, default="")
    secret_sealed = models.TextField(blank=True, default="")
    enabled = models.BooleanField(default=True)
    refused_at = models.DateTimeField(null=True)
    """When the provider said that it is none (401, 402, 403, quota)."""
    refusal = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.label or f"key {self.pk}"


class Idempotent(models.Model):
    """One `Idempotency-Key` of one API key: which request it stands for, and what was answered."""

    key_id = models.BigIntegerField()
    name = models.TextField()
    digest = models.TextField()
    """Of the request that came first: another one under this name is a conflict."""
    exchange_id = models.UUIDField()
    state = models.CharField(max_length=16, default="running", db_default="running")
    """`running`, `answered` or `too-large`; a refusal leaves no row."""
    lease_until = models.DateTimeField()
    contested = models.BooleanField(default=False, db_default=False)
    """Two calls are in the air for it: what a worker writes is a draft."""
    answer = models.BinaryField(null=True)
    """What the client was told, to the byte."""
    streamed = models.BooleanField(default=False, db_default=False)
    headers = models.JSONField(default=dict, db_default={})
    replays = models.IntegerField(default=0, db_default=0)
    """How often it was given again."""
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "idempotent requests"
        constraints = [
            models.UniqueConstraint(fields=["key_id", "name"], name="one_idempotency_key"),
            models.CheckConstraint(
                condition=~Q(state="answered") | Q(answer__isnull=False), name="answered_has_answer"
            ),
        ]
        indexes = [models.Index(fields=["expires_at"], name="idempotent_expiry")]

    def __str__(self) -> str:
        return f"{self.key_id} {self.name}"
