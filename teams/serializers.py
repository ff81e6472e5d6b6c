"""Teams, members, keys and audit rows as the control plane shows and takes them."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied

from teams import access, keys, members
from teams.models import ApiKey, AuditRow, Membership, Organisation, Role, Scope, Team
from teams.strict import OnlyKnownFields
from teams.values import network

OPERATED = ("requests_per_minute", "tokens_per_minute", "max_parallel", "share", "priority")
"""Of a team: what it may have of what all share."""


class TeamField(serializers.SlugRelatedField[Team]):
    """A team by its name: one that the actor sees, and where their role may write."""

    def __init__(self, **options: Any) -> None:
        super().__init__(slug_field="name", **options)

    def get_queryset(self) -> Any:
        actor = access.actor_of(self.context["request"])
        teams = Team.objects.all()
        return teams if actor.operates else teams.filter(pk__in=actor.team_ids)

    def to_internal_value(self, data: Any) -> Team:
        team = super().to_internal_value(data)
        access.require(self.context["request"], self.context["view"], team.pk)
        return team

    def use_pk_only_optimization(self) -> bool:
        return False


class OwnTeam:
    """Where no team is named: the only one the actor may write in."""

    requires_context = True

    def __call__(self, field: serializers.Field[Any, Any, Any, Any]) -> Team:
        actor = access.actor_of(field.context["request"])
        writers = access.writers_of(field.context["view"])
        mine = [team_id for team_id in actor.team_ids if actor.may(writers, team_id)]
        if len(mine) != 1:
            raise serializers.ValidationError("Say which team.", code="required")
        return Team.objects.get(pk=mine[0])


class TeamSerializer(OnlyKnownFields, serializers.ModelSerializer[Team]):
    organisation = serializers.SlugRelatedField(
        slug_field="name", queryset=Organisation.objects.all(), required=False
    )

    class Meta:
        model = Team
        fields = [
            "id",
            "name",
            "organisation",
            "time_zone",
            "requests_per_minute",
            "tokens_per_minute",
            "max_parallel",
            "share",
            "priority",
            "created_at",
        ]
        read_only_fields = ["created_at"]
        extra_kwargs: ClassVar = {"share": {"min_value": 1, "max_value": 1000}}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """What a team may take from all others is not for the team to say."""
        if access.actor_of(self.context["request"]).operates:
            return attrs
        for name in OPERATED:
            if name in attrs and attrs[name] != getattr(self.instance, name, None):
                raise PermissionDenied(f"Only an operator changes {name} of a team.")
        return attrs

    def validate_time_zone(self, name: str) -> str:
        try:
            zoneinfo.ZoneInfo(name)
        except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
            raise serializers.ValidationError("No such time zone.") from error
        return name

    def validate_organisation(self, organisation: Organisation) -> Organisation:
        if self.instance and self.instance.organisation_id != organisation.pk:
            raise serializers.ValidationError("A team stays in its organisation.")
        return organisation

    def create(self, validated_data: dict[str, Any]) -> Team:
        if "organisation" not in validated_data:
            first = Organisation.objects.order_by("pk").first()
            validated_data["organisation"] = first or Organisation.objects.create(name="default")
        return super().create(validated_data)


class MemberSerializer(OnlyKnownFields, serializers.ModelSerializer[Membership]):
    """One person's place in one team; `password` is in the answer that makes a new person only."""

    team = TeamField(default=serializers.CreateOnlyDefault(OwnTeam()))
    email = serializers.EmailField(source="member.email")
    name = serializers.CharField(
        source="member.name", required=False, allow_blank=True, max_length=200
    )
    role = serializers.ChoiceField(choices=Role.choices)
    password = serializers.SerializerMethodField(help_text="Shown once; empty for a known person.")

    class Meta:
        model = Membership
        fields = ["id", "team", "email", "name", "role", "created_at", "password"]
        read_only_fields = ["created_at"]
        validators: list[Any] = []

    def get_password(self, shown: Membership) -> str:
        return str(getattr(shown, "one_time_password", ""))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance is not None and set(attrs) - {"role"}:
            raise serializers.ValidationError("Only the role of a member can be changed.")
        email = attrs.get("member", {}).get("email", "")
        held = Membership.objects.filter(team=attrs.get("team"), member__email__iexact=email)
        if self.instance is None and held.exists():
            raise serializers.ValidationError({"email": ["Already a member of this team."]})
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Membership:
        person = validated_data["member"]
        invited = members.invite(
            validated_data["team"],
            person["email"],
            role=validated_data["role"],
            name=person.get("name", ""),
        )
        invited.membership.one_time_password = invited.password  # type: ignore[attr-defined]
        return invited.membership

    def update(self, instance: Membership, validated_data: dict[str, Any]) -> Membership:
        return members.change_role(instance, validated_data.get("role", instance.role))


