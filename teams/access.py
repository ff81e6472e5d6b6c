"""Who may come in by the control plane's door, what they may do, and how its lists turn over."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from functools import reduce
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import QuerySet
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import SAFE_METHODS, BasePermission

from teams import keys
from teams.errors import InvalidKey, Stale
from teams.models import Member, Membership, Priority, Role, Scope, Team
from teams.values import Actor, Caller

if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.request import Request
    from rest_framework.response import Response
    from rest_framework.views import APIView
    from rest_framework.viewsets import GenericViewSet, ModelViewSet

    _AnyView = GenericViewSet[Any]
    _WritingView = ModelViewSet[Any]
else:  # rest_framework.views reads the settings that name this module
    _AnyView = _WritingView = object

WRITERS = frozenset({Role.OWNER.value, Role.ENGINEER.value})
OWNERS = frozenset({Role.OWNER.value})
KEEPERS = frozenset({Role.OWNER.value, Role.FINANCE.value})
"""Of budgets, and of who is told about them."""
OPERATORS: frozenset[str] = frozenset()
"""No role is enough: operators pass every check before roles are asked."""


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer kora_…` with a key of scope `manage`; anything else is a session's."""

    def authenticate(self, request: Request) -> tuple[Actor, Caller] | None:
        kind, _, text = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        try:
            caller = keys.recognise(text.strip())
        except InvalidKey as error:
            raise exceptions.AuthenticationFailed(InvalidKey.__doc__) from error
        _refuse_misuse(caller, address_of(request))
        return actor_behind(caller, address_of(request)), caller

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        return 'Bearer realm="kora"'


def _refuse_misuse(caller: Caller, address: str) -> None:
    if Scope.MANAGE not in caller.scopes:
        raise exceptions.PermissionDenied("This key's scopes do not include `manage`.")
    if not caller.may_come_from(address):
        raise exceptions.PermissionDenied("This key may not be used from this address.")


def actor_behind(caller: Caller, address: str) -> Actor:
    """A management key stands for its team's owner; with `operate`, for the operator."""
    return Actor(
        name=f"key {caller.key_name} (kora_{caller.key_public})",
        address=address,
        operates=Scope.OPERATE in caller.scopes,
        roles={caller.team_id: Role.OWNER.value},
    )


def actor_of(request: HttpRequest | Request) -> Actor:
    """Who is asking, in the API and in the console alike; one query for a member's session."""
    known: Actor | None = vars(request).get("_kora_actor")
    if known is None:
        user: object = request.user
        known = user if isinstance(user, Actor) else _member(user, address_of(request))
        request._kora_actor = known  # type: ignore[union-attr]
    return known


def _member(user: object, address: str) -> Actor:
    if not isinstance(user, Member):
        return Actor(name="nobody", address=address, is_authenticated=False)
    held = Membership.objects.filter(member=user).values_list("team_id", "role")
    return Actor(
        name=user.email,
        address=address,
        operates=user.is_superuser,
        roles=dict(held.order_by("pk")),
    )


def address_of(request: HttpRequest | Request) -> str:
    return str(request.META.get("REMOTE_ADDR") or "")


def writers_of(view: object) -> Collection[str]:
    """Which roles may write here: the view's `write_roles`, or those of the action itself."""
    by_action = getattr(view, "write_roles_by_action", {})
    default = getattr(view, "write_roles", WRITERS)
    return by_action.get(getattr(view, "action", None), default)  # type: ignore[no-any-return]


def require(request: HttpRequest | Request, view: object, team_id: int | None) -> None:
    if not actor_of(request).may(writers_of(view), team_id):
        raise PermissionDenied("Your role in this team does not allow this.")


def may_grant(actor: Actor, team_id: int, scopes: Collection[str]) -> bool:
    """Nobody gives a key more than they have: managing is an owner's, operating an operator's."""
    manages = Scope.MANAGE not in scopes or actor.may(OWNERS, team_id)
    return manages and (Scope.OPERATE not in scopes or actor.operates)


def may_prefer(actor: Actor, team: Team, priority: str) -> bool:
    """A key may go behind its team, and before it only if an operator says so."""
    ranks = list(Priority.values)
    return actor.operates or not priority or ranks.index(priority) >= ranks.index(team.priority)


class MayManage(BasePermission):
    """Every role reads; the view says who writes. Views with other POSTs name `reading_actions`.

    `team_path` leads from an object to its team's id; it is empty where all teams share objects,
    and then a writer's role in any team is enough.
    """

    message = "Your role does not allow this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not (request.user and request.user.is_authenticated):
            return False
        return _reads(request, view) or actor_of(request).may_somewhere(writers_of(view))

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        path = getattr(view, "team_path", "team_id")
        if _reads(request, view) or not path:
            return True
        return actor_of(request).may(writers_of(view), reduce(getattr, path.split("__"), obj))


def _reads(request: Request, view: object) -> bool:
    chosen = getattr(view, "action", None) in getattr(view, "reading_actions", ())
    return request.method in SAFE_METHODS or chosen


class OfMyTeams(_AnyView):
    """Only rows of the actor's teams exist here, so a foreign id is simply not found."""

    team_path = "team_id"

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset()
        actor = actor_of(self.request)
        if actor.operates or not self.team_path:
            return rows
        return rows.filter(**{f"{self.team_path}__in": actor.team_ids})


class IfMatch(_WritingView):
    """One object's answers carry an ETag; a write with a stale `If-Match` is refused with 412.

    Without `If-Match` the last write wins. `volatile` names what changes without being written.
    """

    volatile: frozenset[str] = frozenset()

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset()
        writes = self.request.method not in SAFE_METHODS and connection.in_atomic_block
        return rows.select_for_update(of=("self",)) if writes and self.detail else rows

    def get_object(self) -> Any:
        found = super().get_object()
        asked = self.request.headers.get("If-Match", "*").strip()
        if self.request.method in SAFE_METHODS or asked == "*":
            return found
        if etag_of(self.get_serializer(found).data, self.volatile) not in _listed(asked):
            raise Stale
        return found

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with transaction.atomic():
            return super().update(request, *args, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with transaction.atomic():
            return super().destroy(request, *args, **kwargs)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        answered = super().finalize_response(request, response, *args, **kwargs)
        shown = getattr(self, "action", None) in {"retrieve", "create", "update", "partial_update"}
        if shown and response.status_code in {200, 201}:
            answered["ETag"] = etag_of(response.data, self.volatile)
        return answered


def etag_of(shown: Any, volatile: Collection[str] = ()) -> str:
    kept = {name: value for name, value in shown.items() if name not in volatile}
    text = json.dumps(kept, sort_keys=True, cls=DjangoJSONEncoder)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def _listed(header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}


class NewestFirst(CursorPagination):
    ordering: str | tuple[str, ...] = "-id"
    page_size_query_param = "page_size"
    max_page_size = 500

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        """A cursor that somebody made up is told apart from a page only when it is looked for."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, OverflowError, ValidationError) as error:
            raise exceptions.NotFound(self.invalid_cursor_message) from error


class NewestByTime(NewestFirst):
    """For rows whose ids are not in order of time."""

    ordering = ("-at", "-id")
