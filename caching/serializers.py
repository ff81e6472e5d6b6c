"""Stored answers, terms, sharing, imports and patterns as the control plane tells them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from analytics.serializers import usd
from caching import answering, routes
from caching.faces import browsing, contents, curating, joining
from caching.models import CacheTerms, Entry, Import, Pattern, PatternStep, Sharing
from teams import audit
from teams.serializers import OwnTeam, TeamField
from teams.strict import OnlyKnownFields


@extend_schema_field(OpenApiTypes.STR)
class NamedTeam(TeamField):
    """A team by its name, where no model tells the schema what that is."""


class EntrySerializer(OnlyKnownFields, serializers.ModelSerializer[Entry]):
    """`answer`, `pinned` and `quarantined` can be written; another answer is pinned by that."""

    team = serializers.CharField(source="team.name", read_only=True)
    answer = serializers.CharField(required=False, max_length=200_000, source="said")
    pinned = serializers.BooleanField(required=False, source="is_pinned")
    quarantined = serializers.BooleanField(required=False, source="is_quarantined")
    state = serializers.SerializerMethodField(help_text="live, pinned, quarantined or expired")
    intent = serializers.CharField(source="intent.name", read_only=True, default=None)
    cost = usd(read_only=True)
    saved = serializers.SerializerMethodField(help_text="USD that its hits did not cost")

    class Meta:
        model = Entry
        fields = [
            "id",
            "team",
            "scope",
            "question",
            "answer",
            "state",
            "pinned",
            "quarantined",
            "quarantine",
            "model_asked",
            "backend",
            "intent",
            "tags",
            "exchange_id",
            "prompt_tokens",
            "completion_tokens",
            "cost",
            "saved",
            "hits",
            "rights",
            "wrongs",
            "created_at",
            "expires_at",
            "last_hit_at",
        ]
        read_only_fields = [
            name for name in fields if name not in {"answer", "pinned", "quarantined"}
        ]

    def to_representation(self, instance: Entry) -> dict[str, Any]:
        instance.said = contents.text(instance.answer)  # type: ignore[attr-defined]
        instance.is_pinned = instance.pinned_at is not None  # type: ignore[attr-defined]
        instance.is_quarantined = instance.quarantined_at is not None  # type: ignore[attr-defined]
        return super().to_representation(instance)

    def get_state(self, entry: Entry) -> str:
        return browsing.state_of(entry)

    def get_saved(self, entry: Entry) -> str:
        return f"{(entry.cost * entry.hits).normalize():f}"

    def update(self, instance: Entry, validated_data: dict[str, Any]) -> Entry:
        if "said" in validated_data:
            curating.rewrite(instance, validated_data["said"])
        for name, verbs in {
            "is_pinned": (curating.unpin, curating.pin),
            "is_quarantined": (curating.release, curating.quarantine),
        }.items():
            if name in validated_data:
                verbs[bool(validated_data[name])](instance)
        instance.save(update_fields=["pinned_at", "quarantined_at", "quarantine"])
        return instance


class TermsSerializer(OnlyKnownFields, serializers.ModelSerializer[CacheTerms]):
    """What a team has set for answers without a model; one that set nothing has the defaults."""

    id = serializers.IntegerField(source="team_id", read_only=True)
    team = serializers.CharField(source="team.name", read_only=True)
    epsilon = serializers.FloatField(required=False, min_value=0.0001, max_value=0.5)
    static_threshold = serializers.FloatField(required=False, min_value=0.5, max_value=1)
    shadow_share = serializers.FloatField(required=False, min_value=0, max_value=1)
    shadow_usd_a_day = usd(required=False, min_value=Decimal(0), max_value=Decimal(100_000))
    ttl_s = serializers.FloatField(required=False, min_value=60, max_value=10 * 365 * 86400)
    rows = serializers.IntegerField(required=False, min_value=0, max_value=50_000_000)
    bytes = serializers.IntegerField(required=False, min_value=0, max_value=10**13)
    routes = serializers.DictField(required=False)

    class Meta:
        model = CacheTerms
        fields = [
            "id",
            "team",
            "semantic",
            "epsilon",
            "static_threshold",
            "shadow_share",
            "shadow_usd_a_day",
            "judge_model",
            "scope",
            "ttl_s",
            "rows",
            "bytes",
            "automatic_patterns",
            "routes",
            "changed_at",
        ]
        read_only_fields = ["changed_at"]

    def update(self, instance: CacheTerms, validated_data: dict[str, Any]) -> CacheTerms:
        instance.changed_at = datetime.now(UTC)
        return super().update(instance, validated_data)

    def validate_judge_model(self, said: str) -> str:
        if fault := answering.fault(said):
            raise serializers.ValidationError(fault)
        return said

    def validate_routes(self, said: dict[str, Any]) -> dict[str, Any]:
        for model, otherwise in said.items():
            if fault := routes.fault(model, otherwise):
                raise serializers.ValidationError(fault)
            if fault := answering.fault(otherwise.get("judge_model", "")):
                raise serializers.ValidationError(f"{model}: judge_model: {fault}")
        return said


def facts_of(terms: CacheTerms) -> dict[str, Any]:
    """What an audit row tells apart of a team's terms."""
    shown = audit.facts_of(terms)
    return {name: shown[name] for name in shown if name not in {"id", "changed_at"}}


