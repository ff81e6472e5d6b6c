"""Months, weekdays, and what else names a time."""

from __future__ import annotations

from caching.guards import wordlists

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan", "february feb", "march mar", "april apr", "may", "june jun",
            "july jul", "august aug", "september sept sep", "october oct", "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
SHY_MONTHS = wordlists.members("may march mar august jan jun sep dec apr")
"""Also ordinary words or names: months only beside a number or behind a preposition of time."""
WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "monday mondays", "tuesday tuesdays tues", "wednesday wednesdays", "thursday thursdays",
            "friday fridays", "saturday saturdays", "sunday sundays",
        )
    )
    for name in names.split()
}  # fmt: skip
DAYS = wordlists.mapping(
    """today=today tonight=tonight tomorrow=tomorrow yesterday=yesterday weekend=weekend
    weekends=weekend weekday=weekday weekdays=weekday tmrw=tomorrow noon=12:00 midday=12:00
    midnight=00:00 christmas=christmas xmas=christmas easter=easter thanksgiving=thanksgiving
    halloween=halloween diwali=diwali ramadan=ramadan"""
)
RELATIVE = wordlists.members("next last previous coming past this current upcoming following")
RELATED = wordlists.members(
    "day week weekend month quarter year semester season century decade night"
)
EACH = wordlists.mapping(
    """daily=day everyday=day hourly=hour weekly=week monthly=month yearly=year annually=year
    annual=year quarterly=quarter nightly=night biweekly=2week"""
)
TIMELY = wordlists.members(
    "in on since until till by during of before after from this next last every between"
)
