"""Channels and alerts as the control plane shows and takes them."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError as NotAnAddress
from django.core.validators import validate_email
from django.db import transaction
from rest_framework import serializers

from analytics.alerts import secrets, webhooks
from analytics.alerts.raising import KINDS
from analytics.promise_models import Alert, Channel, ChannelKind, Delivery
from teams import access
from teams.access import KEEPERS
from teams.models import Organisation
from teams.serializers import OwnTeam, TeamField
from teams.strict import OnlyKnownFields

SHORTEST_SECRET = 16
NO_POST = (
    "This KORA has no mail server, so nothing would arrive. Whoever operates it sets KORA_SMTP_URL "
    "and starts it again; a webhook works without."
)


class ChannelSerializer(OnlyKnownFields, serializers.ModelSerializer[Channel]):
    write_roles = KEEPERS

    name = serializers.CharField(max_length=200)
    team = TeamField(
        default=serializers.CreateOnlyDefault(OwnTeam()),
        allow_null=True,
        help_text="`null`: the alerts of every team and of none; an operator's to write.",
    )
    organisation = serializers.SlugRelatedField(
        slug_field="name",
        queryset=Organisation.objects.all(),
        required=False,
        help_text="Only to be said without a team, where there is more than one.",
    )
    address = serializers.CharField(
        max_length=2000, help_text="Shown in full to whoever may write it."
    )
    secret = serializers.CharField(
        write_only=True,
        required=False,
        min_length=SHORTEST_SECRET,
        max_length=500,
        help_text="Signs a webhook's calls; never shown again.",
    )
    has_secret = serializers.BooleanField(source="secret_sealed", read_only=True)
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=KINDS), required=False, help_text="Empty: all."
    )

    class Meta:
        model = Channel
        fields = [
            "id",
            "organisation",
            "team",
            "name",
            "kind",
            "address",
            "secret",
            "has_secret",
            "kinds",
            "enabled",
            "created_at",
        ]
        read_only_fields = ["created_at"]
        validators: ClassVar[list[Any]] = []

    def to_representation(self, instance: Channel) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if not access.actor_of(self.context["request"]).may(KEEPERS, instance.team_id):
            shown["address"] = veiled(instance)
        return shown

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name in ("kind", "team", "organisation"):
            if self.instance and name in attrs and attrs[name] != getattr(self.instance, name):
                raise serializers.ValidationError({name: "Make a new channel for that."})
        if self.instance is None:
            attrs = self._owned(attrs)
        kind = self.instance.kind if self.instance else attrs["kind"]
        _check_address(kind, attrs)
        _check_secret(kind, attrs, new=self.instance is None)
        return attrs

    def _owned(self, attrs: dict[str, Any]) -> dict[str, Any]:
        team = attrs.get("team")
        access.require(self.context["request"], self, team.pk if team else None)
        if team is not None:
            return attrs | {"organisation": team.organisation}
        if "organisation" in attrs:
            return attrs
        every = list(Organisation.objects.order_by("pk")[:2])
        if len(every) != 1:
            raise serializers.ValidationError({"organisation": "Say which organisation."})
        return attrs | {"organisation": every[0]}

    def create(self, validated_data: dict[str, Any]) -> Channel:
        with transaction.atomic():
            secret = validated_data.pop("secret", "")
            made = super().create(validated_data)
            return self._sealed(made, secret)

    def update(self, instance: Channel, validated_data: dict[str, Any]) -> Channel:
        with transaction.atomic():
            secret = validated_data.pop("secret", "")
            return self._sealed(super().update(instance, validated_data), secret)

    def _sealed(self, channel: Channel, secret: str) -> Channel:
        if secret:
            channel.secret_sealed = secrets.seal(channel, secret)
            channel.save(update_fields=["secret_sealed"])
        return channel


def veiled(channel: Channel) -> str:
    """A webhook's path may be all that keeps strangers from calling it."""
    if channel.kind == ChannelKind.EMAIL:
        return channel.address
    parts = urlsplit(channel.address)
    return f"{parts.scheme}://{parts.hostname}/…"


def _check_address(kind: str, attrs: dict[str, Any]) -> None:
    """A mail's channel may be switched off, or renamed, without a mail server, but not used."""
    used = "address" in attrs or attrs.get("enabled")
    if kind == ChannelKind.EMAIL and used and not settings.KORA_MAIL_FROM:
        raise serializers.ValidationError({"kind": NO_POST})
    if "address" not in attrs:
        return
    if wrong := _wrong_with(kind, attrs["address"]):
        raise serializers.ValidationError({"address": wrong})


def _wrong_with(kind: str, address: str) -> str:
    if kind == ChannelKind.WEBHOOK:
        return webhooks.refusal(address, allowed=settings.KORA_ALLOW_PRIVATE_WEBHOOKS)
    try:
        validate_email(address)
    except NotAnAddress:
        return "This is not an e-mail address."
    return ""


def _check_secret(kind: str, attrs: dict[str, Any], *, new: bool) -> None:
    if kind == ChannelKind.EMAIL and "secret" in attrs:
        raise serializers.ValidationError({"secret": "A mail is not signed."})
    if kind == ChannelKind.WEBHOOK and new and "secret" not in attrs:
        raise serializers.ValidationError(
            {"secret": f"Choose what signs the calls, {SHORTEST_SECRET} characters or more."}
        )


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    channel = serializers.CharField(source="channel.name")
    channel_id = serializers.IntegerField()

    class Meta:
        model = Delivery
        fields = ["id", "channel", "channel_id", "state", "tries", "next_at", "sent_at", "trouble"]


class AlertSerializer(serializers.ModelSerializer[Alert]):
    organisation = serializers.CharField(source="organisation.name")
    team = serializers.CharField(source="team.name", allow_null=True, default=None)
    deliveries = DeliverySerializer(many=True)

    class Meta:
        model = Alert
        fields = [
            "id",
            "organisation",
            "team",
            "kind",
            "severity",
            "key",
            "title",
            "body",
            "at",
            "resolved_at",
            "deliveries",
        ]