class CriteriaSerializer(OnlyKnownFields):
    """Which answers to drop: all that is named has to hold, and something has to be named."""

    ids = serializers.ListField(
        child=serializers.IntegerField(), required=False, allow_empty=False, max_length=10_000
    )
    model = serializers.CharField(required=False, help_text="the model asked for")
    backend = serializers.CharField(required=False)
    tag = serializers.CharField(required=False, help_text="name or name=value")
    older_than_s = serializers.FloatField(required=False, min_value=0)
    pattern = serializers.CharField(
        required=False, help_text="over the question; * for any characters, ? for one"
    )
    intent = serializers.CharField(required=False)
    team = serializers.CharField(required=False, help_text="may be left out by who has one team")
    dry_run = serializers.BooleanField(required=False, default=False)
    as_of = serializers.CharField(
        required=False,
        max_length=100,
        help_text="as a dry run told it: what was stored after that look stays",
    )


class SampleSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="entry_id")
    question = serializers.CharField()
    backend = serializers.CharField()
    created_at = serializers.DateTimeField()
    pinned = serializers.BooleanField()


class FoundSerializer(serializers.Serializer[Any]):
    """What the criteria found; with `dry_run` it is all still there and `dropped` is 0."""

    count = serializers.IntegerField()
    bytes = serializers.IntegerField()
    sample = SampleSerializer(many=True)
    as_of = serializers.CharField(help_text="send it along with the drop")
    dropped = serializers.SerializerMethodField()

    def get_dropped(self, _: Any) -> int:
        return int(self.context.get("dropped", 0))


class StepSerializer(serializers.ModelSerializer[PatternStep]):
    class Meta:
        model = PatternStep
        fields = ["at", "was", "became", "actor", "why"]


class PatternSerializer(serializers.ModelSerializer[Pattern]):
    """Repeated work that was recognised, what it rests on, and what is done about it."""

    team = serializers.CharField(source="team.name", read_only=True)
    intent = serializers.CharField(source="intent.name", read_only=True, default=None)
    saved_usd = usd(read_only=True)
    samples = serializers.ListField(child=serializers.UUIDField(), read_only=True)
    steps = StepSerializer(many=True, read_only=True)

    class Meta:
        model = Pattern
        fields = [
            "id",
            "team",
            "name",
            "action",
            "state",
            "intent",
            "scope",
            "recipe",
            "evidence",
            "samples",
            "share",
            "served",
            "rights",
            "wrongs",
            "saved_usd",
            "created_at",
            "changed_at",
            "seen_at",
            "steps",
        ]
        read_only_fields = fields


class MoveSerializer(OnlyKnownFields):
    """Why a pattern is moved; `share` is for canaries."""

    why = serializers.CharField(required=False, allow_blank=True, default="", max_length=1000)
    share = serializers.FloatField(required=False, min_value=0.01, max_value=1, default=0.1)


class SharingSerializer(serializers.ModelSerializer[Sharing]):
    """Served by the group once both moments are there; `gives`: it gives its new answers too."""

    team = serializers.CharField(source="team.name", read_only=True)
    group = serializers.CharField(source="group.name", read_only=True)

    class Meta:
        model = Sharing
        fields = ["id", "team", "group", "invited_at", "accepted_at", "gives"]
        read_only_fields = fields


class WordSerializer(OnlyKnownFields):
    """`other` is the team that is invited or taken out."""

    team = NamedTeam(default=OwnTeam())
    word = serializers.ChoiceField(choices=[(word, word) for word in joining.WORDS])
    group = serializers.CharField(max_length=64)
    other = serializers.CharField(required=False, default="", max_length=64, allow_blank=True)


class ImportSerializer(serializers.ModelSerializer[Import]):
    """How far it is; `rejected` has the first thousand lines that were refused, and why."""

    team = serializers.CharField(source="team.name", read_only=True)

    class Meta:
        model = Import
        fields = [
            "id",
            "team",
            "name",
            "actor",
            "model_asked",
            "system_prompt",
            "state",
            "total",
            "lines",
            "taken",
            "replaced",
            "rejections",
            "rejected",
            "message",
            "created_at",
            "changed_at",
        ]
        read_only_fields = fields


class BringSerializer(OnlyKnownFields):
    """A CSV or JSON lines file, or its text; `*` is any model, any system prompt; without a
    system prompt its answers are for requests that have none."""

    team = NamedTeam(default=OwnTeam())
    name = serializers.CharField(required=False, default="", max_length=200, allow_blank=True)
    file = serializers.FileField(required=False)
    content = serializers.CharField(required=False, trim_whitespace=False)
    model_asked = serializers.CharField(required=False, default="*", max_length=200)
    system_prompt = serializers.CharField(required=False, default="", allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        file, text = attrs.pop("file", None), attrs.get("content")
        if (file is None) == (text is None):
            raise serializers.ValidationError({"file": ["Send either `file` or `content`."]})
        attrs["content"] = file.read() if file else str(text).encode()
        attrs["name"] = attrs["name"] or (file.name if file else "import")
        return attrs
