"""The control plane's door to the working copy of rules."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from routing.faces import policy_serializers, scoping
from routing.faces.scoping import OfMyScopes
from routing.models import Rule
from routing.publishing import drafts
from teams import audit
from teams.access import IfMatch, NewestFirst, actor_of
from teams.audit import Audited
from teams.listing import ByFields

SCOPE = [
    OpenApiParameter("team", str, description="By name; the only one you are in if left out."),
    OpenApiParameter("everyone", bool, description="The rules that come before every team's."),
]


class InOrder(NewestFirst):
    ordering = ("position", "id")


HITS = OpenApiParameter("hits", bool, description="`true`: say how often each held of late.")


@extend_schema_view(list=extend_schema(parameters=[HITS]))
class Rules(Audited, IfMatch, OfMyScopes, viewsets.ModelViewSet[Rule]):
    """The working copy: what is written here applies once its policy is published."""

    queryset = Rule.objects.select_related("team")
    serializer_class = policy_serializers.RuleSerializer
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    lookup_value_regex = r"\d+"
    pagination_class = InOrder
    volatile = frozenset({"findings", "hits"})
    filter_backends = [ByFields]
    filters = {
        "team": "team__name",
        "everyone": "team__isnull",
        "name": "name",
        "enabled": "enabled",
    }

    def get_object(self) -> Any:
        """Whoever writes waits for the draft first: two who write one scope never deadlock."""
        if self.request.method not in SAFE_METHODS and connection.in_atomic_block:
            mine = scoping.visible(actor_of(self.request), Rule.objects.all())
            for rule in mine.filter(pk=self.kwargs["pk"]):
                drafts.locked(rule.team_id)
        return super().get_object()

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        with transaction.atomic():
            team = serializer.validated_data.get("team")
            drafts.locked(team.pk if team else None)
            super().perform_create(serializer)

    @extend_schema(
        request=policy_serializers.OrderSerializer,
        responses=policy_serializers.RuleSerializer(many=True),
        parameters=SCOPE,
    )
    @action(detail=False, methods=["post"], pagination_class=None, filter_backends=[])
    def reorder(self, request: Request) -> Response:
        """Puts a scope's rules into this order."""
        team = scoping.asked(request)
        team_id = team.pk if team else None
        scoping.require(request, team_id)
        asked = policy_serializers.OrderSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        ids = asked.validated_data["rules"]
        with transaction.atomic():
            draft = drafts.locked(team_id)
            before = [rule.name for rule in drafts.rules(team_id)]
            _refuse_strangers(ids, team_id)
            after = drafts.reorder(team_id, ids)
            audit.record(
                actor_of(request),
                "reorder",
                draft,
                before={"rules": before},
                after={"rules": after},
            )
        return Response(self.get_serializer(drafts.rules(team_id), many=True).data)


def _refuse_strangers(ids: list[int], team_id: int | None) -> None:
    known = {rule.pk for rule in drafts.rules(team_id)}
    strangers = [rule_id for rule_id in ids if rule_id not in known]
    if strangers or len(set(ids)) != len(ids):
        words = f"No rule of this scope is {strangers[0]}." if strangers else "Name each once."
        raise ValidationError({"rules": [words]})
