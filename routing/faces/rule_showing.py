"""A scope's working copy as the console lists it: each rule in words, with what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from routing.faces import sentences
from routing.models import Rule
from routing.publishing import checking, diff, drafts, hits, versions
from routing.publishing.values import Change, Finding


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One rule of the list."""

    rule: Rule
    place: int
    when: str
    then: Sequence[str]
    findings: Sequence[Finding]
    hits: int
    """Requests of the last 24 hours for which it held, as it was published then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkingCopy:
    lines: Sequence[Line]
    elsewhere: Sequence[Finding]
    """What is said of settings, or of no rule in particular."""
    changes: Sequence[Change]
    """What publishing would change."""
    in_force: int

    @property
    def ids(self) -> str:
        return ",".join(str(line.rule.pk) for line in self.lines)

    @property
    def errors(self) -> int:
        found = [*self.elsewhere, *(each for line in self.lines for each in line.findings)]
        return sum(each.is_error for each in found)


def working_copy(team_id: int | None) -> WorkingCopy:
    rules, content = drafts.rules(team_id), drafts.content(team_id)
    found = checking.check(team_id, content)
    in_force = versions.number_standing(team_id)
    before = versions.content_numbered(team_id, in_force)
    names, held = {rule.name for rule in rules}, hits.of(team_id)
    return WorkingCopy(
        lines=[
            _line(rule, place, found, held.get(rule.name, 0))
            for place, rule in enumerate(rules, start=1)
        ],
        elsewhere=[each for each in found if each.rule not in names],
        changes=diff.changes(before, content),
        in_force=in_force,
    )


def _line(rule: Rule, place: int, found: Sequence[Finding], held: int) -> Line:
    return Line(
        rule=rule,
        place=place,
        when=sentences.when(rule.when),
        then=sentences.then(rule.then),
        findings=[each for each in found if each.rule == rule.name],
        hits=held,
    )


def told(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule of a version in words."""
    return {
        "name": rule.get("name", ""),
        "when": sentences.when(rule.get("when", {})),
        "then": sentences.then(rule.get("then", {})),
        "enabled": rule.get("enabled", True),
    }
