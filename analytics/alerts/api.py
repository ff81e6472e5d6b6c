"""The control plane's doors to channels and alerts."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import scoping
from analytics.alerts import raising
from analytics.alerts.serializers import AlertSerializer, ChannelSerializer
from analytics.promise_models import Alert, Channel
from teams import audit
from teams.access import KEEPERS, IfMatch, OfMyTeams, actor_of
from teams.audit import Audited
from teams.listing import ByFields


class Channels(Audited, IfMatch, OfMyTeams, viewsets.ModelViewSet[Channel]):
    """Where alerts go. Owners and finance keep their team's; operators those of all teams."""

    queryset = Channel.objects.select_related("team", "organisation")
    serializer_class = ChannelSerializer
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    write_roles = KEEPERS
    filter_backends = [ByFields, OrderingFilter]
    filters = {"team": "team__name", "kind": "kind", "name": "name", "enabled": "enabled"}
    ordering_fields = ["id", "name"]

    @extend_schema(request=None, responses={202: AlertSerializer})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, **_: str) -> Response:
        """Sends one alert of kind `test` to this channel alone, within seconds and once; the
        answer's id leads to `/api/alerts/<id>/`, which tells how it went."""
        with transaction.atomic():
            channel = self.get_object()
            alert = raising.try_out(channel, actor_of(request).name)
            audit.record(actor_of(request), "test", channel)
        return Response(
            AlertSerializer(Alert.objects.get(pk=alert.pk)).data, status=status.HTTP_202_ACCEPTED
        )


class Alerts(viewsets.ReadOnlyModelViewSet[Alert]):
    """What people should know, newest first, and how it was delivered."""

    queryset = Alert.objects.select_related("team", "organisation")
    serializer_class = AlertSerializer
    filter_backends = [ByFields]
    filters = {
        "team": "team__name",
        "kind": "kind",
        "severity": "severity",
        "key": "key",
        "open": "resolved_at__isnull",
        "from": "at__gte",
        "to": "at__lt",
    }

    def get_queryset(self) -> QuerySet[Alert]:
        return scoping.alerts(actor_of(self.request), super().get_queryset())
