"""The control plane's door to the keys of a backend's provider: added, never shown, mended."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from routing import provider_keys
from routing.models import Backend, Kind
from routing.provider_keys import Shown
from teams import audit
from teams.access import actor_of
from teams.strict import OnlyKnownFields


class BackendKeySerializer(OnlyKnownFields):
    """One key as it is shown; 0 is the `secret` of the backend itself."""

    id = serializers.IntegerField(read_only=True)
    label = serializers.CharField(  # type: ignore[assignment]
        max_length=80, required=False, allow_blank=True
    )
    secret = serializers.CharField(write_only=True, max_length=4096)
    state = serializers.CharField(read_only=True, help_text="`in use`, `off` or `refused`")
    enabled = serializers.BooleanField(required=False)
    refused_at = serializers.DateTimeField(read_only=True, allow_null=True)
    refusal = serializers.CharField(read_only=True)
    forgive = serializers.BooleanField(
        write_only=True, required=False, help_text="true: it is mended, so it is used again"
    )


class Keyed(GenericViewSet[Backend]):
    """The part of a backend's door that keeps its keys; requests use them in turn."""

    @extend_schema(methods=["GET"], responses=BackendKeySerializer(many=True))
    @extend_schema(
        methods=["POST"], request=BackendKeySerializer, responses={201: BackendKeySerializer}
    )
    @action(detail=True, methods=["get", "post"], pagination_class=None, filter_backends=[])
    def keys(self, request: Request, **_: str) -> Response:
        """All keys with their state, or one more."""
        if request.method == "GET":
            shown = provider_keys.shown(self.get_object())
            return Response(BackendKeySerializer(shown, many=True).data)
        asked = _asked(request, partial=False)
        with transaction.atomic():
            backend: Backend = self.get_object()
            _refuse_where_none_is_needed(backend)
            made = provider_keys.add(backend, asked)
            self._record(backend, {}, made)
        return Response(BackendKeySerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(methods=["PATCH"], request=BackendKeySerializer, responses=BackendKeySerializer)
    @extend_schema(methods=["DELETE"], responses={204: None})
    @action(
        detail=True,
        methods=["patch", "delete"],
        url_path=r"keys/(?P<backend_key_id>\d+)",
        url_name="key",
    )
    def key(self, request: Request, backend_key_id: str, **_: str) -> Response:
        """Mended by another secret or by `forgive`, switched off, or removed."""
        with transaction.atomic():
            backend: Backend = self.get_object()
            known = provider_keys.find(backend, int(backend_key_id))
            if known is None:
                raise NotFound
            if request.method == "DELETE":
                provider_keys.remove(backend, known)
                self._record(backend, known.facts(), None)
                return Response(status=status.HTTP_204_NO_CONTENT)
            mended = provider_keys.mend(backend, known, _asked(request, partial=True))
            self._record(backend, known.facts(), mended)
        return Response(BackendKeySerializer(mended).data)

    def _record(self, backend: Backend, before: dict[str, Any], now: Shown | None) -> None:
        after = now.facts() if now else {}
        audit.record(actor_of(self.request), "keys", backend, before=before, after=after)


def _asked(request: Request, *, partial: bool) -> dict[str, Any]:
    asked = BackendKeySerializer(data=request.data, partial=partial)
    asked.is_valid(raise_exception=True)
    found: dict[str, Any] = asked.validated_data
    return found


def _refuse_where_none_is_needed(backend: Backend) -> None:
    if backend.kind in (Kind.LOCAL, Kind.SANDBOX):
        words = f"A {backend.kind} backend runs inside KORA and needs no key."
        raise serializers.ValidationError({"secret": [words]})
