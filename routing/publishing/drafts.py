"""A scope's working copy: its rules in order, its settings, and the draft that stands for both.

A scope is a team, or None for everyone. Whoever writes one holds its draft's row for so long.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.db.models import Max, Q, QuerySet

from routing.models import Policy, PolicySettings, PolicyState, Rule
from routing.publishing.values import Content

Row = TypeVar("Row", Policy, PolicySettings, Rule)
FIELDS = ("name", "when", "then", "enabled")


def within(rows: QuerySet[Row], team_id: int | None) -> QuerySet[Row]:
    """The rows of one scope."""
    return rows.filter(Q(team=None) if team_id is None else Q(team=team_id))


def of(team_id: int | None) -> Policy:
    """Made when it is first asked for; its id stays until it is published."""
    mine = within(Policy.objects.all(), team_id)
    made, _ = mine.get_or_create(state=PolicyState.DRAFT, defaults={"team_id": team_id})
    return made


def make_missing(team_ids: Iterable[int]) -> None:
    """A draft for everyone and for each of these teams that has none yet."""
    scopes = {None, *team_ids}
    had = Policy.objects.filter(state=PolicyState.DRAFT).values_list("team_id", flat=True)
    missing = [Policy(team_id=team_id) for team_id in scopes - set(had)]
    Policy.objects.bulk_create(missing, ignore_conflicts=True)


def locked(team_id: int | None) -> Policy:
    """Waits for whoever edits or publishes this scope; only inside a transaction."""
    while True:
        of(team_id)
        mine = within(Policy.objects.filter(state=PolicyState.DRAFT), team_id)
        found = mine.select_for_update().first()
        if found is not None:  # else it was published while this waited, and there is a new one
            return found


def content(team_id: int | None) -> dict[str, Any]:
    """What publishing would freeze."""
    return {
        "rules": [rule_as_json(rule) for rule in rules(team_id)],
        "settings": settings(team_id),
    }


def rules(team_id: int | None) -> list[Rule]:
    return list(within(Rule.objects.all(), team_id).order_by("position", "id"))


def rule_as_json(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in FIELDS}


def settings(team_id: int | None) -> dict[str, Any]:
    row = within(PolicySettings.objects.all(), team_id).first()
    return dict(row.settings) if row is not None else {}


def set_settings(team_id: int | None, kept: dict[str, Any]) -> None:
    mine = within(PolicySettings.objects.all(), team_id)
    mine.update_or_create(defaults={"team_id": team_id, "settings": kept})


def merged(settings: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Each key replaced whole; null takes one away."""
    return {name: kept for name, kept in (settings | changes).items() if kept is not None}


def replace(team_id: int | None, wanted: Content) -> None:
    """Makes the working copy say what a version says; rules of the same name keep their ids."""
    names = [str(rule["name"]) for rule in wanted.get("rules", ())]
    mine = within(Rule.objects.all(), team_id)
    mine.exclude(name__in=names).delete()
    for position, rule in enumerate(wanted.get("rules", ()), start=1):
        kept = {name: rule[name] for name in FIELDS if name in rule}
        kept |= {"team_id": team_id, "position": position}
        mine.update_or_create(name=kept.pop("name"), defaults=kept)
    set_settings(team_id, dict(wanted.get("settings", {})))


def end(team_id: int | None) -> int:
    """The position behind the last rule."""
    last = within(Rule.objects.all(), team_id).aggregate(last=Max("position"))["last"]
    return (last or 0) + 1


def place(rule: Rule, position: int) -> None:
    """Puts one rule where it shall stand, the others around it."""
    others = [each for each in rules(rule.team_id) if each.pk != rule.pk]
    others.insert(max(position - 1, 0), rule)
    number(others)


def reorder(team_id: int | None, ids: Sequence[int]) -> list[str]:
    """The rules named stand first, in this order; those that nobody named follow as they were."""
    known = {rule.pk: rule for rule in rules(team_id)}
    first = [known.pop(rule_id) for rule_id in ids]
    ordered = [*first, *known.values()]
    number(ordered)
    return [rule.name for rule in ordered]


def number(ordered: Sequence[Rule]) -> None:
    moved = [rule for place, rule in enumerate(ordered, start=1) if rule.position != place]
    for place, rule in enumerate(ordered, start=1):
        rule.position = place
    Rule.objects.bulk_update(moved, ["position"])
