"""What differs between two versions of a policy, in the order in which a person reads it (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from routing.publishing.values import Change, Content

FIELDS = ("when", "then", "enabled")


def changes(before: Content, after: Content) -> tuple[Change, ...]:
    old, new = _rules(before), _rules(after)
    return (
        *_come_and_gone(old, new),
        *_moved(list(old), list(new)),
        *_edited(old, new),
        *_settings(before.get("settings", {}), after.get("settings", {})),
    )


def _rules(content: Content) -> dict[str, Mapping[str, Any]]:
    return {str(rule["name"]): rule for rule in content.get("rules", ())}


def _come_and_gone(
    old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]
) -> Iterator[Change]:
    for name, rule in new.items():
        if name not in old:
            yield Change(kind="added", subject="rule", name=name, after=dict(rule))
    for name, rule in old.items():
        if name not in new:
            yield Change(kind="removed", subject="rule", name=name, before=dict(rule))


def _moved(old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
    """Of the rules in both, as few as would have to be carried to another place."""
    was, now = [name for name in old if name in new], [name for name in new if name in old]
    blocks = SequenceMatcher(None, was, now, autojunk=False).get_matching_blocks()
    stayed = {name for block in blocks for name in now[block.b : block.b + block.size]}
    for name in now:
        if name not in stayed:
            places = {"before": old.index(name) + 1, "after": new.index(name) + 1}
            yield Change(kind="moved", subject="rule", name=name, field="position", **places)


def _edited(
    old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]
) -> Iterator[Change]:
    for name in (name for name in new if name in old):
        for field in FIELDS:
            was, now = old[name].get(field), new[name].get(field)
            if was != now:
                yield Change(
                    kind="changed", subject="rule", name=name, field=field, before=was, after=now
                )


def _settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    was, now = dict(_leaves(old)), dict(_leaves(new))
    for path in sorted({*was, *now}):
        if was.get(path) != now.get(path):
            yield Change(
                kind=_kind(path in was, path in now),
                subject="setting",
                name=path,
                before=was.get(path),
                after=now.get(path),
            )


def _kind(was: bool, now: bool) -> str:
    if was and now:
        return "changed"
    return "added" if now else "removed"


def _leaves(said: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in said.items():
        here = f"{path}.{name}".lstrip(".")
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, here)
        else:
            yield here, value
