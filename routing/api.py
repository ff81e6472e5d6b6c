"""The control plane's door to backends."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Model, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from routing import serializers, tasks
from routing.faces import keys_api, learning_api
from routing.models import Backend
from teams import audit
from teams.access import OPERATORS, IfMatch, OfMyTeams, actor_of
from teams.audit import Audited
from teams.listing import ByFields


class Backends(
    learning_api.Tried, keys_api.Keyed, Audited, IfMatch, OfMyTeams, viewsets.ModelViewSet[Backend]
):
    """Every team sees the backends; operators keep them, because all teams share them."""

    queryset = Backend.objects.all()
    serializer_class = serializers.BackendSerializer
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    team_path = ""
    write_roles = OPERATORS
    volatile = frozenset({"health", "secret"})
    filter_backends = [ByFields, OrderingFilter]
    filters = {"name": "name", "kind": "kind", "enabled": "enabled", "region": "region"}
    ordering_fields = ["id", "name", "quality", "created_at", "updated_at"]

    def get_queryset(self) -> QuerySet[Backend]:
        return serializers.priced(super().get_queryset())

    def facts(self, subject: Model) -> dict[str, Any]:
        prices = {name: getattr(subject, f"now_{name}", None) for name in serializers.PRICES}
        shown = {name: f"{value:f}" for name, value in prices.items() if value is not None}
        return audit.facts_of(subject) | shown

    @extend_schema(request=None, responses={202: serializers.LookSerializer})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, **_: str) -> Response:
        """Makes a call of one token in a worker; its outcome becomes the backend's `health`."""
        backend = self.get_object()
        with transaction.atomic():
            audit.record(actor_of(request), "test", backend)
            tasks.ask_for_probe(backend)
        place = reverse("backend-detail", args=[backend.pk], request=request)
        found = {"status": "asked", "look_at": place}
        return Response(found, status=status.HTTP_202_ACCEPTED, headers={"Location": place})
