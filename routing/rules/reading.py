"""Reads rules as they are stored into what the judge goes through (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from routing.rules import conditions, effects
from routing.rules.compiling import Compiler
from routing.rules.errors import Unreadable
from routing.rules.judging import Compiled, Rules
from routing.rules.templates import Template
from routing.rules.trees import Condition
from routing.rules.values import Effects

FIELDS = frozenset({"name", "when", "then", "enabled"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule as it was understood."""

    name: str
    when: Condition
    effects: Effects
    deny: str | None = None
    reply: Template | None = None
    goes_on: bool = False

    @property
    def ends(self) -> bool:
        return not self.goes_on


def read(given: Mapping[str, Any], own: frozenset[str] = conditions.NOBODYS) -> Rule:
    """Unreadable says what is wrong and where, from `when` or `then` on."""
    wanted, said = effects.read(given.get("then", {}))
    return Rule(
        name=str(given.get("name", "")),
        when=conditions.read(given.get("when", {}), own=own),
        effects=wanted,
        deny=said.get("deny"),
        reply=said.get("reply"),
        goes_on=said.get("continue", False),
    )


def compiled(
    given: Sequence[Mapping[str, Any]],
    *,
    number: int = 0,
    own: frozenset[str] = conditions.NOBODYS,
) -> Rules:
    """Those that are switched on. One that cannot be read any more is left out and named: a rule
    of an older KORA must not stop the others."""
    read_rules, broken = [], {}
    for each in given:
        if each.get("enabled", True):
            try:
                read_rules.append(read(each, own))
            except (Unreadable, TypeError, AttributeError) as error:
                broken[str(each.get("name", ""))] = str(error)
    compiler = Compiler()
    rules = tuple(_compiled(rule, compiler) for rule in read_rules)
    return Rules(number=number, rules=rules, leaves=compiler.count, broken=broken)


def _compiled(rule: Rule, compiler: Compiler) -> Compiled:
    return Compiled(
        name=rule.name,
        holds=compiler.compile(rule.when),
        effects=rule.effects,
        deny=rule.deny,
        reply=rule.reply,
        goes_on=rule.goes_on,
    )
