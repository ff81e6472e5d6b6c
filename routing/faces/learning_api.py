"""The control plane's doors to what was learned, and to trials of backends."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from routing.faces import exam_orders, learning_serializers
from routing.learning import versions
from routing.models import Backend, RouterMind, Trial
from teams import audit
from teams.access import OPERATORS, NewestFirst, OfMyTeams, actor_of


class Learned(OfMyTeams, viewsets.ReadOnlyModelViewSet[RouterMind]):
    """Versions of what outcomes taught, newest first; all teams share them, so operators keep
    them."""

    queryset = RouterMind.objects.all()
    http_method_names = ["get", "post", "head", "options"]
    lookup_value_regex = r"\d+"
    pagination_class = NewestFirst
    team_path = ""
    write_roles = OPERATORS

    def get_queryset(self) -> QuerySet[RouterMind]:
        return versions.light()

    def get_serializer_class(self) -> Any:
        shown = learning_serializers
        return shown.LearnedSerializer if self.action == "list" else shown.WholeLearnedSerializer

    def get_serializer_context(self) -> dict[str, Any]:
        standing = versions.in_force()
        return {**super().get_serializer_context(), "in_force": standing and standing.pk}

    @extend_schema(request=None, responses=learning_serializers.WithdrawnSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, **_: str) -> Response:
        """Takes back this version and all that were learned on top of it."""
        mind: RouterMind = self.get_object()
        actor = actor_of(request)
        with transaction.atomic():
            numbers = versions.withdraw(mind.pk, actor.name)
            if numbers:
                audit.record(actor, "withdraw", mind, after={"withdrawn": numbers})
        standing = versions.in_force()
        return Response({"withdrawn": numbers, "in_force": standing.pk if standing else None})


class Tried(GenericViewSet[Backend]):
    """The part of a backend's door that asks it KORA's own questions."""

    @extend_schema(
        methods=["POST"],
        request=learning_serializers.TrialSerializer,
        responses={202: learning_serializers.TrialSerializer},
    )
    @extend_schema(methods=["GET"], responses=learning_serializers.TrialSerializer)
    @action(detail=True, methods=["get", "post"])
    def trial(self, request: Request, **_: str) -> Response:
        """The newest trial of this backend, or a new one: its questions, paid by a team's budget
        up to `cap_usd`, tell what it is good at before it has had any traffic."""
        backend: Backend = self.get_object()
        if request.method == "POST":
            return self._begin(request, backend)
        newest = Trial.objects.filter(backend=backend).first()
        if newest is None:
            raise NotFound("This backend was not tried yet.")
        return Response(self._shown(newest))

    def _begin(self, request: Request, backend: Backend) -> Response:
        asked = learning_serializers.TrialSerializer(
            data=request.data, context=self.get_serializer_context()
        )
        asked.is_valid(raise_exception=True)
        try:
            trial = exam_orders.begin(actor_of(request), backend, asked)
        except (exam_orders.AlreadyTried, exam_orders.NotTried) as error:
            raise ValidationError({"backend": [str(error.__doc__)]}) from error
        return Response(self._shown(trial), status=status.HTTP_202_ACCEPTED)

    def _shown(self, trial: Trial) -> Any:
        return learning_serializers.TrialSerializer(
            trial, context=self.get_serializer_context()
        ).data
