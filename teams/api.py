"""The control plane's doors to teams, members, keys and the audit log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request
from rest_framework.response import Response

from teams import audit, keys, members, serializers
from teams.access import OPERATORS, OWNERS, IfMatch, NewestByTime, OfMyTeams, actor_of, may_grant
from teams.audit import Audited
from teams.listing import ByFields
from teams.models import ApiKey, AuditRow, Membership, Team


class Teams(Audited, IfMatch, OfMyTeams, viewsets.ModelViewSet[Team]):
    """Operators make and remove teams; a team's owners change their own."""

    queryset = Team.objects.select_related("organisation")
    serializer_class = serializers.TeamSerializer
    team_path = "id"
    write_roles = OWNERS
    write_roles_by_action = {"create": OPERATORS, "destroy": OPERATORS}
    filter_backends = [ByFields, OrderingFilter]
    filters = {"name": "name"}
    ordering_fields = ["id", "name", "created_at"]


class Members(Audited, IfMatch, OfMyTeams, viewsets.ModelViewSet[Membership]):
    """People's places in teams: creating one invites, deleting one removes from that team."""

    queryset = Membership.objects.select_related("member", "team")
    serializer_class = serializers.MemberSerializer
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    volatile = frozenset({"password"})
    write_roles = OWNERS
    filter_backends = [ByFields, OrderingFilter]
    filters = {"team": "team__name", "email": "member__email", "role": "role"}
    ordering_fields = ["id", "created_at"]

    def perform_destroy(self, instance: Membership) -> None:
        with transaction.atomic():
            audit.record(actor_of(self.request), "delete", instance, before=self.facts(instance))
            members.remove(instance)


class Keys(Audited, IfMatch, OfMyTeams, viewsets.ModelViewSet[ApiKey]):
    """API keys; the answers to create and rotate hold `key`, which is never shown again."""

    queryset = ApiKey.objects.select_related("team", "use")
    serializer_class = serializers.KeySerializer
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    volatile = frozenset({"key", "last_used_at"})
    filter_backends = [ByFields, OrderingFilter]
    filters = {"team": "team__name", "name": "name", "revoked": "!revoked_at__isnull"}
    ordering_fields = ["id", "name", "created_at", "expires_at"]

    def get_serializer_class(self) -> Any:
        issues = self.action in {"create", "rotate"}
        return serializers.IssuedKeySerializer if issues else self.serializer_class

    @extend_schema(
        request=serializers.RotationSerializer, responses={201: serializers.IssuedKeySerializer}
    )
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, **_: str) -> Response:
        """A successor with the same rights; the old key goes on for `overlap_hours`."""
        asked = serializers.RotationSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        with transaction.atomic():
            old = self._grantable()
            hours = timedelta(hours=asked.validated_data["overlap_hours"])
            issued = keys.rotate(old, overlap=hours, by=actor_of(request).name)
            audit.record(actor_of(request), "rotate", old, after={"successor": issued.key.public})
        issued.key.text = issued.text  # type: ignore[attr-defined]
        return Response(self.get_serializer(issued.key).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=serializers.KeySerializer)
    @action(detail=True, methods=["post"])
    def revoke(self, _: Request, **__: str) -> Response:
        """Final, and in force everywhere within a second; asked again it changes nothing."""
        with transaction.atomic():
            key = self.get_object()
            self.perform_destroy(key)
        return Response(self.get_serializer(key).data)

    def perform_destroy(self, instance: ApiKey) -> None:
        """A key that was used is part of the record, so it is revoked and stays in the list."""
        with transaction.atomic():
            before = self.facts(instance)
            keys.revoke(instance)
            instance.refresh_from_db()
            audit.record(
                actor_of(self.request),
                "revoke",
                instance,
                before=before,
                after=self.facts(instance),
            )

    def _grantable(self) -> ApiKey:
        key: ApiKey = self.get_object()
        if key.revoked_at is not None:
            raise ValidationError("This key is revoked; make a new one.")
        if not may_grant(actor_of(self.request), key.team_id, key.scopes):
            raise PermissionDenied("You may not give a key these scopes.")
        return key


class Audit(OfMyTeams, viewsets.ReadOnlyModelViewSet[AuditRow]):
    """Who changed what, newest first; rows of no team are the operators'."""

    queryset = AuditRow.objects.select_related("team")
    serializer_class = serializers.AuditSerializer
    pagination_class = NewestByTime
    filter_backends = [ByFields]
    filters = {
        "actor": "actor",
        "action": "action",
        "subject": "subject",
        "subject_id": "subject_id",
        "team": "team__name",
        "from": "at__gte",
        "to": "at__lt",
    }
