"""What docs/control-plane.md says of teams, keys, backends and errors is all there is."""

from __future__ import annotations

from pathlib import Path

import pytest
from rest_framework.serializers import BaseSerializer

from kora_site import errors
from routing.serializers import BackendSerializer, HealthSerializer
from teams.models import Role, Scope
from teams.serializers import AuditSerializer, KeySerializer, MemberSerializer, TeamSerializer

PAGE = (Path(__file__).parents[2] / "docs" / "control-plane.md").read_text()


@pytest.mark.parametrize(
    "shown",
    [
        TeamSerializer,
        MemberSerializer,
        KeySerializer,
        AuditSerializer,
        BackendSerializer,
        HealthSerializer,
    ],
)
def test_names_every_field(shown: type[BaseSerializer[object]]) -> None:
    fields = shown.Meta.fields  # type: ignore[attr-defined]
    assert [name for name in fields if f"`{name}`" not in PAGE] == []


def test_names_every_role_scope_and_code() -> None:
    codes = [code for _, code in errors.CONTROL_PLANE.values()]
    names = [*codes, *Role.values, *Scope.values]
    assert [name for name in names if f"`{name}`" not in PAGE] == []
