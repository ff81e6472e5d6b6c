"""The control plane's doors to what teams share and to what they bring along."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from caching import serializers
from caching.errors import Unfit
from caching.faces import joining
from caching.imports import importing
from caching.imports.importing import Wanted
from caching.models import Import, Sharing
from teams.access import OWNERS, WRITERS, NewestFirst, OfMyTeams, actor_of
from teams.listing import ByFields


class Sharings(OfMyTeams, viewsets.ReadOnlyModelViewSet[Sharing]):
    """A team's parts in groups that serve each other's answers; each side says its own word."""

    queryset = Sharing.objects.select_related("team", "group").filter(invited_at__isnull=False)
    serializer_class = serializers.SharingSerializer
    pagination_class = NewestFirst
    write_roles = OWNERS
    filter_backends = [ByFields]
    filters = {"team": "team__name", "group": "group__name"}

    @extend_schema(request=serializers.WordSerializer, responses={204: None})
    def create(self, request: Request) -> Response:
        """Says a `word` for a team: create, invite, accept, give, keep, leave or withdraw."""
        asked = serializers.WordSerializer(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        said = dict(asked.validated_data)
        try:
            joining.say(actor_of(request), said.pop("team"), joining.Said(**said))
        except Unfit as error:
            raise _refusal(error) from error
        return Response(status=status.HTTP_204_NO_CONTENT)


class Imports(
    OfMyTeams,
    mixins.RetrieveModelMixin,
    mixins.ListModelMixin,
    viewsets.GenericViewSet[Import],
):
    """Questions and answers that were brought along, how far they are, and what was refused."""

    queryset = Import.objects.select_related("team").defer("content")
    serializer_class = serializers.ImportSerializer
    parser_classes = [JSONParser, MultiPartParser, FormParser]
    pagination_class = NewestFirst
    write_roles = WRITERS
    filter_backends = [ByFields]
    filters = {"team": "team__name", "state": "state"}

    @extend_schema(
        request=serializers.BringSerializer, responses={201: serializers.ImportSerializer}
    )
    def create(self, request: Request) -> Response:
        """Takes a file as `file`, or its text as `content`; a worker reads it in the background."""
        asked = serializers.BringSerializer(
            data=request.data, context=self.get_serializer_context()
        )
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        wanted = Wanted(
            name=said["name"],
            content=said["content"],
            model=said["model_asked"],
            system=said["system_prompt"],
        )
        try:
            made = importing.begin(actor_of(request), said["team"], wanted)
        except Unfit as error:
            raise _refusal(error) from error
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=serializers.ImportSerializer)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, **_: Any) -> Response:
        """Drops the answers that it brought and nobody edited since; `message` says how many."""
        importing.undo(actor_of(request), self.get_object())
        return Response(self.get_serializer(self.get_object()).data)


def _refusal(error: Unfit) -> ValidationError:
    return ValidationError({error.field or "non_field_errors": [str(error)]})
