"""The control plane's doors to prices, budgets, requests and what was spent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.filters import OrderingFilter
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import (
    budget_serializers,
    limiting,
    overriding,
    reports,
    scoping,
    serializers,
)
from analytics.models import Budget, Exchange, LedgerRow, Price
from analytics.sheets import Csv
from teams.access import KEEPERS, OPERATORS, IfMatch, NewestByTime, OfMyTeams, actor_of
from teams.audit import Audited
from teams.listing import ByFields
from teams.models import ApiKey

MOST_OVERRIDES = 200


class Prices(
    Audited,
    OfMyTeams,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.ListModelMixin,
    viewsets.GenericViewSet[Price],
):
    """Prices with the dates they begin at; a new one never changes what was already charged."""

    queryset = Price.objects.all()
    serializer_class = serializers.PriceSerializer
    team_path = ""
    write_roles = OPERATORS
    filter_backends = [ByFields, OrderingFilter]
    filters = {"backend": "backend"}
    ordering_fields = ["id", "effective_from"]


class Budgets(Audited, IfMatch, viewsets.ModelViewSet[Budget]):
    """Caps on what an organisation, team, key or tag may spend, and where each stands now.

    Owners and finance keep their teams' and keys' budgets; operators those that teams share.
    """

    queryset = Budget.objects.all()
    serializer_class = budget_serializers.BudgetSerializer
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    write_roles = KEEPERS
    volatile = frozenset({"standing"})
    filter_backends = [ByFields, OrderingFilter]
    filters = {"scope": "scope", "name": "name", "window": "window", "enabled": "enabled"}
    ordering_fields = ["id", "name", "limit_usd"]

    def get_queryset(self) -> QuerySet[Budget]:
        return scoping.budgets(actor_of(self.request), super().get_queryset())

    def paginate_queryset(self, queryset: Any) -> list[Any] | None:
        page = super().paginate_queryset(queryset)
        self._standings = reports.standings(page or (), datetime.now(UTC))
        return page

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "standings": getattr(self, "_standings", {})}

    @extend_schema(
        methods=["GET"], responses=budget_serializers.OverrideSerializer(many=True), filters=False
    )
    @extend_schema(
        methods=["POST"],
        request=budget_serializers.OverrideSerializer,
        responses={201: budget_serializers.OverrideSerializer},
    )
    @action(detail=True, methods=["get", "post"], pagination_class=None)
    def overrides(self, request: Request, **_: str) -> Response:
        """Other limits for a while, newest first; a new one is in force at once, until `until`."""
        with transaction.atomic():
            budget = self.get_object()
            if request.method == "POST":
                return self._override(request, budget)
            rows = budget.overrides.order_by("-id")[:MOST_OVERRIDES]
        return Response(budget_serializers.OverrideSerializer(rows, many=True).data)

    def _override(self, request: Request, budget: Budget) -> Response:
        asked = budget_serializers.OverrideSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = overriding.begin(actor_of(request), budget, asked)
        shown = budget_serializers.OverrideSerializer(made).data
        return Response(shown, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=budget_serializers.OverrideSerializer)
    @action(detail=True, methods=["post"], url_path=r"overrides/(?P<override_id>[0-9]+)/end")
    def end_override(self, request: Request, override_id: str, **_: str) -> Response:
        """Ends it now; one that has ended stays as it is."""
        with transaction.atomic():
            budget = self.get_object()
            found = get_object_or_404(budget.overrides.select_for_update(), pk=override_id)
            overriding.end(actor_of(request), found)
        return Response(budget_serializers.OverrideSerializer(found).data)


class KeyLimits(viewsets.GenericViewSet[ApiKey]):
    """What limits a key: the budgets of all scopes that apply to it, and its rates."""

    queryset = ApiKey.objects.select_related("team")
    pagination_class = None

    @extend_schema(
        parameters=[OpenApiParameter("tags", str, description="`a=b,c=d`, as a request has them")],
        responses=forced_singular_serializer(  # type: ignore[no-untyped-call]
            budget_serializers.KeyLimitsSerializer
        ),
    )
    def list(self, request: Request, key_id: str) -> Response:
        actor = actor_of(request)
        key = get_object_or_404(self.get_queryset(), pk=key_id)
        if not actor.sees(key.team_id):
            raise Http404
        found = limiting.of(key, _tags_of(request), datetime.now(UTC))
        told = {
            "key": key.public,
            "team": key.team.name,
            "tightest": limiting.tightest(found),
            "budgets": found,
            "rates": _rates(key),
        }
        return Response(budget_serializers.KeyLimitsSerializer(told).data)


def _tags_of(request: Request) -> dict[str, str]:
    pairs = (each.partition("=") for each in request.query_params.get("tags", "").split(","))
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}


def _rates(key: ApiKey) -> dict[str, int | None]:
    """The lower of what the key and its team may do in a minute, and at once."""
    rates: dict[str, int | None] = {}
    for name in ("requests_per_minute", "tokens_per_minute", "max_parallel"):
        said = (getattr(key, name), getattr(key.team, name))
        rates[name] = min((each for each in said if each is not None), default=None)
    return rates


class Requests(OfMyTeams, viewsets.ReadOnlyModelViewSet[Exchange]):
    """Every request, newest first; one of them is its receipt with attempts and ledger rows."""

    queryset = Exchange.objects.all()
    serializer_class = serializers.ExchangeSerializer
    pagination_class = NewestByTime
    filter_backends = [ByFields]
    filters = {
        "team": "team_name",
        "key": "key_public",
        "tier": "tier",
        "backend": "backend",
        "state": "state",
        "status": "status",
        "model": "model_asked",
        "user": "end_user",
        "session": "session",
        "from": "at__gte",
        "to": "at__lt",
    }

    def get_queryset(self) -> QuerySet[Exchange]:
        rows = super().get_queryset()
        return rows.defer("receipt") if self.action == "list" else rows

    def get_serializer_class(self) -> Any:
        one = self.action == "retrieve"
        return serializers.ReceiptSerializer if one else self.serializer_class


class Spend(viewsets.ViewSet):
    """What was spent and saved, out of the ledger; `format` is `json` or `csv`."""

    renderer_classes = [JSONRenderer, Csv]
    pagination_class = None

    @extend_schema(
        parameters=[serializers.SpendQuerySerializer],
        responses=forced_singular_serializer(  # type: ignore[no-untyped-call]
            serializers.SpendSerializer
        ),
    )
    def list(self, request: Request) -> Response:
        asked = serializers.SpendQuerySerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        terms = asked.validated_data
        rows = _ledger_of(request).filter(_within(terms))
        found = reports.spend(rows, terms["group_by"], terms["time_zone"])
        return Response(
            {"group_by": found.group_by, "rows": _plain(found.rows), **_plain_total(found)}
        )


def _ledger_of(request: Request) -> QuerySet[LedgerRow]:
    actor = actor_of(request)
    rows = LedgerRow.objects.all()
    return rows if actor.operates else rows.filter(team_id__in=actor.team_ids)


def _within(terms: dict[str, Any]) -> Q:
    wanted = {"at__gte": terms["from"], "at__lt": terms["to"], "team": terms["team"]}
    return Q(**{name: value for name, value in wanted.items() if value})


def _plain(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Money as text without an exponent: JSON's numbers would lose the last decimals."""
    return [
        {name: f"{value:f}" if name in reports.EXACT else value for name, value in row.items()}
        for row in rows
    ]


def _plain_total(found: reports.Spending) -> dict[str, Any]:
    return {"total": _plain([found.total])[0]}
