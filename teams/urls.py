"""Where teams, members, keys and the audit log are found, by programs and by people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.views import LogoutView
from django.urls import path

from teams import api, doors, limit_views, views

if TYPE_CHECKING:
    from rest_framework.routers import BaseRouter


def register(router: BaseRouter) -> None:
    router.register("teams", api.Teams, basename="api-team")
    router.register("members", api.Members, basename="api-member")
    router.register("keys", api.Keys, basename="api-key")
    router.register("audit", api.Audit, basename="api-audit")


console = [
    path("login/", doors.LogIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("password/", doors.ChangePassword.as_view(), name="password_change"),
    path("keys/", views.keys, name="keys"),
    path("keys/new/", views.key_create, name="key-create"),
    path("keys/<int:key_id>/rotate/", views.key_rotate, name="key-rotate"),
    path("keys/<int:key_id>/revoke/", views.key_revoke, name="key-revoke"),
    path("team/", views.team, name="team"),
    path("team/<int:team_id>/limits/", limit_views.team_limits, name="team-limits"),
    path("team/invite/", views.member_invite, name="member-invite"),
    path("team/<int:membership_id>/role/", views.member_role, name="member-role"),
    path("team/<int:membership_id>/remove/", views.member_remove, name="member-remove"),
    path("audit/", views.audit, name="audit"),
]
