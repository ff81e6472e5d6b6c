"""SLAs, how they stand, and questions to their report, as the control plane has them."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from analytics.models import Sla, SlaState
from analytics.promises import reporting, watching
from analytics.promises.values import INTENT, TARGETS
from analytics.serializers import ReportQuerySerializer, ReportSerializer
from teams.serializers import OwnTeam, TeamField
from teams.strict import OnlyKnownFields

PROMISED = ("ttft_ms", "total_ms", "availability", "min_quality")
COUNTED = (*PROMISED, "route", "percentile", "window_days", "enabled")
"""What of an SLA decides how its requests are counted."""
LONGEST_MS = 3_600_000


class SlaSerializer(OnlyKnownFields, serializers.ModelSerializer[Sla]):
    team = TeamField(default=serializers.CreateOnlyDefault(OwnTeam()))
    name = serializers.CharField(max_length=80, required=False)
    route = serializers.CharField(
        max_length=120,
        required=False,
        allow_blank=True,
        help_text="A model or alias as it is asked for, or `intent:<name>`; empty: all requests.",
    )
    ttft_ms = serializers.IntegerField(
        min_value=1, max_value=LONGEST_MS, required=False, allow_null=True,
        help_text="Until the first content of a streamed answer.",
    )  # fmt: skip
    total_ms = serializers.IntegerField(
        min_value=1, max_value=LONGEST_MS, required=False, allow_null=True,
        help_text="Until the whole answer.",
    )  # fmt: skip
    percentile = serializers.FloatField(
        min_value=1, max_value=99.999, required=False,
        help_text="In percent, of requests that keep `ttft_ms`, `total_ms` and `min_quality`.",
    )  # fmt: skip
    availability = serializers.FloatField(
        min_value=1, max_value=99.999, required=False, allow_null=True,
        help_text="In percent, of requests that get a whole answer.",
    )  # fmt: skip
    min_quality = serializers.FloatField(
        min_value=0, max_value=1, required=False, allow_null=True,
        help_text="Of answers of which somebody said how good they were.",
    )  # fmt: skip
    window_days = serializers.IntegerField(min_value=1, max_value=366, required=False)
    standing = serializers.SerializerMethodField()

    class Meta:
        model = Sla
        fields = [
            "id",
            "team",
            "name",
            "route",
            *PROMISED[:2],
            "percentile",
            *PROMISED[2:],
            "window_days",
            "stricter",
            "enabled",
            "standing",
            "created_at",
        ]
        read_only_fields = ["created_at"]
        validators: ClassVar[list[Any]] = []

    def get_standing(self, sla: Sla) -> dict[str, Any] | None:
        """Nothing until the background has looked at it for the first time."""
        state = SlaState.objects.filter(sla_id=sla.pk, rolled_to__isnull=False).first()
        return dict(SlaStateSerializer(state).data) if state else None

    def validate_route(self, route: str) -> str:
        route = route.strip()
        if route == INTENT:
            raise serializers.ValidationError("Say which intent.")
        return route

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (
            self.instance is not None
            and attrs.get("team", self.instance.team) != self.instance.team
        ):
            raise serializers.ValidationError({"team": ["An SLA stays in its team."]})
        if all(self._said(attrs, name) is None for name in PROMISED):
            known = ", ".join(PROMISED)
            raise serializers.ValidationError(f"Promise something: one of {known}.")
        if self.instance is None:
            attrs.setdefault("name", attrs.get("route") or "all requests")
        self._is_its_own(attrs)
        return attrs

    def _said(self, attrs: dict[str, Any], name: str) -> Any:
        return attrs.get(name, getattr(self.instance, name, None))

    def _is_its_own(self, attrs: dict[str, Any]) -> None:
        team = self.instance.team if self.instance else attrs.get("team")
        others = Sla.objects.filter(team=team, name=attrs.get("name", ""))
        if others.exclude(pk=self.instance.pk if self.instance else 0).exists():
            raise serializers.ValidationError({"name": ["There is an SLA of this name."]})

    def update(self, instance: Sla, validated_data: dict[str, Any]) -> Sla:
        """Other targets are held against the past as well, so that the page shows one promise."""
        before = [getattr(instance, name) for name in COUNTED]
        saved = super().update(instance, validated_data)
        if before != [getattr(saved, name) for name in COUNTED]:
            watching.forget(saved)
        return saved


class SlaTargetSerializer(serializers.Serializer[Any]):
    target = serializers.ChoiceField(choices=TARGETS)
    promised = serializers.FloatField(help_text="The share of requests that should keep it.")
    attained = serializers.FloatField(allow_null=True)
    counted = serializers.IntegerField()
    missed = serializers.IntegerField()
    budget_left = serializers.FloatField(help_text="Of the error budget; below 0 it is broken.")
    burn = serializers.DictField(child=serializers.FloatField())


class SlaStateSerializer(serializers.ModelSerializer[SlaState]):
    targets = SlaTargetSerializer(many=True)

    class Meta:
        model = SlaState
        fields = ["verdict", "since", "targets", "burning", "seen_at"]


class SlaQuerySerializer(ReportQuerySerializer):
    """`?team=…&from=…&to=…&group_by=sla,target&time_zone=…`; without `from`, thirty days."""

    groups = reporting.GROUPS
    group_by = serializers.CharField(default="sla", allow_blank=True)
    sla = serializers.CharField(default="", allow_blank=True)


class SlaReportSerializer(ReportSerializer):
    """Of what was promised and kept."""
