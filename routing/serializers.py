"""Backends as the control plane shows and takes them; a secret goes in and never comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from rest_framework import serializers

from analytics import prices
from analytics.models import Price
from analytics.values import ZERO
from inference import endpoints, sandbox, secrets
from inference.local import options as local_options
from inference.words import Timeouts
from routing import allowances, condition, provider_keys, shelf, targets, upstreams
from routing.condition import Condition
from routing.models import Backend, Health, HealthState, Kind
from teams import access
from teams.strict import OnlyKnownFields

PER_TOKENS = ("price_in", "price_out", "price_cached_in")
PRICES = (*PER_TOKENS, "price_compute_s")
LONGEST_S = 3600
MAY_BE_OFF = {"least_tps": 10_000, "whole_first_s": LONGEST_S}
"""Timeouts that 0 switches off, with the most that they may be."""
CLAIMS = ("model", "context", "capabilities")
"""What a local backend says of its model."""
CHECKED_BY: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    Kind.SANDBOX.value: sandbox.check_options,
    Kind.LOCAL.value: local_options.check_options,
    Kind.OPENAI_COMPATIBLE.value: endpoints.check_options,
}
CONTEXT, MAX_OUTPUT = Backend().context, Backend().max_output
"""When nobody says."""
FIXED = ("name", "kind")
"""Ledger, prices and the sealed secret know a backend by its name, engines by its kind."""


def priced(rows: QuerySet[Backend]) -> QuerySet[Backend]:
    """Each backend with its price in force, in the one query that reads it."""
    newest = Price.objects.filter(
        backend=OuterRef("name"), effective_from__lte=datetime.now(UTC)
    ).order_by("-effective_from", "-id")
    found = {f"now_{name}": Subquery(newest.values(name)[:1]) for name in PRICES}
    return rows.annotate(**found).select_related("health")


def shown(backend: Backend) -> Backend:
    return priced(Backend.objects.all()).get(pk=backend.pk)


class HealthSerializer(serializers.ModelSerializer[Health]):
    class Meta:
        model = Health
        fields = ["state", "message", "latency_ms", "checked_at", "running", "waiting"]
        read_only_fields = fields


class ConditionSerializer(HealthSerializer):
    """Null while nothing is known; of a model of ours its engine's word counts too."""

    def get_attribute(self, instance: Any) -> Condition | None:
        found = condition.of(instance)
        known = hasattr(instance, "health") or found.state != HealthState.UNKNOWN
        return found if known else None


def _usd(name: str, per: str = "per million tokens") -> serializers.DecimalField:
    return serializers.DecimalField(
        source=f"now_{name}",
        max_digits=26,
        decimal_places=12,
        min_value=Decimal(0),
        max_value=prices.HIGHEST,
        required=False,
        allow_null=True,
        normalize_output=True,
        help_text=f"USD {per}. Writing it begins a new price; the old stays known.",
    )


