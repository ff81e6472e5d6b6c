"""Budgets, their overrides, soft limits and standings as the control plane takes and shows them."""

from __future__ import annotations

import unicodedata
import zoneinfo
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from analytics import limiting, reports
from analytics.models import Budget, BudgetOverride, BudgetScope, Period
from analytics.pacing import pressure
from analytics.serializers import usd
from teams import access
from teams.models import ApiKey, Organisation, Team
from teams.strict import OnlyKnownFields

TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
LONGEST_TAG = 64
"""Of a name and of a value, as requests may send them."""


class SoftLimitSerializer(OnlyKnownFields, serializers.Serializer[Any]):
    """What happens before the limit is reached."""

    percent = serializers.FloatField(min_value=0.01, max_value=1000)
    action = serializers.ChoiceField(choices=pressure.ACTIONS)


class ForecastSerializer(serializers.Serializer[Any]):
    """Where spend is heading until the end of the window (without one: for 90 days)."""

    expected_usd = usd()
    low_usd = usd(help_text="80 of 100 such windows end between this and `high_usd`.")
    high_usd = usd()
    exhausted_at = serializers.DateTimeField(
        allow_null=True, help_text="When the limit is reached at this rate."
    )
    earliest = serializers.DateTimeField(
        allow_null=True, help_text="When it is reached if it goes on as dearly as it well may."
    )
    until = serializers.DateTimeField()


class PaceSerializer(serializers.Serializer[Any]):
    """Of a paced budget: what a dollar weighs now, and the plan that this comes from."""

    weight = serializers.FloatField(help_text="λ: 1 on plan, more ahead of it.")
    planned_usd = serializers.FloatField(help_text="What should be spent by now.")


class OverrideSerializer(OnlyKnownFields, serializers.ModelSerializer[BudgetOverride]):
    limit_usd = usd(min_value=Decimal(0))
    until = serializers.DateTimeField(source="ends_at")
    reason = serializers.CharField(max_length=500)

    class Meta:
        model = BudgetOverride
        fields = ["id", "limit_usd", "starts_at", "until", "reason", "created_by", "created_at"]
        read_only_fields = ["starts_at", "created_by", "created_at"]

    def validate_until(self, moment: datetime) -> datetime:
        if moment <= datetime.now(UTC):
            raise serializers.ValidationError("This moment is over.")
        return moment


class StandingSerializer(serializers.Serializer[reports.Standing]):
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    limit_usd = usd(help_text="The limit in force now: an override's, if there is one.")
    settled = usd()
    held = usd()
    left = usd(help_text="Below zero when more was spent than the limit that is now in force.")
    free = usd(help_text="What the next request may hold.")
    refused = serializers.IntegerField(
        help_text="Requests that found no room; in shadow mode: would have found none."
    )
    suspended = serializers.BooleanField()
    override = OverrideSerializer(allow_null=True)
    forecast = ForecastSerializer(
        allow_null=True, help_text="Null while too little was spent to say anything."
    )
    pace = PaceSerializer(allow_null=True, help_text="Null where the budget is not paced.")


class LimitSerializer(serializers.Serializer[limiting.Limit]):
    """One budget that a key's requests fall under."""

    id = serializers.IntegerField(source="budget.pk")
    name = serializers.CharField(source="budget.name")
    scope = serializers.CharField(source="budget.scope")
    scope_id = serializers.CharField(source="budget.scope_id")
    window = serializers.CharField(source="budget.window")
    mode = serializers.CharField(source="budget.mode")
    standing = StandingSerializer()


class KeyLimitsSerializer(serializers.Serializer[Any]):
    """What limits a key: `tightest` is the budget that refuses first."""

    key = serializers.CharField()
    team = serializers.CharField()
    tightest = LimitSerializer(allow_null=True)
    budgets = LimitSerializer(many=True)
    rates = serializers.DictField(child=serializers.IntegerField(allow_null=True))


