"""Intents that a team teaches by example, as the control plane shows and takes them."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from routing.intents.reporting import FEWEST
from routing.models import TeamIntent
from teams.serializers import OwnTeam, TeamField
from teams.strict import OnlyKnownFields

MOST_INTENTS = 500
MOST_EXAMPLES = 1_000
LONGEST_EXAMPLE = 2_000


class TeamIntentSerializer(OnlyKnownFields, serializers.ModelSerializer[TeamIntent]):
    team = TeamField(default=serializers.CreateOnlyDefault(OwnTeam()))
    examples = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_EXAMPLE),
        max_length=MOST_EXAMPLES,
        allow_empty=False,
        help_text=f"Requests of this kind, as people put them; {FEWEST} at least tell something.",
    )
    too_few = serializers.SerializerMethodField()

    class Meta:
        model = TeamIntent
        fields = [
            "id",
            "team",
            "name",
            "description",
            "examples",
            "too_few",
            "enabled",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_at", "updated_at"]
        extra_kwargs: ClassVar[dict[str, Any]] = {"description": {"max_length": 1_000}}
        validators: ClassVar[list[Any]] = []

    def get_too_few(self, intent: TeamIntent) -> bool:
        return len(intent.examples) < FEWEST

    def validate_examples(self, given: list[str]) -> list[str]:
        """The same sentence twice teaches nothing."""
        return list(dict.fromkeys(text.strip() for text in given))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        team = self.instance.team if self.instance else attrs["team"]
        if self.instance and attrs.get("team", team) != team:
            raise serializers.ValidationError({"team": ["An intent stays in its team."]})
        others = TeamIntent.objects.filter(team=team).exclude(
            pk=self.instance.pk if self.instance else 0
        )
        if others.filter(name=attrs.get("name", "")).exists():
            raise serializers.ValidationError({"name": ["There is an intent of this name."]})
        if self.instance is None and others.count() >= MOST_INTENTS:
            words = f"A team has at most {MOST_INTENTS} intents."
            raise serializers.ValidationError({"name": [words]})
        return attrs


class TryIntentSerializer(OnlyKnownFields):
    text = serializers.CharField(max_length=20_000)


class TaughtSerializer(serializers.Serializer[Any]):
    status = serializers.CharField()
    look_at = serializers.CharField()


class GuessedSerializer(serializers.Serializer[Any]):
    intent = serializers.CharField()
    confidence = serializers.FloatField()


class OpinionSerializer(serializers.Serializer[Any]):
    best = GuessedSerializer(many=True)
    is_stranger = serializers.BooleanField()
    above_floor = serializers.FloatField(help_text="Below zero: of no intent known here.")
    nearest = serializers.FloatField(help_text="Likeness of the nearest known sentence.")
    cues = serializers.ListField(child=serializers.CharField())


class HeardSerializer(serializers.Serializer[Any]):
    """What would be recognised, by whom, and what speaks for it."""

    intent = serializers.CharField(allow_blank=True)
    confidence = serializers.FloatField()
    by = serializers.CharField(allow_blank=True)
    complexity = serializers.FloatField(allow_null=True)
    runner_up = serializers.CharField(allow_blank=True)
    why = serializers.CharField(allow_blank=True)
    by_rule = serializers.CharField(allow_blank=True)
    own = OpinionSerializer(allow_null=True)
    shipped = OpinionSerializer(allow_null=True)


class TakenForSerializer(serializers.Serializer[Any]):
    intent = serializers.CharField()
    examples = serializers.IntegerField()


class IntentRowSerializer(serializers.Serializer[Any]):
    intent = serializers.CharField()
    examples = serializers.IntegerField()
    too_few = serializers.BooleanField()
    precision = serializers.FloatField(allow_null=True)
    recall = serializers.FloatField()
    taken_for = TakenForSerializer(many=True)


class FewSerializer(serializers.Serializer[Any]):
    intent = serializers.CharField()
    examples = serializers.IntegerField()
    at_least = serializers.IntegerField()


class CountsSerializer(serializers.Serializer[Any]):
    intent = serializers.CharField()
    counts = serializers.ListField(child=serializers.IntegerField())


class ConfusionSerializer(serializers.Serializer[Any]):
    columns = serializers.ListField(child=serializers.CharField())
    rows = CountsSerializer(many=True)


class IntentReportSerializer(serializers.Serializer[Any]):
    """By cross-validation: each example told by what had not learned from it."""

    state = serializers.CharField(help_text="`learned`, `learning`, or `nothing` to learn from.")
    made_at = serializers.DateTimeField(allow_null=True)
    embedder = serializers.CharField()
    few = FewSerializer(many=True)
    examples = serializers.IntegerField()
    accuracy = serializers.FloatField(allow_null=True)
    abstained = serializers.FloatField()
    strangers_found = serializers.FloatField(allow_null=True)
    intents = IntentRowSerializer(many=True)
    table = ConfusionSerializer()
