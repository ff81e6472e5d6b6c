"""One request tried under what is in force and under the draft, step by step for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analytics import receipts, rivals
from analytics.rivals import Rival
from routing import catalog, rehearsals
from routing.faces.asking import Scope
from routing.publishing import drafts, in_force
from routing.publishing.in_force import InForce
from routing.rehearsals import Asked
from teams.models import Team

TIERS = {"exact": "Exact store", "semantic": "Store by meaning"}
MISSES = {"no-store": "not looked at: a rule or the request forbids it"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One stage of the picture and what it came to."""

    name: str
    words: str
    outcome: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What one policy does with the request."""

    title: str
    verdict: str
    reason: str
    outcome: str
    backend: str
    tier: str
    steps: Sequence[Step]
    rivals: Sequence[Rival]
    facts: Sequence[tuple[str, Any]]
    seconds_choice: Sequence[str]


def both(team: Team, scope: Scope, asked: Asked, edited: Mapping[str, Any] | None) -> list[Outcome]:
    """In force, and as the draft is; `edited` is a rule as it stands on the page."""
    known = catalog.current()
    before = rehearsals.rehearse(team, known.policy(team.pk), asked)
    after = rehearsals.rehearse(team, _drafted(team, scope, edited), asked)
    return [told("In force", before), told("With the draft", after)]


def _drafted(team: Team, scope: Scope, edited: Mapping[str, Any] | None) -> InForce:
    content = drafts.content(scope.team_id)
    if edited is not None:
        content["rules"] = _with(content["rules"], edited)
    part = in_force.compiled(content, scope.team_id)
    return in_force.under(catalog.current().policies, scope.team_id, part, team.pk)


def _with(rules: list[dict[str, Any]], edited: Mapping[str, Any]) -> list[dict[str, Any]]:
    """In the place of the rule that it is; a new one comes last."""
    was = edited.get("was") or edited["name"]
    rule = {name: edited[name] for name in ("name", "when", "then", "enabled")}
    if not any(each["name"] == was for each in rules):
        return [*rules, rule]
    return [rule if each["name"] == was else each for each in rules]


def told(title: str, said: Mapping[str, Any]) -> Outcome:
    receipt, refused = said["receipt"], said.get("refused")
    backend, reason = str(said.get("backend", "")), str(said.get("reason", ""))
    chosen = {backend: ("Is asked", "ok")} if backend else {}
    later = dict.fromkeys(said.get("fallbacks", ()), ("Comes next if it fails", ""))
    return Outcome(
        title=title,
        verdict=_verdict(said, refused),
        reason=str(refused["code"]) if refused else reason,
        outcome="bad" if refused else "ok",
        backend=backend,
        tier=str(said.get("tier", "")),
        steps=_steps(receipt, said, refused),
        rivals=rivals.told(receipt.get("candidates", ()), {**later, **chosen}),
        facts=[(name, _fact(value)) for name, value in sorted(receipt.get("facts", {}).items())],
        seconds_choice=list(said.get("fallbacks", ()))[:3],
    )


def _fact(value: Any) -> Any:
    return receipts.ABSENT if value is None else value


def _verdict(said: Mapping[str, Any], refused: Mapping[str, Any] | None) -> str:
    if refused:
        return str(refused["message"])
    return receipts.in_words(str(said.get("reason", "")))


def _steps(
    receipt: Mapping[str, Any], said: Mapping[str, Any], refused: Mapping[str, Any] | None
) -> list[Step]:
    steps = [_of_rules(receipt, refused)]
    steps += [_of_tier(name, words, receipt, said) for name, words in TIERS.items()]
    steps = [step for step in steps if step.words]
    if receipt.get("candidates"):
        steps += [_of_intent(receipt.get("intent", {})), _of_choice(receipt, said, refused)]
    return steps


def _of_rules(receipt: Mapping[str, Any], refused: Mapping[str, Any] | None) -> Step:
    held = receipt.get("rules", {}).get("held", [])
    if not held:
        return Step(name="Rules", words="none holds")
    ends = bool(refused and refused["code"] == "not_allowed")
    return Step(name="Rules", words=", ".join(held), outcome="bad" if ends else "warn")


def _of_tier(name: str, words: str, receipt: Mapping[str, Any], said: Mapping[str, Any]) -> Step:
    if said.get("tier") == name:
        return Step(name=words, words="answers", outcome="ok")
    why = str(receipt.get("misses", {}).get(name, ""))
    return Step(name=words, words=MISSES.get(why, why.replace("-", " ")))


def _of_intent(intent: Mapping[str, Any]) -> Step:
    if not intent.get("intent"):
        return Step(name="Intent", words=f"not told ({intent.get('why') or 'no evidence'})")
    sure = round(float(intent.get("confidence") or 0) * 100)
    return Step(name="Intent", words=f"{intent['intent']} ({sure}% sure)")


def _of_choice(
    receipt: Mapping[str, Any], said: Mapping[str, Any], refused: Mapping[str, Any] | None
) -> Step:
    running = [each for each in receipt["candidates"] if not each.get("excluded")]
    words = f"{len(running)} of {len(receipt['candidates'])} backends are eligible"
    if refused:
        return Step(name="Choice", words=f"{words}; {receipt.get('binding')} binds", outcome="bad")
    return Step(name="Choice", words=f"{words}; {said.get('backend')} is asked", outcome="ok")
