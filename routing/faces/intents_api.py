"""The control plane's door to the intents that teams teach by example."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.serializers import BaseSerializer

from routing import tasks
from routing.faces import intent_serializers, recognition, scoping
from routing.models import TeamIntent
from teams import audit
from teams.access import IfMatch, NewestFirst, OfMyTeams, actor_of
from teams.audit import Audited
from teams.listing import ByFields
from teams.models import Team

TEAM = [OpenApiParameter("team", str, description="By name; the only one you are in if left out.")]


class ByName(NewestFirst):
    ordering = ("name", "id")


class Intents(Audited, IfMatch, OfMyTeams, viewsets.ModelViewSet[TeamIntent]):
    """Kinds of requests, each by sentences of it; what is written is learned within seconds."""

    queryset = TeamIntent.objects.select_related("team")
    serializer_class = intent_serializers.TeamIntentSerializer
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    lookup_value_regex = r"\d+"
    pagination_class = ByName
    reading_actions = ("try_out",)
    filter_backends = [ByFields]
    filters = {"team": "team__name", "name": "name", "enabled": "enabled"}

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        super().perform_create(serializer)
        transaction.on_commit(tasks.ask_to_teach)

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        super().perform_update(serializer)
        transaction.on_commit(tasks.ask_to_teach)

    def perform_destroy(self, instance: Any) -> None:
        super().perform_destroy(instance)
        transaction.on_commit(tasks.ask_to_teach)

    @extend_schema(
        request=None, responses={202: intent_serializers.TaughtSerializer}, parameters=TEAM
    )
    @action(detail=False, methods=["post"], pagination_class=None, filter_backends=[])
    def train(self, request: Request) -> Response:
        """Has the team's intents learned now; what has not changed is not learned again."""
        team = self._team(request)
        scoping.require(request, team.pk)
        with transaction.atomic():
            audit.record(actor_of(request), "train intents", team)
            transaction.on_commit(tasks.ask_to_teach)
        place = reverse("intent-report", request=request)
        found = {"status": "asked", "look_at": f"{place}?team={team.name}"}
        return Response(found, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses=intent_serializers.IntentReportSerializer, parameters=TEAM)
    @action(detail=False, methods=["get"], pagination_class=None, filter_backends=[])
    def report(self, request: Request) -> Response:
        """How well each intent is told, what it is taken for, and where examples are missing."""
        said = recognition.report(self._team(request).pk)
        return Response(intent_serializers.IntentReportSerializer(said).data)

    @extend_schema(
        request=intent_serializers.TryIntentSerializer,
        responses=intent_serializers.HeardSerializer,
        parameters=TEAM,
    )
    @action(
        detail=False,
        methods=["post"],
        url_path="try",
        url_name="try",
        pagination_class=None,
        filter_backends=[],
    )
    def try_out(self, request: Request) -> Response:
        """What would be recognised in this text, the three likeliest, and what speaks for it."""
        team = self._team(request)
        asked = intent_serializers.TryIntentSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        heard = recognition.hear(team.pk, asked.validated_data["text"])
        return Response(intent_serializers.HeardSerializer(heard.as_json()).data)

    def _team(self, request: Request) -> Team:
        return scoping.team_named(actor_of(request), request.query_params.get("team", ""))
