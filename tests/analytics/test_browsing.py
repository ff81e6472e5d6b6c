"""Requests are found by filters and turned over page by page without loss."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics import browsing, charts, figures
from analytics.models import Exchange
from teams.models import Organisation, Team

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="t", organisation=Organisation.objects.create(name="o"))


def exchange(team: Team, **columns: Any) -> Exchange:
    given = {"at": NOON, "team_name": team.name, "model_asked": "auto", "state": "answered"}
    return Exchange.objects.create(team=team, **{**given, **columns})


def test_pages_show_each_row_once_even_of_the_same_moment(team: Team) -> None:
    made = {exchange(team, at=NOON + timedelta(seconds=n // 40)).id for n in range(120)}
    seen: list[uuid.UUID] = []
    cursor = ""
    for _ in range(3):
        page = browsing.page(Exchange.objects.all(), cursor)
        seen += [row.id for row in page.rows]
        cursor = page.older
    assert cursor == ""
    assert len(seen) == 120
    assert set(seen) == made


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "2026-01-01~x",
        "2026-01-01T00:00:00~" + "0" * 32,
        "0001-01-01T00:00:00+23:59~" + "0" * 32,
    ],
)
def test_a_broken_cursor_is_the_first_page(team: Team, cursor: str) -> None:
    exchange(team)
    assert len(browsing.page(Exchange.objects.all(), cursor).rows) == 1


def test_an_id_is_found_by_its_beginning(team: Team) -> None:
    wanted = exchange(team, id=uuid.UUID("abcdef01-2345-6789-abcd-ef0123456789"))
    exchange(team, id=uuid.UUID("abcdef02-2345-6789-abcd-ef0123456789"))
    for text in ("abcdef01", "ABCDEF01-23", str(wanted.id)):
        assert [row.id for row in browsing.with_id(Exchange.objects.all(), text)] == [wanted.id]
    assert not browsing.with_id(Exchange.objects.all(), "it's").exists()


def test_filters_narrow(team: Team) -> None:
    exchange(team, tier="exact", backend="b", key_name="ci", model_asked="auto:cheap")
    exchange(team, tier="cloud", backend="c", key_name="app", state="failed")
    for asked in ({"tier": "exact"}, {"backend": "b"}, {"key": "ci"}, {"model": "auto:c"}):
        rows = browsing.narrowed(Exchange.objects.all(), asked)
        assert [row.tier for row in rows] == ["exact"], asked
    for asked in ({"state": "failed"}, {"tier": "none"}):
        assert browsing.narrowed(Exchange.objects.all(), asked).get().backend == "c", asked
    assert not browsing.narrowed(Exchange.objects.all(), {"tier": "cloud"}).exists()


def test_the_overview_adds_up(team: Team) -> None:
    now = NOON + timedelta(minutes=1)
    exchange(team, tier="exact", saved="0.5", overhead_ms=2)
    exchange(team, tier="cloud", cost="0.25", overhead_ms=4, first_content_ms=300)
    exchange(team, tier="cloud", state="failed", overhead_ms=6)
    exchange(team, tier="cloud", cost="9", at=NOON - timedelta(days=3))
    told = figures.overview(Exchange.objects.all(), span=figures.SPANS["1h"], now=now)
    assert (told.totals.requests, told.totals.without_model, told.totals.errors) == (3, 1, 1)
    assert (str(told.totals.spend), str(told.totals.saved)) == ("0.250000000000", "0.500000000000")
    assert (told.totals.overhead_ms, told.totals.first_content_ms) == (4, 300)
    assert [(column.total, column.starts_at) for column in told.chart.busy] == [(3, NOON)]
    assert told.chart.tiers == [("exact", 1), ("cloud", 1), ("none", 1)]


@pytest.mark.parametrize(("highest", "ceiling"), [(0, 4), (4, 4), (9, 10), (101, 120), (999, 1000)])
def test_the_axis_ends_on_a_round_number(highest: int, ceiling: int) -> None:
    assert charts.nice_ceiling(highest) == ceiling