class BackendSerializer(OnlyKnownFields, serializers.ModelSerializer[Backend]):
    price_in, price_out, price_cached_in = (_usd(name) for name in PER_TOKENS)
    price_compute_s = _usd("price_compute_s", "per second of processor time; of local models only")
    secret = serializers.CharField(write_only=True, required=False, allow_blank=True)
    has_secret = serializers.BooleanField(source="secret_sealed", read_only=True)
    timeouts = serializers.DictField(child=serializers.FloatField(), required=False)
    options = serializers.DictField(required=False)
    health = ConditionSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Backend
        fields = [
            "id",
            "name",
            "kind",
            "model",
            "api_base",
            "secret",
            "has_secret",
            *PRICES,
            "context",
            "max_output",
            "capabilities",
            "region",
            "data_classes",
            "max_parallel",
            "weight",
            "quality",
            "timeouts",
            "options",
            "enabled",
            "health",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_at", "updated_at"]
        extra_kwargs: ClassVar[dict[str, Any]] = {
            "context": {"min_value": 1},
            "max_output": {"min_value": 1},
        }

    def validate_api_base(self, address: str) -> str:
        allowed = settings.KORA_ALLOW_PRIVATE_UPSTREAMS
        if address and (wrong := upstreams.refusal(address, allowed=allowed)):
            raise serializers.ValidationError(wrong)
        return address

    def validate_timeouts(self, asked: dict[str, float]) -> dict[str, float]:
        known = [field.name for field in fields(Timeouts)]
        for name, seconds in asked.items():
            if name not in known:
                raise serializers.ValidationError(f"{name} is none of {', '.join(known)}.")
            if name in MAY_BE_OFF:
                if not 0 <= seconds <= MAY_BE_OFF[name]:
                    raise serializers.ValidationError(f"{name} must be 0 to {MAY_BE_OFF[name]}.")
            elif not 0 < seconds <= LONGEST_S:
                raise serializers.ValidationError(
                    f"{name} must be above 0 and at most {LONGEST_S}."
                )
        return asked

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        self._follow(attrs)
        wrong = {
            **self._too_long(attrs),
            **self._moved(attrs),
            **self._unfit(attrs),
            **self._overstated(attrs),
            **self._half_priced(attrs),
        }
        if wrong:
            raise serializers.ValidationError(wrong)
        return attrs

    def _follow(self, attrs: dict[str, Any]) -> None:
        """What nobody said follows from what was: contexts from the file, answers from contexts."""
        old = self.instance
        if "context" not in attrs and self._kind(attrs) == Kind.LOCAL:
            options = attrs.get("options", old.options if old else {})
            model = attrs.get("model", old.model if old else "")
            options = {} if CHECKED_BY[Kind.LOCAL](options) else options
            holds = shelf.context_of(str(model), options)
            if holds and (old is None or old.context > holds):
                attrs["context"] = holds
        context = attrs.get("context", old.context if old else CONTEXT)
        if "max_output" not in attrs and (old.max_output if old else MAX_OUTPUT) > context:
            attrs["max_output"] = context

    def _too_long(self, attrs: dict[str, Any]) -> dict[str, str]:
        context = attrs.get("context", self.instance.context if self.instance else CONTEXT)
        if attrs.get("max_output", 0) <= context:
            return {}
        return {"max_output": f"An answer cannot be longer than the context of {context} tokens."}

    def _kind(self, attrs: dict[str, Any]) -> str:
        return str(attrs.get("kind", self.instance.kind if self.instance else ""))

    def _moved(self, attrs: dict[str, Any]) -> dict[str, str]:
        """What cannot change, and a secret that must not follow to another host by itself."""
        old = self.instance
        if old is None:
            return {}
        fixed = {
            name: "Make a new backend instead."
            for name in FIXED
            if attrs.get(name, getattr(old, name)) != getattr(old, name)
        }
        place = urlsplit(attrs.get("api_base", old.api_base))[:2]  # scheme and host
        elsewhere = place != urlsplit(old.api_base)[:2] and old.secret_sealed
        if elsewhere and "secret" not in attrs:
            fixed["secret"] = "Enter the secret again for another address."  # noqa: S105
        if elsewhere_with_keys(old, place):
            fixed["api_base"] = "Remove its other keys first: they are for the old address."
        return fixed

    def _unfit(self, attrs: dict[str, Any]) -> dict[str, str]:
        old = self.instance
        kind = self._kind(attrs)
        address = attrs.get("api_base", old.api_base if old else "")
        options = attrs.get("options", {})
        wrong = {}
        if kind == Kind.OPENAI_COMPATIBLE and not address:
            wrong["api_base"] = "An OpenAI-compatible backend needs its address."
        if kind in {Kind.LOCAL, Kind.SANDBOX} and address:
            wrong["api_base"] = f"A {kind} backend runs inside KORA and has no address."
        if kind == Kind.LOCAL and attrs.get("secret"):
            wrong["secret"] = "A local backend runs inside KORA and needs no key."  # noqa: S105
        if faults := _faults(kind, options):
            wrong["options"] = "; ".join(faults)
        return wrong

    def _overstated(self, attrs: dict[str, Any]) -> dict[str, str]:
        """A local backend claims what its file has. One whose file is gone can still be changed
        in everything else, and switched off."""
        old = self.instance
        now = {name: attrs.get(name, getattr(old, name, None)) for name in CLAIMS}
        same = old is not None and all(now[name] == getattr(old, name) for name in CLAIMS)
        before = old.options if old else {}
        options = attrs.get("options", before)
        same = same and before.get("context") == options.get("context")
        if self._kind(attrs) != Kind.LOCAL or same or CHECKED_BY[Kind.LOCAL](options):
            return {}
        return shelf.unfit(
            str(now["model"]), now["context"] or 0, now["capabilities"] or (), options
        )

    def _half_priced(self, attrs: dict[str, Any]) -> dict[str, str]:
        given = [name for name in PRICES if attrs.get(f"now_{name}") is not None]
        known = self.instance is not None and self.instance.now_price_in is not None
        if not given or known:
            return {}
        return {
            name: "A first price needs both price_in and price_out."
            for name in ("price_in", "price_out")
            if name not in given
        }

    def create(self, validated_data: dict[str, Any]) -> Backend:
        priced_at = _prices(validated_data)
        sealed = _sealed(validated_data.pop("secret", ""), validated_data["name"])
        with transaction.atomic():
            made = Backend.objects.create(secret_sealed=sealed, **validated_data)
            self._begin_price(made, priced_at)
        return shown(made)

    def update(self, instance: Backend, validated_data: dict[str, Any]) -> Backend:
        priced_at = _prices(validated_data)
        if "secret" in validated_data:
            instance.secret_sealed = _sealed(validated_data.pop("secret"), instance.name)
            provider_keys.forgive_own(instance)
        for name, value in validated_data.items():
            setattr(instance, name, value)
        with transaction.atomic():
            instance.save()
            self._begin_price(instance, priced_at)
        return shown(instance)

    def _begin_price(self, backend: Backend, given: dict[str, Decimal]) -> None:
        if not given:
            return
        before = {name: getattr(backend, f"now_{name}", None) for name in PRICES}
        after = {**before, **given}
        after["price_cached_in"] = _first(after["price_cached_in"], after["price_in"])
        after["price_compute_s"] = _first(after["price_compute_s"], ZERO)
        if after != before:
            by = access.actor_of(self.context["request"]).name
            Price.objects.create(
                backend=backend.name, effective_from=datetime.now(UTC), created_by=by, **after
            )


def elsewhere_with_keys(old: Backend, place: tuple[str, str]) -> bool:
    """Whether keys that were entered for one host would be sent to another."""
    moved = tuple(place) != tuple(urlsplit(old.api_base)[:2])
    return moved and old.keys.exclude(secret_sealed="").exists()


def _faults(kind: str, options: Mapping[str, Any]) -> list[str]:
    """Nobody has to pay to ask a model of our own how it is."""
    if kind == Kind.LOCAL:
        return CHECKED_BY[Kind.LOCAL](options)
    own = CHECKED_BY.get(kind, _no_options)(allowances.apart(options))
    return [*own, *allowances.check(options)]


def _no_options(options: Mapping[str, Any]) -> list[str]:
    known = f"Backends of this kind have no options but {allowances.OPTION}."
    return [known] if options else []


def _first(*values: Decimal | None) -> Decimal | None:
    return next((value for value in values if value is not None), None)


def _prices(attrs: dict[str, Any]) -> dict[str, Decimal]:
    taken = {name: attrs.pop(f"now_{name}", None) for name in PRICES}
    return {name: value for name, value in taken.items() if value is not None}


def _sealed(secret: str, backend_name: str) -> str:
    return secrets.seal(secret, settings.SECRET_KEY, targets.aad(backend_name)) if secret else ""


class LookSerializer(serializers.Serializer[Any]):
    """Where the outcome of something that has only been asked for will stand."""

    status = serializers.CharField()
    look_at = serializers.CharField()
