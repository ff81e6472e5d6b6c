"""The control plane's doors to SLAs and to how they were kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.models import Sla, SlaHour
from analytics.promises import reporting
from analytics.sheets import Csv
from routing.faces import sla_serializers as shown
from teams.access import IfMatch, NewestFirst, OfMyTeams, actor_of
from teams.audit import Audited
from teams.listing import ByFields

USUAL = timedelta(days=30)


class Slas(Audited, IfMatch, OfMyTeams, viewsets.ModelViewSet[Sla]):
    """What teams are promised on their routes, and how that stands now."""

    queryset = Sla.objects.select_related("team")
    serializer_class = shown.SlaSerializer
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    lookup_value_regex = r"\d+"
    pagination_class = NewestFirst
    volatile = frozenset({"standing"})
    filter_backends = [ByFields]
    filters = {"team": "team__name", "name": "name", "route": "route", "enabled": "enabled"}


class SlaReport(viewsets.ViewSet):
    """How promises were kept, out of the hours that were counted; `format` is `json` or `csv`."""

    renderer_classes = [JSONRenderer, Csv]
    pagination_class = None

    @extend_schema(
        parameters=[shown.SlaQuerySerializer],
        responses=forced_singular_serializer(  # type: ignore[no-untyped-call]
            shown.SlaReportSerializer
        ),
    )
    def list(self, request: Request) -> Response:
        asked = shown.SlaQuerySerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        terms = asked.validated_data
        found = reporting.report(_hours(request, terms), terms["group_by"], terms["time_zone"])
        return Response({"group_by": found.group_by, "rows": found.rows, "total": found.total})


def _hours(request: Request, terms: dict[str, Any]) -> QuerySet[SlaHour]:
    actor = actor_of(request)
    rows = SlaHour.objects.select_related("sla__team").order_by("at", "sla")
    rows = rows if actor.operates else rows.filter(sla__team__in=actor.team_ids)
    ends = terms["to"] or datetime.now(UTC)
    rows = rows.filter(at__gte=terms["from"] or ends - USUAL, at__lt=ends)
    wanted = {"sla__team__name": terms["team"], "sla__name": terms["sla"]}
    return rows.filter(**{name: value for name, value in wanted.items() if value})
