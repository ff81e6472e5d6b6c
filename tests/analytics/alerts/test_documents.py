"""docs/budgets.md and docs/control-plane.md name what a receiver, a program and a keeper meet."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rest_framework.serializers import BaseSerializer

from analytics.alerts import messages, raising
from analytics.alerts.serializers import AlertSerializer, ChannelSerializer, DeliverySerializer
from analytics.models import Alert
from tests.analytics.books import Book

DOCS = Path(__file__).parents[3] / "docs"
BUDGETS = (DOCS / "budgets.md").read_text()


@pytest.mark.parametrize("shown", [ChannelSerializer, AlertSerializer, DeliverySerializer])
def test_names_every_field(shown: type[BaseSerializer[object]]) -> None:
    page = (DOCS / "control-plane.md").read_text()
    fields = shown.Meta.fields  # type: ignore[attr-defined]
    assert [name for name in fields if name != "id" and f"`{name}`" not in page] == []


@pytest.mark.django_db
def test_names_what_a_webhook_gets() -> None:
    team = Book.open().team
    alert = Alert.objects.create(organisation=team.organisation, team=team, kind="budget", key="k")
    told = [*messages.facts_of(alert), "x-kora-delivery", "x-kora-signature", *raising.KINDS]
    assert [name for name in told if name not in BUDGETS] == []


def test_the_example_that_checks_a_signature_does() -> None:
    """As it stands in the document."""
    example = re.search(r"```python\n(.*?)```", BUDGETS, re.DOTALL)
    assert example
    names: dict[str, object] = {}
    exec(example[1], names)
    is_ours = names["is_ours"]
    assert callable(is_ours)
    header = messages.signature("secret", b"{}", datetime.now(UTC))
    assert is_ours("secret", header, b"{}")
    assert not is_ours("secret", header, b"{ }")
    assert not is_ours("other", header, b"{}")
    old = messages.signature("secret", b"{}", datetime(2026, 1, 1, tzinfo=UTC))
    assert not is_ours("secret", old, b"{}")
