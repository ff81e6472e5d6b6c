"""The control plane's doors to stored answers, their terms, and patterns."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Model, Prefetch
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from caching import serializers
from caching.errors import Unfit
from caching.faces import browsing, curating, sweeping
from caching.models import CacheTerms, Entry, Pattern, PatternStep
from caching.patterns import steps
from teams.access import WRITERS, IfMatch, NewestFirst, OfMyTeams, actor_of, etag_of
from teams.audit import Audited
from teams.listing import ByFields
from teams.models import Team


class Entries(
    Audited,
    IfMatch,
    OfMyTeams,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    mixins.ListModelMixin,
    viewsets.GenericViewSet[Entry],
):
    """Stored answers, newest first: read, correct, pin, quarantine, release and drop them."""

    queryset = Entry.objects.select_related("team", "intent").defer("chunks")
    serializer_class = serializers.EntrySerializer
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    pagination_class = NewestFirst
    volatile = frozenset({"hits", "saved", "last_hit_at", "rights", "wrongs", "state"})
    filter_backends = [ByFields]
    filters = {
        "team": "team__name",
        "model": "model_asked",
        "backend": "backend",
        "intent": "intent__name",
        "pinned": "!pinned_at__isnull",
        "quarantined": "!quarantined_at__isnull",
        "scope": "scope",
        "q": "question__icontains",
        "from": "created_at__gte",
        "to": "created_at__lt",
    }

    def facts(self, subject: Model) -> dict[str, Any]:
        assert isinstance(subject, Entry)
        return curating.facts_of(subject)

    @extend_schema(
        request=serializers.CriteriaSerializer,
        responses={200: serializers.FoundSerializer},
    )
    @action(detail=False, methods=["post"])
    def invalidate(self, request: Request) -> Response:
        """Drops what the criteria find, or with `dry_run` only says what that would be."""
        asked = serializers.CriteriaSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        said = dict(asked.validated_data)
        dry, as_of = said.pop("dry_run"), said.pop("as_of", "")
        team = sweeping.team(request, said.pop("team", ""))
        try:
            wanted = sweeping.criteria(team, said)
            found = sweeping.look(team, wanted, as_of)
        except Unfit as error:
            raise _refusal(error) from error
        dropped = 0 if dry else sweeping.sweep(actor_of(request), team, said, found)
        return Response(serializers.FoundSerializer(found, context={"dropped": dropped}).data)


class _TermsOfTeam(OfMyTeams):
    """A team's terms stand in a row of their own, made when they are first written."""

    def get_object(self) -> CacheTerms:
        return browsing.terms_of(super().get_object())

    def paginate_queryset(self, queryset: Any) -> list[Any] | None:
        return [browsing.terms_of(team) for team in super().paginate_queryset(queryset) or ()]


class Terms(
    Audited,
    IfMatch,
    _TermsOfTeam,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.ListModelMixin,
    viewsets.GenericViewSet[Team],
):
    """What each team has set for answers without a model; the id is the team's."""

    queryset = Team.objects.all()
    serializer_class = serializers.TermsSerializer
    http_method_names = ["get", "patch", "head", "options"]
    pagination_class = NewestFirst
    team_path = "id"
    write_roles = WRITERS
    volatile = frozenset({"changed_at"})
    filter_backends = [ByFields]
    filters = {"team": "name"}

    def facts(self, subject: Model) -> dict[str, Any]:
        assert isinstance(subject, CacheTerms)
        return serializers.facts_of(subject)


class Patterns(IfMatch, OfMyTeams, viewsets.ReadOnlyModelViewSet[Pattern]):
    """Repeated work that was recognised: what it rests on, and what is done about it."""

    http_method_names = ["get", "head", "options", "post"]
    volatile = frozenset(
        {"evidence", "samples", "served", "rights", "wrongs", "saved_usd", "seen_at"}
    )

    queryset = Pattern.objects.select_related("team", "intent").prefetch_related(
        Prefetch("steps", PatternStep.objects.order_by("-id"))
    )
    serializer_class = serializers.PatternSerializer
    pagination_class = NewestFirst
    filter_backends = [ByFields]
    filters = {"team": "team__name", "state": "state", "action": "action", "name": "name"}

    @extend_schema(request=serializers.MoveSerializer, responses=serializers.PatternSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, **_: str) -> Response:
        """A proposal becomes a canary; a canary answers nearly all that it matches."""
        return self._moved(request, "approve")

    @extend_schema(request=serializers.MoveSerializer, responses=serializers.PatternSerializer)
    @action(detail=True, methods=["post"])
    def canary(self, request: Request, **_: str) -> Response:
        """Answers the `share` of what it matches; the rest shows whether it would be right."""
        return self._moved(request, "canary")

    @extend_schema(request=serializers.MoveSerializer, responses=serializers.PatternSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, **_: str) -> Response:
        """It is not proposed again while it stays the same."""
        return self._moved(request, "reject")

    @extend_schema(request=serializers.MoveSerializer, responses=serializers.PatternSerializer)
    @action(detail=True, methods=["post"])
    def rollback(self, request: Request, **_: str) -> Response:
        """Answers nothing any more, within a second."""
        return self._moved(request, "rollback")

    def _moved(self, request: Request, verb: str) -> Response:
        asked = serializers.MoveSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        with transaction.atomic():
            pattern = self.get_object()
            try:
                steps.move(actor_of(request), pattern, verb, asked.validated_data)
            except Unfit as error:
                raise _refusal(error) from error
        shown = self.get_serializer(self.get_queryset().get(pk=pattern.pk)).data
        return Response(shown, headers={"ETag": etag_of(shown, self.volatile)})


def _refusal(error: Unfit) -> ValidationError:
    return ValidationError({error.field or "non_field_errors": [str(error)]})