class BudgetSerializer(OnlyKnownFields, serializers.ModelSerializer[Budget]):
    write_roles = access.KEEPERS

    name = serializers.CharField(max_length=200)
    scope_id = serializers.CharField(
        required=False, help_text="A team's or key's id or name (a key's public part), or `a=b`."
    )
    limit_usd = usd(min_value=Decimal(0))
    fiscal_start = serializers.IntegerField(min_value=1, max_value=12, required=False)
    soft_limits = SoftLimitSerializer(many=True, required=False)
    standing = serializers.SerializerMethodField()

    class Meta:
        model = Budget
        fields = [
            "id",
            "name",
            "scope",
            "scope_id",
            "limit_usd",
            "window",
            "time_zone",
            "fiscal_start",
            "soft_limits",
            "mode",
            "paced",
            "enabled",
            "standing",
            "created_at",
        ]
        read_only_fields = ["created_at"]

    def get_standing(self, budget: Budget) -> dict[str, Any]:
        known = self.context.get("standings", {}).get(budget.pk)
        found = known or reports.standings([budget], datetime.now(UTC))[budget.pk]
        return dict(StandingSerializer(found).data)

    def validate_name(self, name: str) -> str:
        """Letters and marks of every script; but none that turn the words around it about."""
        if any(unicodedata.bidirectional(each) in TURNING for each in name):
            raise serializers.ValidationError("A name holds no marks that change the direction.")
        return name

    def validate_time_zone(self, name: str) -> str:
        if name not in zoneinfo.available_timezones():
            raise serializers.ValidationError(f"{name} is not a time zone.")
        return name

    def validate_soft_limits(self, given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        try:
            return pressure.ordered(given)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        known = self.instance or Budget()
        if attrs.get("paced", known.paced) and attrs.get("window", known.window) == Period.TOTAL:
            raise serializers.ValidationError({"paced": "A window without end has no pace."})
        if self.instance is not None:
            return self._unmoved(attrs)
        organisation, scope_id = self._target(attrs["scope"], attrs.get("scope_id", ""))
        attrs |= {"organisation": organisation, "scope_id": scope_id}
        made = Budget(scope=attrs["scope"], scope_id=scope_id)
        attrs.setdefault("time_zone", _zone_of(made.team_id))
        access.require(self.context["request"], self.context["view"], made.team_id)
        return attrs

    def _unmoved(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name in ("scope", "scope_id"):
            if name in attrs and attrs[name] != getattr(self.instance, name):
                raise serializers.ValidationError({name: "Make a new budget for another target."})
        return attrs

    def _target(self, scope: str, asked: str) -> tuple[Organisation, str]:
        """Whose budget it is, as the hot path will compare it: an id, or a tag as it stands."""
        if scope == BudgetScope.TEAM:
            team = self._one(Team.objects.select_related("organisation"), "name", asked)
            return team.organisation, str(team.pk)
        if scope == BudgetScope.KEY:
            key = self._one(ApiKey.objects.select_related("team__organisation"), "public", asked)
            return key.team.organisation, str(key.pk)
        if scope == BudgetScope.TAG:
            return self._organisation(), _tag(asked)
        organisation = self._organisation(asked)
        return organisation, str(organisation.pk)

    def _one(self, rows: Any, name: str, asked: str) -> Any:
        """One that the actor sees: what others have is told apart from nothing by nobody."""
        found = _by_id_or(rows, name, asked)
        team_id = getattr(found, "team_id", None) or getattr(found, "pk", None)
        if found is None or not access.actor_of(self.context["request"]).sees(team_id):
            raise serializers.ValidationError({"scope_id": "There is no such target."})
        return found

    def _organisation(self, asked: str = "") -> Organisation:
        rows = Organisation.objects.order_by("pk")
        found = _by_id_or(rows, "name", asked) if asked else rows.first()
        if found is None or (not asked and rows.count() > 1):
            raise serializers.ValidationError({"scope_id": "There is no such organisation."})
        return found


def _zone_of(team_id: int | None) -> str:
    """Days begin where the team is; what teams share begins in UTC unless it is said."""
    if team_id is None:
        return "UTC"
    return Team.objects.values_list("time_zone", flat=True).get(pk=team_id)


def _by_id_or(rows: Any, name: str, asked: str) -> Any:
    by_name = rows.filter(**{name: asked}).first()
    if by_name is None and asked.isascii() and asked.isdigit() and len(asked) < 19:
        return rows.filter(pk=int(asked)).first()
    return by_name


def _tag(asked: str) -> str:
    """As requests bring it: one that none can bring would cap nothing, and nobody would know."""
    name, _, value = (part.strip() for part in asked.partition("="))
    if not (name and value) or "," in asked:
        raise serializers.ValidationError({"scope_id": "A tag is written as name=value."})
    if not asked.isprintable() or max(len(name), len(value)) > LONGEST_TAG:
        wrong = f"Name and value are printable, of at most {LONGEST_TAG} characters."
        raise serializers.ValidationError({"scope_id": wrong})
    return f"{name}={value}"
