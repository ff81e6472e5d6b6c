"""Rules, policies and simulations as the control plane shows and takes them."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from routing.faces import scoping
from routing.models import Policy, Rule, Simulation
from routing.publishing import checking, diff, drafts, hits, versions
from routing.publishing.values import Finding
from teams.serializers import OwnTeam, TeamField
from teams.strict import OnlyKnownFields

EVERYONE = "null: everyone's, which come first and are the operator's to write."


class FindingSerializer(serializers.Serializer[Any]):
    """Something to be said about a rule or a setting; an `error` cannot be published."""

    level = serializers.CharField()
    kind = serializers.CharField()
    place = serializers.CharField()
    words = serializers.CharField()
    rule = serializers.CharField()
    with_rule = serializers.CharField()


class RuleSerializer(OnlyKnownFields, serializers.ModelSerializer[Rule]):
    team = TeamField(
        default=serializers.CreateOnlyDefault(OwnTeam()), allow_null=True, help_text=EVERYONE
    )
    position = serializers.IntegerField(min_value=1, max_value=1_000_000, required=False)
    when = serializers.JSONField(required=False)
    then = serializers.JSONField()
    findings = serializers.SerializerMethodField()
    hits = serializers.SerializerMethodField(
        help_text="With `?hits=true`: requests of the last 24 hours that it held for."
    )

    class Meta:
        model = Rule
        fields = [
            "id",
            "team",
            "name",
            "position",
            "when",
            "then",
            "enabled",
            "findings",
            "hits",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_at", "updated_at"]
        validators: ClassVar[list[Any]] = []

    @extend_schema_field(FindingSerializer(many=True))
    def get_findings(self, rule: Rule) -> list[dict[str, str]]:
        found = _findings(self.context, rule.team_id)
        return [each.as_json() for each in found if each.rule == rule.name]

    def get_hits(self, rule: Rule) -> int | None:
        context: Any = self.context
        if context["request"].GET.get("hits") != "true":
            return None
        known = context.setdefault("hits", {})
        if rule.team_id not in known:
            known[rule.team_id] = hits.of(rule.team_id)
        return known[rule.team_id].get(rule.name, 0)  # type: ignore[no-any-return]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        team = self.instance.team if self.instance else attrs.get("team")
        scoping.require(self.context["request"], team.pk if team else None)
        self._stays(attrs, team)
        self._is_its_own(attrs, team)
        kept = drafts.rule_as_json(self.instance) if self.instance else {"when": {}}
        said = {**kept, **attrs}
        wrong = {
            each.place.removeprefix(f"rules.{said['name']}."): [each.words]
            for each in checking.rule_alone(said["name"], said)
        }
        if wrong:
            raise serializers.ValidationError(wrong)
        return attrs

    def _stays(self, attrs: dict[str, Any], team: Any) -> None:
        if self.instance and "team" in attrs and attrs["team"] != team:
            raise serializers.ValidationError({"team": ["A rule stays in its team."]})

    def _is_its_own(self, attrs: dict[str, Any], team: Any) -> None:
        others = Rule.objects.filter(team=team, name=attrs.get("name", ""))
        if others.exclude(pk=self.instance.pk if self.instance else 0).exists():
            raise serializers.ValidationError({"name": ["There is a rule of this name."]})

    def create(self, validated_data: dict[str, Any]) -> Rule:
        team_id = validated_data["team"].pk if validated_data.get("team") else None
        position = validated_data.pop("position", None)
        rule = Rule.objects.create(**validated_data, position=drafts.end(team_id))
        if position is not None:
            drafts.place(rule, position)
        return rule

    def update(self, instance: Rule, validated_data: dict[str, Any]) -> Rule:
        position = validated_data.pop("position", None)
        saved = super().update(instance, validated_data)
        if position is not None:
            drafts.place(saved, position)
        return saved


def _findings(context: Any, team_id: int | None) -> tuple[Finding, ...]:
    """Of a whole scope, worked out once for a list."""
    known = context.setdefault("findings", {})
    if team_id not in known:
        known[team_id] = checking.check(team_id, drafts.content(team_id))
    found: tuple[Finding, ...] = known[team_id]
    return found


class OrderSerializer(OnlyKnownFields):
    rules = serializers.ListField(
        child=serializers.IntegerField(min_value=1),
        help_text="Ids, first to last; rules that are not named follow as they were.",
    )


class PolicySerializer(serializers.ModelSerializer[Policy]):
    team = serializers.SlugRelatedField[Any](slug_field="name", read_only=True, allow_null=True)
    in_force = serializers.SerializerMethodField()
    based_on = serializers.SerializerMethodField(
        help_text="The number that was in force when it was published; of a draft, that is now."
    )

    class Meta:
        model = Policy
        fields = [
            "id",
            "team",
            "number",
            "state",
            "in_force",
            "note",
            "based_on",
            "restores",
            "created_at",
            "published_at",
            "published_by",
        ]
        read_only_fields = fields

    def get_in_force(self, policy: Policy) -> bool:
        return policy.number is not None and policy.number == self._standing(policy.team_id)

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_based_on(self, policy: Policy) -> int | None:
        return policy.based_on if policy.number else self._standing(policy.team_id)

    def _standing(self, team_id: int | None) -> int | None:
        context: Any = self.context
        known = context.setdefault("standing", {})
        if team_id not in known:
            known[team_id] = versions.number_standing(team_id) or None
        found: int | None = known[team_id]
        return found


class WholePolicySerializer(PolicySerializer):
    """One version with what it says, and what is to be said about that."""

    content = serializers.SerializerMethodField()
    findings = serializers.SerializerMethodField()
    changes = serializers.SerializerMethodField(
        help_text="Against what it is based on; of a draft, what publishing would change."
    )

    class Meta(PolicySerializer.Meta):
        fields = [*PolicySerializer.Meta.fields, "content", "findings", "changes"]
        read_only_fields = fields

    @extend_schema_field(serializers.JSONField())
    def get_content(self, policy: Policy) -> Any:
        return versions.content_of(policy)

    @extend_schema_field(FindingSerializer(many=True))
    def get_findings(self, policy: Policy) -> list[dict[str, str]]:
        found = checking.check(policy.team_id, versions.content_of(policy))
        return [each.as_json() for each in found]

    @extend_schema_field(serializers.ListField(child=serializers.DictField()))
    def get_changes(self, policy: Policy) -> list[dict[str, Any]]:
        before = versions.content_numbered(policy.team_id, self.get_based_on(policy))
        found = diff.changes(before, versions.content_of(policy))
        return [each.as_json() for each in found]


class DifferenceSerializer(serializers.Serializer[Any]):
    """What would have to be done to `before` to make it `after`."""

    before = serializers.IntegerField(help_text="The id of the policy it is compared with.")
    after = serializers.IntegerField()
    changes = serializers.ListField(child=serializers.DictField())


class PublishSerializer(OnlyKnownFields):
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)
    based_on = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        help_text="The number in force that you looked at; 412 where it is another by now.",
    )


class TestSerializer(OnlyKnownFields):
    """A request as `/v1/chat/completions` takes it; nothing is run."""

    request = serializers.DictField()
    headers = serializers.DictField(child=serializers.CharField(), required=False, default=dict)
    team = serializers.CharField(
        required=False, help_text="As whose request; of everyone's policies only."
    )


class TestedSerializer(serializers.Serializer[Any]):
    """As `/v1/route` answers, with the refusal where there is one."""

    refused = serializers.DictField(allow_null=True)
    tier = serializers.CharField(required=False)
    backend = serializers.CharField(required=False)
    reason = serializers.CharField(required=False)
    expected_cost = serializers.CharField(required=False)
    fallbacks = serializers.ListField(child=serializers.CharField(), required=False)
    policy = serializers.IntegerField()
    receipt = serializers.DictField()


class SettingsSerializer(serializers.Serializer[Any]):
    """The working copy of a scope's settings."""

    team = serializers.CharField(allow_null=True)
    settings = serializers.DictField()
    findings = FindingSerializer(many=True)


class SettingsChangeSerializer(OnlyKnownFields):
    settings = serializers.DictField(
        help_text="Keys are replaced whole; null takes one away; others stay."
    )


class SimulateSerializer(OnlyKnownFields):
    days = serializers.IntegerField(required=False, default=7, min_value=1, max_value=366)
    most = serializers.IntegerField(required=False, default=10_000, min_value=1, max_value=100_000)
    team = serializers.CharField(
        required=False, help_text="Whose traffic; of everyone's policies, all teams' if left out."
    )
    overrides = serializers.DictField(
        required=False, default=dict, help_text="`budget`, `max_latency_ms`, `weights` instead."
    )


class SimulationSerializer(serializers.ModelSerializer[Simulation]):
    team = serializers.SlugRelatedField[Any](slug_field="name", read_only=True, allow_null=True)
    asked = serializers.SerializerMethodField()

    class Meta:
        model = Simulation
        fields = [
            "id",
            "policy",
            "team",
            "asked",
            "state",
            "done",
            "total",
            "result",
            "error",
            "asked_by",
            "created_at",
            "ended_at",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.DictField())
    def get_asked(self, simulation: Simulation) -> dict[str, Any]:
        return {k: v for k, v in simulation.asked.items() if k != "content"}
