"""What was learned, and trials of backends, as the control plane shows and takes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from routing.models import RouterMind, Trial
from teams.access import actor_of
from teams.serializers import OwnTeam, TeamField
from teams.strict import OnlyKnownFields

EVERYONE = "0"


class LearnedSerializer(serializers.ModelSerializer[RouterMind]):
    version = serializers.IntegerField(source="pk", read_only=True)
    in_force = serializers.SerializerMethodField()
    outcomes = serializers.IntegerField(source="facts.outcomes", default=0)
    judged = serializers.IntegerField(source="facts.judged", default=0)
    error = serializers.FloatField(source="facts.error", default=None)
    changes = serializers.DictField(source="facts.changes", default=dict)

    class Meta:
        model = RouterMind
        fields = [
            "version",
            "in_force",
            "made_at",
            "outcomes",
            "judged",
            "error",
            "changes",
            "note",
            "withdrawn_at",
            "withdrawn_by",
        ]
        read_only_fields = fields

    def get_in_force(self, mind: RouterMind) -> bool:
        return bool(mind.pk == self.context.get("in_force"))


class WholeLearnedSerializer(LearnedSerializer):
    strengths = serializers.SerializerMethodField()

    class Meta(LearnedSerializer.Meta):
        fields = [*LearnedSerializer.Meta.fields, "strengths"]
        read_only_fields = fields

    def get_strengths(self, mind: RouterMind) -> dict[str, Any]:
        """By team ("0": all of them), backend and intent; a team sees its own and all."""
        actor = actor_of(self.context["request"])
        told: dict[str, Any] = mind.facts.get("strengths", {})
        mine = {EVERYONE, *map(str, actor.team_ids)}
        return {team: table for team, table in told.items() if actor.operates or team in mine}


class WithdrawnSerializer(serializers.Serializer[Any]):
    withdrawn = serializers.ListField(child=serializers.IntegerField())
    in_force = serializers.IntegerField(allow_null=True)


class TrialSerializer(OnlyKnownFields, serializers.ModelSerializer[Trial]):
    team = TeamField(default=serializers.CreateOnlyDefault(OwnTeam()))
    cap_usd = serializers.DecimalField(
        max_digits=26,
        decimal_places=12,
        min_value=Decimal("0.000001"),
        max_value=Decimal(1000),
        help_text="The trial stops before more than this would be spent.",
    )
    backend = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)

    class Meta:
        model = Trial
        fields = [
            "id",
            "backend",
            "team",
            "cap_usd",
            "state",
            "done",
            "total",
            "spent_usd",
            "scores",
            "why",
            "asked_by",
            "created_at",
            "heard_at",
            "ended_at",
        ]
        read_only_fields = [name for name in fields if name not in {"team", "cap_usd"}]