class KeySerializer(OnlyKnownFields, serializers.ModelSerializer[ApiKey]):
    name = serializers.CharField(max_length=200)
    team = TeamField(default=serializers.CreateOnlyDefault(OwnTeam()))
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices), required=False, allow_empty=False
    )
    models = serializers.ListField(
        source="allowed_models", child=serializers.CharField(), required=False
    )
    ip_ranges = serializers.ListField(child=serializers.CharField(), required=False)
    last_used_at = serializers.DateTimeField(
        source="use.last_used_at", read_only=True, allow_null=True
    )

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "name",
            "team",
            "public",
            "last_four",
            "scopes",
            "models",
            "ip_ranges",
            "requests_per_minute",
            "tokens_per_minute",
            "max_parallel",
            "priority",
            "expires_at",
            "revoked_at",
            "created_by",
            "created_at",
            "last_used_at",
        ]
        read_only_fields = ["public", "last_four", "revoked_at", "created_by", "created_at"]

    def validate_team(self, team: Team) -> Team:
        if self.instance and self.instance.team_id != team.pk:
            raise serializers.ValidationError("A key stays with its team; make a new one.")
        return team

    def validate_ip_ranges(self, ranges: list[str]) -> list[str]:
        try:
            return [network(text) for text in ranges]
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error

    def validate_expires_at(self, moment: datetime | None) -> datetime | None:
        if moment is not None and moment <= datetime.now(UTC):
            raise serializers.ValidationError("This moment has passed.")
        return moment

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Nobody makes a key that may do more than they may themselves, nor changes such a one."""
        actor = access.actor_of(self.context["request"])
        team = self.instance.team if self.instance else attrs["team"]
        asked = [*attrs.get("scopes", []), *(self.instance.scopes if self.instance else [])]
        if not access.may_grant(actor, team.pk, asked):
            raise PermissionDenied("You may not give a key these scopes.")
        if not access.may_prefer(actor, team, attrs.get("priority", "")):
            raise PermissionDenied("Only an operator puts a key before its team's priority.")
        return attrs

    def create(self, validated_data: dict[str, Any]) -> ApiKey:
        actor = access.actor_of(self.context["request"])
        issued = keys.issue(validated_data.pop("team"), created_by=actor.name, **validated_data)
        issued.key.text = issued.text  # type: ignore[attr-defined]
        return issued.key


class IssuedKeySerializer(KeySerializer):
    """A key's first answer, the only one with its text."""

    key = serializers.CharField(source="text", read_only=True)

    class Meta(KeySerializer.Meta):
        fields = [*KeySerializer.Meta.fields, "key"]


class RotationSerializer(serializers.Serializer[Any]):
    overlap_hours = serializers.FloatField(
        default=24, min_value=0, max_value=24 * 90, help_text="How long the old key lives on."
    )


class AuditSerializer(serializers.ModelSerializer[AuditRow]):
    team = serializers.SlugRelatedField(slug_field="name", read_only=True, allow_null=True)  # type: ignore[var-annotated]

    class Meta:
        model = AuditRow
        fields = [
            "id",
            "at",
            "actor",
            "address",
            "action",
            "subject",
            "subject_id",
            "subject_name",
            "team",
            "before",
            "after",
        ]
        read_only_fields = fields
