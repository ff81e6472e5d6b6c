"""The control plane's doors to policies: versions, drafts, settings, and what may be done."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from routing import rehearsals
from routing.faces import policy_serializers, scoping
from routing.faces.rules_api import SCOPE
from routing.faces.scoping import OfMyScopes
from routing.models import Policy, Simulation
from routing.publishing import checking, diff, drafts, versions
from routing.publishing.errors import NotPublished, Unsound
from routing.publishing.versions import Asked
from routing.simulating import orders
from teams import audit
from teams.access import IfMatch, NewestFirst, actor_of, etag_of
from teams.errors import Stale
from teams.listing import ByFields
from teams.models import Team

WITH = OpenApiParameter("with", int, description="The id of another policy of the same scope.")


class Policies(IfMatch, OfMyScopes, viewsets.ReadOnlyModelViewSet[Policy]):
    """Versions that were published, newest first, and the draft of each scope."""

    queryset = Policy.objects.select_related("team")
    http_method_names = ["get", "post", "patch", "head", "options"]
    lookup_value_regex = r"\d+"
    pagination_class = NewestFirst
    volatile = frozenset({"findings"})
    reading_actions = ("test",)
    filter_backends = [ByFields]
    filters = {
        "team": "team__name",
        "everyone": "team__isnull",
        "state": "state",
        "number": "number",
    }

    def get_queryset(self) -> QuerySet[Policy]:
        if self.action == "list":
            drafts.make_missing(self._teams())
        return super().get_queryset()

    def get_serializer_class(self) -> Any:
        listed = self.action == "list"
        shown = policy_serializers
        return shown.PolicySerializer if listed else shown.WholePolicySerializer

    def _teams(self) -> list[int]:
        actor = actor_of(self.request)
        seen = Team.objects.all() if actor.operates else Team.objects.filter(pk__in=actor.team_ids)
        return list(seen.values_list("pk", flat=True))

    @extend_schema(responses=policy_serializers.DifferenceSerializer, parameters=[WITH])
    @action(detail=True, methods=["get"])
    def diff(self, request: Request, **_: str) -> Response:
        """What this one says otherwise than the one it is compared `with`."""
        after: Policy = self.get_object()
        other = request.query_params.get("with", "")
        if not other.isdecimal():
            raise ValidationError({"with": ["Say the id of another policy."]})
        before = drafts.within(Policy.objects.filter(pk=other), after.team_id).first()
        if before is None:
            raise ValidationError({"with": ["This scope has no such policy."]})
        found = diff.changes(versions.content_of(before), versions.content_of(after))
        changes = [each.as_json() for each in found]
        return Response({"before": before.pk, "after": after.pk, "changes": changes})

    @extend_schema(
        request=policy_serializers.PublishSerializer,
        responses=policy_serializers.WholePolicySerializer,
    )
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, **_: str) -> Response:
        """The draft becomes the next version, in force in every process within a second."""
        asked = _said(request)
        with transaction.atomic():
            draft = self._mine()
            if draft.number is not None:
                raise ValidationError("This is published already; rollback brings it back.")
            try:
                made = versions.publish(actor_of(request), draft.team_id, asked)
            except Unsound as error:
                raise ValidationError(_by_place(error)) from error
        return self._shown(made)

    @extend_schema(
        request=policy_serializers.PublishSerializer,
        responses=policy_serializers.WholePolicySerializer,
    )
    @action(detail=True, methods=["post"])
    def rollback(self, request: Request, **_: str) -> Response:
        """What this version says becomes the next version; the working copy follows it."""
        asked = _said(request)
        with transaction.atomic():
            try:
                made = versions.roll_back(actor_of(request), self._mine(), asked)
            except NotPublished as error:
                raise ValidationError(str(NotPublished.__doc__)) from error
        return self._shown(made)

    @extend_schema(
        request=policy_serializers.TestSerializer, responses=policy_serializers.TestedSerializer
    )
    @action(detail=True, methods=["post"])
    def test(self, request: Request, **_: str) -> Response:
        """The decision that a request would get under this policy, and why; nothing is run."""
        policy: Policy = self.get_object()
        asked = policy_serializers.TestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        team = self._whose(policy, said.get("team", ""))
        wanted = rehearsals.Asked(body=said["request"], headers=said["headers"])
        return Response(rehearsals.rehearse(team, rehearsals.under(policy, team), wanted))

    @extend_schema(
        request=policy_serializers.SimulateSerializer,
        responses={202: policy_serializers.SimulationSerializer},
    )
    @action(detail=True, methods=["post"])
    def simulate(self, request: Request, **_: str) -> Response:
        """What this policy would have done to the traffic of the last days, in the background."""
        policy: Policy = self.get_object()
        asked = policy_serializers.SimulateSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        said = dict(asked.validated_data)
        name = said.pop("team", "")
        team = self._whose(policy, name) if name else None
        try:
            order = orders.begin(actor_of(request), policy, team, said)
        except ValueError as error:
            raise ValidationError({"overrides": [str(error)]}) from error
        shown = policy_serializers.SimulationSerializer(order).data
        place = reverse("simulation-detail", args=[order.pk], request=request)
        return Response(shown, status=status.HTTP_202_ACCEPTED, headers={"Location": place})

    @extend_schema(
        methods=["get"], responses=policy_serializers.SettingsSerializer, parameters=SCOPE
    )
    @extend_schema(
        methods=["patch"],
        request=policy_serializers.SettingsChangeSerializer,
        responses=policy_serializers.SettingsSerializer,
        parameters=SCOPE,
    )
    @action(
        detail=False,
        methods=["get", "patch"],
        url_path="settings",
        url_name="settings",
        pagination_class=None,
        filter_backends=[],
    )
    def working_settings(self, request: Request) -> Response:
        """Weights, aliases, exploring and all else of a working copy that is no rule."""
        team = scoping.asked(request)
        if request.method == "PATCH":
            self._set(request, team)
        shown = _settings_of(team)
        return Response(shown, headers={"ETag": etag_of(shown, self.volatile)})

    def _set(self, request: Request, team: Team | None) -> None:
        team_id = team.pk if team else None
        scoping.require(request, team_id)
        asked = policy_serializers.SettingsChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        with transaction.atomic():
            draft = drafts.locked(team_id)
            _unchanged(request, etag_of(_settings_of(team), self.volatile))
            before = drafts.settings(team_id)
            after = drafts.merged(before, asked.validated_data["settings"])
            wrong = {each.place: [each.words] for each in checking.settings(after)}
            if wrong:
                raise ValidationError(wrong)
            drafts.set_settings(team_id, after)
            audit.record(actor_of(request), "settings", draft, before=before, after=after)

    def _whose(self, policy: Policy, name: str) -> Team:
        """A team's policy decides its requests and nobody else's."""
        if policy.team is not None and name not in ("", policy.team.name):
            raise ValidationError({"team": [f"This policy is only that of {policy.team.name}."]})
        return policy.team or scoping.team_named(actor_of(self.request), name)

    def _mine(self) -> Policy:
        """As it is once nobody else writes this scope; checks role and If-Match."""
        mine = scoping.visible(actor_of(self.request), Policy.objects.all())
        for policy in mine.filter(pk=self.kwargs["pk"]):
            drafts.locked(policy.team_id)
        found: Policy = self.get_object()
        return found

    def _shown(self, made: Policy) -> Response:
        shown = self.get_serializer(made).data
        return Response(shown, headers={"ETag": etag_of(shown, self.volatile)})


class Simulations(OfMyScopes, viewsets.ReadOnlyModelViewSet[Simulation]):
    """How far each is, and what it found."""

    queryset = Simulation.objects.select_related("team", "policy")
    serializer_class = policy_serializers.SimulationSerializer
    lookup_value_regex = r"\d+"
    pagination_class = NewestFirst
    filter_backends = [ByFields]
    filters = {"team": "team__name", "policy": "policy", "state": "state"}

    def get_queryset(self) -> QuerySet[Simulation]:
        """What everyone's traffic shows is the operator's to see."""
        rows = super().get_queryset()
        return rows if actor_of(self.request).operates else rows.exclude(team=None)


def _said(request: Request) -> Asked:
    asked = policy_serializers.PublishSerializer(data=request.data)
    asked.is_valid(raise_exception=True)
    said = asked.validated_data
    return Asked(note=said["note"], seen=said.get("based_on"))


def _by_place(error: Unsound) -> dict[str, list[str]]:
    return {each.place: [each.words] for each in error.findings}


def _settings_of(team: Team | None) -> dict[str, Any]:
    team_id = team.pk if team else None
    said = drafts.settings(team_id)
    found = tuple(checking.settings(said)) or checking.unknown(team_id, {"settings": said})
    told = [each.as_json() for each in found]
    return {"team": team.name if team else None, "settings": said, "findings": told}


def _unchanged(request: Request, etag: str) -> None:
    sent = request.headers.get("If-Match", "*").strip()
    if sent != "*" and etag not in {tag.strip().removeprefix("W/") for tag in sent.split(",")}:
        raise Stale
