"""Experiments as the control plane shows and takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from rest_framework import serializers

from routing.experiments import terms
from routing.models import Experiment, ExperimentPoint, ExperimentState
from routing.signals import houses
from teams.serializers import OwnTeam, TeamField
from teams.strict import OnlyKnownFields

STANDING = (ExperimentState.DRAFT, ExperimentState.STOPPED)
"""What is to be found out does not change while it is being found out."""


class ExperimentSerializer(OnlyKnownFields, serializers.ModelSerializer[Experiment]):
    team = TeamField(default=serializers.CreateOnlyDefault(OwnTeam()))
    name = serializers.RegexField(
        terms.NAME, error_messages={"invalid": "Letters, digits, - and _, at most 40."}
    )
    arms = serializers.JSONField(
        help_text="Each `name`, `then` as a rule's, `share`; the first is what is done today."
    )
    when = serializers.JSONField(required=False)
    share = serializers.FloatField(min_value=0.001, max_value=1, required=False)
    metric = serializers.ChoiceField(terms.METRICS, required=False)
    delta = serializers.FloatField(min_value=0.0001, max_value=0.49, required=False)
    epsilon = serializers.FloatField(min_value=0, max_value=1, required=False)
    guardrails = serializers.JSONField(required=False)
    most_requests = serializers.IntegerField(min_value=100, max_value=1_000_000, required=False)

    class Meta:
        model = Experiment
        fields = [
            "id",
            "team",
            "name",
            "state",
            "arms",
            "when",
            "share",
            "metric",
            "delta",
            "epsilon",
            "guardrails",
            "most_requests",
            "reading",
            "winner",
            "why",
            "created_at",
            "changed_at",
            "started_at",
            "ended_at",
        ]
        read_only_fields = [
            "state",
            "reading",
            "winner",
            "why",
            "created_at",
            "changed_at",
            "started_at",
            "ended_at",
        ]
        validators: ClassVar[list[Any]] = []

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        self._stands(attrs)
        self._is_its_own(attrs)
        said = {name: self._said(attrs, name) for name in ("arms", "when", "guardrails", "metric")}
        _read(lambda: terms.arms(said["arms"]))
        _read(lambda: terms.condition(said["when"] or {}, houses.words()))
        _read(lambda: terms.guardrails(said["guardrails"] or {}))
        _read(lambda: terms.metric(said["metric"] or "reward", said["guardrails"] or {}))
        return attrs

    def _said(self, attrs: dict[str, Any], name: str) -> Any:
        return attrs.get(name, getattr(self.instance, name, None))

    def _stands(self, attrs: dict[str, Any]) -> None:
        if self.instance is None:
            return
        if "team" in attrs and attrs["team"] != self.instance.team:
            raise serializers.ValidationError({"team": ["An experiment stays in its team."]})
        if self.instance.state not in STANDING:
            raise serializers.ValidationError(f"It is {self.instance.state}; stop it first.")

    def _is_its_own(self, attrs: dict[str, Any]) -> None:
        team = self.instance.team if self.instance else attrs.get("team")
        others = Experiment.objects.filter(team=team, name=attrs.get("name", ""))
        if others.exclude(pk=self.instance.pk if self.instance else 0).exists():
            raise serializers.ValidationError({"name": ["There is an experiment of this name."]})


def _read(read: Callable[[], Any]) -> None:
    try:
        read()
    except ValueError as error:
        raise by_place(error) from error


def by_place(error: ValueError) -> serializers.ValidationError:
    """What a reader says is `place: words`."""
    place, _, words = str(error).partition(": ")
    return serializers.ValidationError({place: [words]})


class PromoteSerializer(OnlyKnownFields):
    arm = serializers.CharField(default="", help_text="The winner, if left out.")
    publish = serializers.BooleanField(
        default=True, help_text="Else its way only becomes a rule of the team's draft."
    )


class PromotedSerializer(serializers.Serializer[Any]):
    experiment = ExperimentSerializer()
    policy = serializers.IntegerField(
        allow_null=True, help_text="The id of the version that was published, or of the draft."
    )
    number = serializers.IntegerField(allow_null=True)


class PointSerializer(serializers.ModelSerializer[ExperimentPoint]):
    class Meta:
        model = ExperimentPoint
        fields = ["at", "reading"]
