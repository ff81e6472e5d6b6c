"""The control plane's door to experiments."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from routing.experiments import promoting
from routing.experiments.promoting import NoSuchArm, NotNow
from routing.faces import experiment_serializers as shown
from routing.models import Experiment, ExperimentPoint, ExperimentState
from routing.publishing.errors import Unsound
from teams.access import IfMatch, NewestFirst, OfMyTeams, actor_of
from teams.audit import Audited
from teams.listing import ByFields

MOST_POINTS = 2_000


class Experiments(Audited, IfMatch, OfMyTeams, viewsets.ModelViewSet[Experiment]):
    """Arms side by side on a team's traffic, until one of them is known to be best."""

    queryset = Experiment.objects.select_related("team")
    serializer_class = shown.ExperimentSerializer
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    lookup_value_regex = r"\d+"
    pagination_class = NewestFirst
    volatile = frozenset({"reading"})
    filter_backends = [ByFields]
    filters = {"team": "team__name", "name": "name", "state": "state"}

    def perform_destroy(self, instance: Any) -> None:
        if instance.state == ExperimentState.RUNNING:
            raise ValidationError("It is running; stop it first.")
        super().perform_destroy(instance)

    @extend_schema(request=None, responses=shown.ExperimentSerializer)
    @action(detail=True, methods=["post"])
    def start(self, request: Request, **_: str) -> Response:
        """Takes requests from now on; what came before it was stopped does not count."""
        return self._moved(request, promoting.start)

    @extend_schema(request=None, responses=shown.ExperimentSerializer)
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, **_: str) -> Response:
        """Everybody is answered as today again."""
        return self._moved(request, promoting.stop)

    @extend_schema(request=shown.PromoteSerializer, responses=shown.PromotedSerializer)
    @action(detail=True, methods=["post"])
    def promote(self, request: Request, **_: str) -> Response:
        """An arm's way becomes a rule of the team, published at once or only in its draft."""
        asked = shown.PromoteSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        with transaction.atomic():
            row: Experiment = self.get_object()
            try:
                made = promoting.promote(actor_of(request), row, **asked.validated_data)
            except (NotNow, NoSuchArm) as error:
                raise ValidationError(str(error) or str(error.__doc__)) from error
            except Unsound as error:
                raise ValidationError({e.place: [e.words] for e in error.findings}) from error
        said = {"policy": made and made.pk, "number": made and made.number}
        return Response({"experiment": self.get_serializer(row).data, **said})

    @extend_schema(responses=shown.PointSerializer(many=True))
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def points(self, request: Request, **_: str) -> Response:
        """Its read-outs over time, oldest first."""
        del request
        row: Experiment = self.get_object()
        newest = ExperimentPoint.objects.filter(experiment=row).order_by("-id")[:MOST_POINTS]
        return Response(shown.PointSerializer(list(reversed(newest)), many=True).data)

    def _moved(self, request: Request, move: Any) -> Response:
        with transaction.atomic():
            try:
                row = move(actor_of(request), self.get_object())
            except NotNow as error:
                raise ValidationError(str(error)) from error
            except ValueError as error:
                raise shown.by_place(error) from error
        return Response(self.get_serializer(row).data)
