"""A pattern for people: its templates with their slots, and what it rests on, in figures (pure)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from caching.models import Pattern, PatternAction, PatternState
from caching.patterns import lifecycle

VERBS = {
    "approve": "Approve",
    "canary": "Let a share of it begin",
    "rollback": "Roll back",
    "reject": "Reject",
}
SHARES = {PatternState.CANARY: "Change its share", PatternState.ACTIVE: "Back to a share"}
"""What `canary` means to one that answers already."""
BEGINS = "Approving lets it answer a tenth of what it matches; the rest shows whether it holds."
BY_HAND = "Approving notes that people go by it; KORA does nothing with a rule by itself."
NEXT = {
    PatternState.CANARY: "Approving lets it answer nearly all that it matches; a tenth still goes "
    "to a model, to see whether it holds.",
    PatternState.ACTIVE: "A tenth of what it matches still goes to a model, to see whether it "
    "holds.",
}
TAKEN_BACK = " It is taken back by itself when too many of its answers are wrong."
SLOT_KINDS = {
    "number": "a number",
    "word": "a word",
    "quoted": "something quoted",
    "json": "JSON",
    "list": "a list",
    "phrase": "a few words",
    "line": "a line",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Words as they stand, or a slot and what is done with it."""

    words: str
    slot: bool = False
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotFacts:
    name: str
    kind: str
    among: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """A share of held-out occurrences that came out right, with its interval."""

    words: str
    right: int
    seen: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.right / self.seen if self.seen else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    pattern: Pattern
    prompt: Sequence[Piece]
    slots: Sequence[SlotFacts]
    answer: Sequence[Piece]
    checked: Checked | None
    verbs: Sequence[tuple[str, str]]
    why: str = ""
    """What its last move was for, where the list tells it."""

    @property
    def facts(self) -> Mapping[str, Any]:
        return dict(self.pattern.evidence)

    @property
    def recipe(self) -> Mapping[str, Any]:
        return dict(self.pattern.recipe)

    @property
    def mark(self) -> str:
        return mark(self.pattern)

    @property
    def rule(self) -> str:
        """As it is pasted; only where a rule is what is proposed."""
        kept = self.recipe.get("rule") if self.pattern.action == PatternAction.RULE else None
        return orjson.dumps(kept, option=orjson.OPT_INDENT_2).decode() if kept else ""

    @property
    def next(self) -> str:
        if self.pattern.action == PatternAction.RULE:
            return BY_HAND
        return NEXT.get(PatternState(self.pattern.state), BEGINS) + TAKEN_BACK

    @property
    def does(self) -> str:
        return str(PatternAction(self.pattern.action).label)


def mark(pattern: Pattern) -> str:
    """The same as long as what a person decides about is the same."""
    said = orjson.dumps((pattern.state, pattern.recipe), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(said).hexdigest()[:32]


def shown(pattern: Pattern, *, why: str = "") -> Shown:
    template = pattern.recipe.get("when", {}).get("prompt") or {}
    slots = [_slot(each) for each in template.get("slots", ())]
    return Shown(
        pattern=pattern,
        prompt=_prompt(template, slots) or [Piece(words=str(pattern.recipe.get("text", "")))],
        slots=slots,
        answer=_answer(pattern.recipe.get("answer") or (), slots),
        checked=_checked(pattern.evidence),
        verbs=_verbs(pattern),
        why=why,
    )


def _prompt(template: Mapping[str, Any], slots: Sequence[SlotFacts]) -> list[Piece]:
    found: list[Piece] = []
    names = [Piece(words=slot.name, slot=True, note=slot.kind) for slot in slots]
    for number, constant in enumerate(template.get("constants", ())):
        found.append(Piece(words=str(constant)))
        found += names[number : number + 1]
    return found


def _slot(kept: Mapping[str, Any]) -> SlotFacts:
    kind = str(kept.get("kind", ""))
    return SlotFacts(
        name=str(kept.get("name", "")),
        kind=SLOT_KINDS.get(kind, kind),
        among=list(kept.get("among", ())),
    )


def _answer(kept: Any, slots: Sequence[SlotFacts]) -> list[Piece]:
    """Where a choice decides, each of its values has a template of its own."""
    if not isinstance(kept, Mapping):
        return [_part(part, slots) for part in kept]
    found: list[Piece] = []
    for value, parts in kept["by"].items():
        found.append(Piece(words=f"{value} →", slot=True, note=slots[kept["slot"]].name))
        found += [Piece(words=" "), *(_part(part, slots) for part in parts), Piece(words="\n")]
    return found


def _part(part: Any, slots: Sequence[SlotFacts]) -> Piece:
    if isinstance(part, str):
        return Piece(words=part)
    numbers = [number for number in part.get("of", ()) if number < len(slots)]
    names = ", ".join(slots[number].name for number in numbers)
    does = str(part.get("does", ""))
    return Piece(words=names if does == "copy" else f"{does}({names})", slot=True, note=does)


def _checked(evidence: Mapping[str, Any]) -> Checked | None:
    words = {"held_out": "held-out answers reproduced", "good": "answers good enough"}
    name = next((name for name in words if evidence.get(name)), None)
    if name is None:
        return None
    kept = evidence[name]
    return Checked(
        words=words[name],
        right=int(kept["right"]),
        seen=int(kept["seen"]),
        low=float(kept["low"]),
        high=float(kept["high"]),
    )


def _verbs(pattern: Pattern) -> list[tuple[str, str]]:
    share = SHARES.get(PatternState(pattern.state), VERBS["canary"])
    words = VERBS | {"canary": share}
    return [(verb, words[verb]) for verb in VERBS if _may(pattern, verb)]


def _may(pattern: Pattern, verb: str) -> bool:
    to = {
        "approve": lifecycle.approved(pattern.state, pattern.action),
        "canary": PatternState.CANARY.value,
        "rollback": PatternState.ROLLED_BACK.value,
        "reject": PatternState.REJECTED.value,
    }[verb]
    return lifecycle.may(pattern.state, to, pattern.action)
