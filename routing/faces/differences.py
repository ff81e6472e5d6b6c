"""What differs between two versions, told for people: before and after side by side (pure)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from routing.faces import sentences
from routing.publishing import diff
from routing.publishing.values import Change, Content

WORDS = {"added": "new", "removed": "gone", "moved": "moved", "changed": "changed"}
CLASSES = {"added": "ok", "removed": "bad", "moved": "", "changed": "warn"}
SIDES = {"when": "When", "then": "Then", "enabled": "On"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    kind: str
    badge: str
    subject: str
    name: str
    what: str
    """Which part of it differs."""
    before: Sequence[str]
    after: Sequence[str]


def told(before: Content, after: Content) -> list[Told]:
    return [_told(each) for each in diff.changes(before, after)]


def _told(change: Change) -> Told:
    return Told(
        kind=WORDS[change.kind],
        badge=CLASSES[change.kind],
        subject=change.subject,
        name=change.name,
        what=SIDES.get(change.field, "Place" if change.field else ""),
        before=_side(change, change.before),
        after=_side(change, change.after),
    )


def _side(change: Change, value: Any) -> list[str]:
    if value is None:
        return []
    if change.subject == "setting":
        return [json.dumps(value, ensure_ascii=False)]
    if change.field == "when":
        return [sentences.when(value)]
    if change.field == "then":
        return sentences.then(value)
    if change.field == "enabled":
        return ["on" if value else "off"]
    if change.field == "position":
        return [f"number {value}"]
    return _rule(value)


def _rule(rule: dict[str, Any]) -> list[str]:
    said = [f"when {sentences.when(rule.get('when', {}))}", *sentences.then(rule.get("then", {}))]
    return said if rule.get("enabled", True) else [*said, "switched off"]
