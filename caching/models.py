"""Stored answers: what was asked (as a fingerprint), what was answered, and for how long."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Entry(models.Model):
    """A complete answer that may be served again inside its scope until it expires."""

    team = models.ForeignKey("teams.Team", on_delete=models.CASCADE, related_name="+")
    fingerprint = models.CharField(max_length=64)
    model_asked = models.TextField()
    backend = models.TextField()
    question = models.TextField(blank=True, default="")
    answer = models.BinaryField()
    chunks = models.BinaryField(null=True)
    prompt_tokens = models.IntegerField(default=0)
    completion_tokens = models.IntegerField(default=0)
    cost = models.DecimalField(max_digits=26, decimal_places=12)
    tags = models.JSONField(default=dict)
    exchange_id = models.UUIDField()
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(db_index=True)
    quarantined_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "entries"
        ordering = ["-id"]
        constraints = [
            # The exact tier's one question: this team's live answer to this fingerprint.
            models.UniqueConstraint(fields=["team", "fingerprint"], name="one_answer_a_fingerprint")
        ]

    def __str__(self) -> str:
        return f"{self.team_id} {self.fingerprint[:12]}"
