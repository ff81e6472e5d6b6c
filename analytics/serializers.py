"""Prices, requests and questions to the ledger as the control plane takes them."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from rest_framework import serializers

from analytics import booked, prices, reports
from analytics.models import Attempt, Exchange, LedgerRow, Price
from teams import access
from teams.strict import OnlyKnownFields

SKEW = timedelta(minutes=1)
"""How far a client's clock may be behind when it says that a price begins now."""


def usd(**options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=26, decimal_places=12, normalize_output=True, **options
    )


def price(**options: Any) -> serializers.DecimalField:
    return usd(min_value=Decimal(0), max_value=prices.HIGHEST, **options)


def seconds() -> serializers.DecimalField:
    """Of processor time."""
    return serializers.DecimalField(max_digits=20, decimal_places=9, normalize_output=True)


class PriceSerializer(OnlyKnownFields, serializers.ModelSerializer[Price]):
    price_in = price()
    price_out = price()
    price_cached_in = price(required=False)
    price_compute_s = price(
        required=False,
        help_text="USD per second of processor time, where the model runs in KORA itself.",
    )
    effective_from = serializers.DateTimeField(required=False)

    class Meta:
        model = Price
        fields = [
            "id",
            "backend",
            "price_in",
            "price_out",
            "price_cached_in",
            "price_compute_s",
            "effective_from",
            "created_by",
            "created_at",
        ]
        read_only_fields = ["created_by", "created_at"]
        validators: ClassVar[list[Any]] = []
        """The one made of the unique constraint would make `effective_from` required."""

    def validate_effective_from(self, moment: datetime) -> datetime:
        now = datetime.now(UTC)
        if moment < now - SKEW:
            raise serializers.ValidationError("A price cannot begin in the past.")
        return max(moment, now)

    def create(self, validated_data: dict[str, Any]) -> Price:
        made = {
            "price_cached_in": validated_data["price_in"],
            "effective_from": datetime.now(UTC),
            "created_by": access.actor_of(self.context["request"]).name,
        }
        return super().create(made | validated_data)


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    amount = usd()
    cost = usd()
    compute_s = seconds()

    class Meta:
        model = Attempt
        fields = [
            "id",
            "number",
            "backend",
            "tier",
            "state",
            "amount",
            "cost",
            "compute_s",
            "price",
            "worker",
            "failure",
            "created_at",
            "ended_at",
        ]


class LedgerSerializer(serializers.ModelSerializer[LedgerRow]):
    compute_s = seconds()
    cost = usd()
    saved = usd()

    class Meta:
        model = LedgerRow
        fields = [
            "id",
            "at",
            "kind",
            "attempt_id",
            "tier",
            "backend",
            "prompt_tokens",
            "completion_tokens",
            "cached_tokens",
            "reasoning_tokens",
            "compute_s",
            "cost",
            "saved",
            "price_id",
            "estimated",
            "unconfirmed",
            "note",
        ]


class ExchangeSerializer(serializers.ModelSerializer[Exchange]):
    team = serializers.CharField(source="team_name")
    key = serializers.CharField(source="key_name")
    model = serializers.CharField(source="model_asked")
    user = serializers.CharField(source="end_user")
    cost = usd()
    saved = usd()

    class Meta:
        model = Exchange
        fields = [
            "id",
            "at",
            "team",
            "key",
            "key_public",
            "model",
            "streamed",
            "state",
            "status",
            "error_code",
            "tier",
            "backend",
            "reason",
            "policy",
            "attempts",
            "prompt_tokens",
            "completion_tokens",
            "cached_tokens",
            "estimated",
            "cost",
            "saved",
            "overhead_ms",
            "first_content_ms",
            "total_ms",
            "user",
            "session",
            "tags",
        ]


class ReceiptSerializer(ExchangeSerializer):
    receipt = serializers.SerializerMethodField()
    tries = serializers.SerializerMethodField()
    ledger = serializers.SerializerMethodField()

    class Meta(ExchangeSerializer.Meta):
        fields = [*ExchangeSerializer.Meta.fields, "receipt", "tries", "ledger"]

    def get_receipt(self, exchange: Exchange) -> dict[str, Any]:
        return booked.receipt(exchange)

    def get_tries(self, exchange: Exchange) -> list[dict[str, Any]]:
        rows = exchange.tries.order_by("number")
        return [dict(row) for row in AttemptSerializer(rows, many=True).data]

    def get_ledger(self, exchange: Exchange) -> list[dict[str, Any]]:
        rows = LedgerRow.objects.filter(exchange_id=exchange.pk).order_by("id")
        return [dict(row) for row in LedgerSerializer(rows, many=True).data]


class ReportQuerySerializer(serializers.Serializer[Any]):
    """From when to when, whose, and by what a report is broken down."""

    groups: ClassVar[tuple[str, ...]] = ()
    """What it may be grouped by."""
    group_by = serializers.CharField(default="", allow_blank=True)
    team = serializers.CharField(default="", allow_blank=True)
    time_zone = serializers.CharField(default="UTC")

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python's, so that these two cannot stand above."""
        moments = {name: serializers.DateTimeField(default=None) for name in ("from", "to")}
        return super().get_fields() | moments

    def validate_group_by(self, asked: str) -> list[str]:
        names = list(dict.fromkeys(name.strip() for name in asked.split(",") if name.strip()))
        for name in names:
            if name not in self.groups:
                known = ", ".join(self.groups)
                raise serializers.ValidationError(f"{name} is none of {known}.")
        return names

    def validate_time_zone(self, name: str) -> zoneinfo.ZoneInfo:
        if name not in zoneinfo.available_timezones():
            raise serializers.ValidationError(f"{name} is not a time zone.")
        return zoneinfo.ZoneInfo(name)


class SpendQuerySerializer(ReportQuerySerializer):
    """`?group_by=team,day&from=…&to=…&team=…&time_zone=…`"""

    groups = reports.GROUPS
    group_by = serializers.CharField(default="team", allow_blank=True)


class ReportSerializer(serializers.Serializer[Any]):
    """Each row has the groups asked for and the figures of `total`."""

    group_by = serializers.ListField(child=serializers.CharField())
    rows = serializers.ListField(child=serializers.DictField())
    total = serializers.DictField()


class SpendSerializer(ReportSerializer):
    """Of what was spent and saved."""
