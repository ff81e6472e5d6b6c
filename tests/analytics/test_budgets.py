"""Windows in every zone and period, and which budgets a request falls under."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics import budgets
from analytics.values import BudgetTerms


def terms(
    window: str = "month", time_zone: str = "UTC", fiscal_start: int = 1, **words: str
) -> BudgetTerms:
    return BudgetTerms(
        budget_id=1,
        name="cap",
        organisation_id=1,
        scope=words.get("scope", "team"),
        scope_id=words.get("scope_id", "1"),
        limit_usd=Decimal(1),
        window=window,
        time_zone=time_zone,
        fiscal_start=fiscal_start,
        mode="enforce",
    )


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


SPANS = [
    ("day", "UTC", 1, "2026-03-01T00:00Z", "2026-03-01T00:00Z", "2026-03-02T00:00Z"),
    ("day", "UTC", 1, "2026-03-01T23:59:59.999999Z", "2026-03-01T00:00Z", "2026-03-02T00:00Z"),
    # Leap days
    ("day", "UTC", 1, "2028-02-29T12:00Z", "2028-02-29T00:00Z", "2028-03-01T00:00Z"),
    ("month", "UTC", 1, "2028-02-29T12:00Z", "2028-02-01T00:00Z", "2028-03-01T00:00Z"),
    ("month", "UTC", 1, "2026-02-28T23:59Z", "2026-02-01T00:00Z", "2026-03-01T00:00Z"),
    # Clocks go forward and back: days of 23 and 25 hours
    ("day", "Europe/Berlin", 1, "2026-03-29T12:00Z", "2026-03-28T23:00Z", "2026-03-29T22:00Z"),
    ("day", "Europe/Berlin", 1, "2026-10-25T00:30Z", "2026-10-24T22:00Z", "2026-10-25T23:00Z"),
    ("day", "Europe/Berlin", 1, "2026-10-25T01:30Z", "2026-10-24T22:00Z", "2026-10-25T23:00Z"),
    ("day", "America/New_York", 1, "2026-03-08T12:00Z", "2026-03-08T05:00Z", "2026-03-09T04:00Z"),
    ("day", "America/New_York", 1, "2026-11-01T05:30Z", "2026-11-01T04:00Z", "2026-11-02T05:00Z"),
    (
        "day",
        "Australia/Lord_Howe",
        1,
        "2026-04-05T00:00Z",
        "2026-04-04T13:00Z",
        "2026-04-05T13:30Z",
    ),
    ("week", "Europe/Berlin", 1, "2026-03-29T21:59Z", "2026-03-22T23:00Z", "2026-03-29T22:00Z"),
    ("month", "Europe/Berlin", 1, "2026-03-31T22:00Z", "2026-03-31T22:00Z", "2026-04-30T22:00Z"),
    ("month", "Europe/Berlin", 1, "2026-03-31T21:59Z", "2026-02-28T23:00Z", "2026-03-31T22:00Z"),
    # A midnight that does not exist, one that comes twice, a day that was left out
    ("day", "America/Sao_Paulo", 1, "2018-11-04T12:00Z", "2018-11-04T03:00Z", "2018-11-05T02:00Z"),
    ("day", "America/Sao_Paulo", 1, "2018-11-04T02:59Z", "2018-11-03T03:00Z", "2018-11-04T03:00Z"),
    ("day", "America/Havana", 1, "2026-11-01T04:30Z", "2026-11-01T04:00Z", "2026-11-02T05:00Z"),
    ("day", "America/Havana", 1, "2026-11-01T05:30Z", "2026-11-01T04:00Z", "2026-11-02T05:00Z"),
    ("day", "Pacific/Apia", 1, "2011-12-30T09:59Z", "2011-12-29T10:00Z", "2011-12-30T10:00Z"),
    ("day", "Pacific/Apia", 1, "2011-12-30T10:00Z", "2011-12-30T10:00Z", "2011-12-31T10:00Z"),
    ("day", "Pacific/Kwajalein", 1, "1993-08-21T11:59Z", "1993-08-20T12:00Z", "1993-08-21T12:00Z"),
    ("week", "Pacific/Apia", 1, "2011-12-30T10:00Z", "2011-12-26T10:00Z", "2012-01-01T10:00Z"),
    ("month", "Pacific/Apia", 1, "2011-12-31T09:59Z", "2011-12-01T10:00Z", "2011-12-31T10:00Z"),
    # Clocks that turn back across midnight: yesterday's last hour comes again, in today's window
    ("day", "America/St_Johns", 1, "2006-10-29T02:30Z", "2006-10-29T02:30Z", "2006-10-30T03:30Z"),
    ("day", "America/St_Johns", 1, "2006-10-29T02:45Z", "2006-10-29T02:30Z", "2006-10-30T03:30Z"),
    ("day", "America/St_Johns", 1, "2006-10-29T02:29Z", "2006-10-28T02:30Z", "2006-10-29T02:30Z"),
    ("day", "Antarctica/Casey", 1, "2010-03-04T15:59Z", "2010-03-04T13:00Z", "2010-03-05T16:00Z"),
    # Half an hour forward, and quarters of an hour off everyone else
    (
        "day",
        "Australia/Lord_Howe",
        1,
        "2026-10-04T00:00Z",
        "2026-10-03T13:30Z",
        "2026-10-04T13:00Z",
    ),
    ("day", "Pacific/Chatham", 1, "2026-04-04T14:15Z", "2026-04-04T10:15Z", "2026-04-05T11:15Z"),
    # Midnights that do not exist at the beginning of a month, of a week and of a quarter
    ("month", "Asia/Amman", 1, "2022-03-31T22:00Z", "2022-03-31T21:00Z", "2022-04-30T21:00Z"),
    ("week", "America/Asuncion", 1, "2010-10-04T03:00Z", "2010-10-04T03:00Z", "2010-10-11T03:00Z"),
    ("day", "America/Asuncion", 1, "2010-10-03T04:00Z", "2010-10-03T04:00Z", "2010-10-04T03:00Z"),
    # The ends of the earth
    ("day", "Pacific/Kiritimati", 1, "2026-01-01T10:00Z", "2026-01-01T10:00Z", "2026-01-02T10:00Z"),
    ("day", "Pacific/Kiritimati", 1, "2026-01-01T09:59Z", "2025-12-31T10:00Z", "2026-01-01T10:00Z"),
    ("day", "Etc/GMT+12", 1, "2026-01-01T11:59Z", "2025-12-31T12:00Z", "2026-01-01T12:00Z"),
    ("month", "Etc/GMT+12", 1, "2026-01-01T11:59Z", "2025-12-01T12:00Z", "2026-01-01T12:00Z"),
    (
        "year",
        "Pacific/Kiritimati",
        1,
        "2025-12-31T10:00Z",
        "2025-12-31T10:00Z",
        "2026-12-31T10:00Z",
    ),
    ("day", "Asia/Kathmandu", 1, "2026-01-01T18:14Z", "2025-12-31T18:15Z", "2026-01-01T18:15Z"),
    # Weeks begin on Monday
    ("week", "UTC", 1, "2026-01-01T00:00Z", "2025-12-29T00:00Z", "2026-01-05T00:00Z"),
    ("week", "UTC", 1, "2026-01-04T23:59Z", "2025-12-29T00:00Z", "2026-01-05T00:00Z"),
    ("week", "UTC", 1, "2026-01-05T00:00Z", "2026-01-05T00:00Z", "2026-01-12T00:00Z"),
    ("week", "Asia/Tokyo", 1, "2027-01-03T14:59Z", "2026-12-27T15:00Z", "2027-01-03T15:00Z"),
    ("week", "America/New_York", 1, "2021-01-01T04:59Z", "2020-12-28T05:00Z", "2021-01-04T05:00Z"),
    ("week", "UTC", 1, "2028-02-29T00:00Z", "2028-02-28T00:00Z", "2028-03-06T00:00Z"),
    # Fiscal years and their quarters
    ("year", "Europe/Berlin", 7, "2026-06-30T21:59Z", "2025-06-30T22:00Z", "2026-06-30T22:00Z"),
    ("year", "Europe/Berlin", 7, "2026-06-30T22:00Z", "2026-06-30T22:00Z", "2027-06-30T22:00Z"),
    ("year", "UTC", 3, "2028-02-29T23:59Z", "2027-03-01T00:00Z", "2028-03-01T00:00Z"),
    ("quarter", "Europe/Berlin", 1, "2026-03-31T21:59Z", "2025-12-31T23:00Z", "2026-03-31T22:00Z"),
    ("quarter", "UTC", 3, "2028-02-29T23:59Z", "2027-12-01T00:00Z", "2028-03-01T00:00Z"),
    ("year", "UTC", 1, "2026-12-31T23:59Z", "2026-01-01T00:00Z", "2027-01-01T00:00Z"),
    ("year", "UTC", 4, "2026-03-31T23:59Z", "2025-04-01T00:00Z", "2026-04-01T00:00Z"),
    ("year", "UTC", 4, "2026-04-01T00:00Z", "2026-04-01T00:00Z", "2027-04-01T00:00Z"),
    ("year", "UTC", 12, "2026-11-30T00:00Z", "2025-12-01T00:00Z", "2026-12-01T00:00Z"),
    ("quarter", "UTC", 1, "2026-03-31T00:00Z", "2026-01-01T00:00Z", "2026-04-01T00:00Z"),
    ("quarter", "UTC", 1, "2026-12-31T00:00Z", "2026-10-01T00:00Z", "2027-01-01T00:00Z"),
    ("quarter", "UTC", 2, "2026-01-31T00:00Z", "2025-11-01T00:00Z", "2026-02-01T00:00Z"),
    ("quarter", "UTC", 10, "2026-12-01T00:00Z", "2026-10-01T00:00Z", "2027-01-01T00:00Z"),
    ("month", "UTC", 7, "2026-05-20T00:00Z", "2026-05-01T00:00Z", "2026-06-01T00:00Z"),
    ("total", "Asia/Tokyo", 1, "2026-05-20T00:00Z", "1970-01-01T00:00Z", "9999-01-01T00:00Z"),
]


TURNS = [
    ("America/St_Johns", "2006-10-29T02:31Z"),
    ("America/Goose_Bay", "2010-11-07T03:01Z"),
    ("Antarctica/Casey", "2010-03-04T15:00Z"),
    ("America/Sao_Paulo", "2018-11-04T03:00Z"),
    ("America/Havana", "2026-11-01T05:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00Z"),
]


@pytest.mark.parametrize(("window", "zone", "fiscal", "now", "starts", "ends"), SPANS)
def test_window(window: str, zone: str, fiscal: int, now: str, starts: str, ends: str) -> None:
    found = budgets.span(terms(window, zone, fiscal), at(now))
    assert (found.starts_at, found.ends_at) == (at(starts), at(ends))


def test_every_turn_of_every_clock_leaves_windows_without_gap() -> None:
    """One zone of each kind of turn, looked at every minute around it."""
    for zone, turn in TURNS:
        for minutes in range(-200, 201):
            now = at(turn) + timedelta(minutes=minutes)
            found = budgets.span(terms("day", zone), now)
            assert found.starts_at <= now < found.ends_at, (zone, now)
            assert budgets.span(terms("day", zone), found.ends_at).starts_at == found.ends_at


@given(
    window=st.sampled_from(["day", "week", "month", "quarter", "year"]),
    zone=st.timezone_keys(allow_prefix=False),
    fiscal=st.integers(1, 12),
    now=st.integers(631_152_000, 2_366_841_600).map(lambda s: datetime.fromtimestamp(s, UTC)),
)
def test_windows_follow_each_other(window: str, zone: str, fiscal: int, now: datetime) -> None:
    cap = terms(window, zone, fiscal)
    found = budgets.span(cap, now)
    assert found.starts_at <= now < found.ends_at
    assert budgets.span(cap, found.starts_at) == found
    assert budgets.span(cap, found.ends_at).starts_at == found.ends_at
    assert budgets.span(cap, found.starts_at - timedelta(microseconds=1)).ends_at == found.starts_at


@pytest.mark.parametrize(
    ("scope", "scope_id", "applies"),
    [
        ("organisation", "1", True),
        ("organisation", "2", False),
        ("team", "7", True),
        ("team", "8", False),
        ("key", "9", True),
        ("key", "7", False),
        ("tag", "project=x", True),
        ("tag", "project=y", False),
        ("tag", "project", False),
    ],
)
def test_applying(scope: str, scope_id: str, applies: bool) -> None:
    cap = terms(scope=scope, scope_id=scope_id)
    found = budgets.applying(
        [cap], organisation_id=1, team_id=7, key_id=9, tags={"project": "x", "b": "c"}
    )
    assert found == ((cap,) if applies else ())


def test_another_organisation_has_its_own_tags() -> None:
    cap = terms(scope="tag", scope_id="a=b")
    assert not budgets.applying([cap], organisation_id=2, team_id=1, key_id=None, tags={"a": "b"})
