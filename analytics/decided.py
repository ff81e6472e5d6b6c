"""What a receipt says of how the request was decided, each matter as one sentence (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from analytics.pacing import pressure

Said = Mapping[str, Any]

BECAME = {
    "served": "its answer held, and was given",
    "escalated": "its answer did not hold, so a better backend was asked",
    "kept": "its answer did not hold, but nobody better could answer in time",
    "stood-in": "it did not answer, so the next in line did",
}
UNTOLD = {
    "unsure": "several were about as likely",
    "untaught": "nothing was learned yet",
    "embedder-busy": "the embedder was busy",
    "no-embedder": "there is no embedder",
    "no-words": "there were no words to go by",
}
WHY_NOT = {
    "session": "a conversation stays where it is",
    "named-model": "the caller named the model",
}
WEIGHED = {
    "deadline_s": "late is after",
    "miss": "being late weighs",
    "second": "each second weighs",
    "floor": "quality is at least",
}
UNTIL = {"idle": "until it was free", "latest": "until it could not wait any longer"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Matter:
    """One thing that had a part in the decision."""

    name: str
    words: str


def matters(receipt: Said) -> list[Matter]:
    told = ((name, tell(receipt)) for name, tell in TELLERS.items())
    return [Matter(name=name, words=words) for name, words in told if words]


def _rules(receipt: Said) -> str:
    said = _object(receipt, "rules")
    held = [str(each) for each in said.get("held", ())]
    if not held:
        return ""
    asked = [f"{name.replace('_', ' ')} {_plain(v)}" for name, v in said.items() if name != "held"]
    return ", ".join(held) + (f" ({'; '.join(asked)})" if asked else "")


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} {_plain(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return (
        {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    )


def _intent(receipt: Said) -> str:
    said = _object(receipt, "intent")
    if not said:
        return ""
    hard = said.get("complexity")
    how = "" if hard is None else f"; complexity {float(hard):.2f}"
    if not said.get("intent"):
        why = str(said.get("why") or "")
        return f"not told: {UNTOLD.get(why, why)}{how}" if why else ""
    by = f" by {said['by']}" if said.get("by") else ""
    return f"{said['intent']}, {float(said.get('confidence') or 0):.0%} sure{by}{how}"


def _experiment(receipt: Said) -> str:
    said = _object(receipt, "experiment")
    if not said:
        return ""
    left = f"; taken out again: {said['left']}" if said.get("left") else ""
    return f"{said.get('name')}, arm {said.get('arm')}, split by {said.get('by')}{left}"


def _chance(receipt: Said) -> str:
    """Only where it was not sure: else there is nothing to say."""
    chance, exploring = receipt.get("propensity"), _object(receipt, "exploring")
    if isinstance(chance, int | float) and chance < 1:
        return f"who answers was drawn; this one in {chance:.1%} of such requests"
    why = str(exploring.get("why_not") or "")
    if why:
        return f"nothing was tried out: {WHY_NOT.get(why, why.replace('-', ' '))}"
    return "what would have been tried out was only noted" if exploring.get("would") else ""


def _cascade(receipt: Said) -> str:
    said = _object(receipt, "cascade")
    if not said:
        return ""
    became = str(said.get("became") or "")
    why = f" ({said['why']})" if said.get("why") else ""
    score = f", scored {float(said['score']):.2f}" if "score" in said else ""
    return f"{said.get('first')} answered first{score}{why}; {BECAME.get(became, became)}"


def _deferred(receipt: Said) -> str:
    said = _object(receipt, "deferred")
    if not said:
        return ""
    until = UNTIL.get(str(said.get("until")), "")
    saved = _dollars(said.get("saved_usd"))
    return f"waited {said.get('waited_s', 0)} s for {said.get('for')} {until}{saved}".strip()


def _dollars(given: Any) -> str:
    try:
        saved = Decimal(str(given))
    except InvalidOperation:
        return ""
    return f"; that saved ${saved.normalize():f}" if saved > 0 else ""


def _pressure(receipt: Said) -> str:
    said = _object(receipt, "pressure")
    if not said:
        return ""
    asked = pressure.WORDS.get(str(said.get("action")), "")
    why = "; the budget only watches" if said.get("shadow") else ""
    why = why or ("; nothing changed: the caller named the model" if "changes" in said else "")
    return (
        f"{float(said.get('used') or 0):.0f} % of {said.get('budget')} is used; from "
        f"{float(said.get('percent') or 0):g} % on {asked}{why}"
    )


def _pacing(receipt: Said) -> str:
    said = _object(receipt, "pacing")
    if not said:
        return ""
    weight, spent = float(said.get("lambda") or 1), float(said.get("spent") or 0)
    told = f"${spent:,.2f} spent, ${float(said.get('planned') or 0):,.2f} planned by then"
    return f"a dollar weighed {weight:.2f} times as much: {told}" if weight > 1 else told


def _session(receipt: Said) -> str:
    said = _object(receipt, "session")
    if not said:
        return ""
    loop = "; its tool calls were still being answered" if said.get("in_loop") else ""
    warm = f", about {said['tokens']} tokens warm there" if said.get("tokens") else ""
    return f"the conversation was with {said.get('backend')}{warm}{loop}"


def _learned(receipt: Said) -> str:
    return f"version {receipt['learned']}" if receipt.get("learned") else ""


def _object(receipt: Said, name: str) -> Said:
    found = receipt.get(name)
    return found if isinstance(found, Mapping) else {}


def _promised(receipt: Said) -> str:
    said = _object(receipt, "sla")
    under, burning = _names(said.get("under")), _names(said.get("burning"))
    if not under:
        return ""
    changed = ", ".join(
        f"{WEIGHED.get(name, name)} {_plain(value)}{' s' if name == 'deadline_s' else ''}"
        for name, value in _object(said, "weights").items()
    )
    harder = (
        f"; burning fast: {burning}" + (f", so {changed}" if changed else "") if burning else ""
    )
    return f"falls under {under}{harder}"


def _predicted(receipt: Said) -> str:
    said = _object(receipt, "prediction")
    chance, until_ms = said.get("p_miss"), said.get("until_ms")
    if not isinstance(chance, int | float) or not isinstance(until_ms, int | float):
        return ""
    return (
        f"{said.get('backend')} late with a chance of {chance:.1%}, which is after {until_ms:g} ms"
    )


def _hedged(receipt: Said) -> str:
    said = _object(receipt, "hedge")
    chance, after_ms = said.get("p_late"), said.get("after_ms")
    if not isinstance(chance, int | float) or not isinstance(after_ms, int | float):
        return ""
    first, second = said.get("beside"), said.get("second")
    became = f"; {second if said['won'] else first} answered" if "won" in said else ""
    return (
        f"{second} was asked beside {first} after {after_ms:.0f} ms without a word, when that was "
        f"late with a chance of {chance:.0%}{became}"
    )


def _names(said: Any) -> str:
    return ", ".join(map(str, said)) if isinstance(said, list) else ""


TELLERS: Mapping[str, Callable[[Said], str]] = {
    "Rules that held": _rules,
    "Intent": _intent,
    "Experiment": _experiment,
    "Session": _session,
    "Exploring": _chance,
    "Cascade": _cascade,
    "Deferred": _deferred,
    "Soft limit": _pressure,
    "Pacing": _pacing,
    "SLA": _promised,
    "Prediction": _predicted,
    "Hedge": _hedged,
    "Learned": _learned,
}
KNOWN = frozenset(
    {"rules", "intent", "experiment", "session", "exploring", "propensity", "cascade", "deferred",
     "pressure", "pacing", "sla", "prediction", "hedge", "learned"}
)  # fmt: skip
"""What of a receipt is told here."""
