"""Where teams, members, keys and the audit log are found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from teams import api

if TYPE_CHECKING:
    from rest_framework.routers import BaseRouter


def register(router: BaseRouter) -> None:
    router.register("teams", api.Teams, basename="team")
    router.register("members", api.Members, basename="member")
    router.register("keys", api.Keys, basename="key")
    router.register("audit", api.Audit, basename="audit")
