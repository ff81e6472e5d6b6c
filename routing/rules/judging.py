"""Goes through a team's rules in their order until one that ends it holds (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from routing.rules import effects
from routing.rules.compiling import UNASKED, Held
from routing.rules.templates import Template
from routing.rules.values import NO_EFFECTS, NO_RULING, Effects, Ruling
from routing.signals.facts import Facts


class Undecided(Exception):  # noqa: N818
    """Whether this rule held cannot be said: the receipt does not have what it asks for."""

    def __init__(self, rule: str) -> None:
        super().__init__(f"{rule}: {self.__doc__}")
        self.rule = rule


@dataclass(frozen=True, kw_only=True, slots=True)
class Compiled:
    """One rule that is ready to be asked."""

    name: str
    holds: Held
    effects: Effects = NO_EFFECTS
    deny: str | None = None
    reply: Template | None = None
    goes_on: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """A scope's published rules, compiled once."""

    number: int = 0
    rules: tuple[Compiled, ...] = ()
    leaves: int = 0
    """How many different conditions they ask."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """Rules that cannot be read any more, with what is wrong."""


NO_RULES = Rules()


def judge(rules: Rules, facts: Facts, before: Ruling = NO_RULING) -> Ruling:
    """What these rules add to what was ruled `before`; a refusal or an answer ends it at once.

    Raises Undecided in a simulation.
    """
    if before.is_final or not rules.rules:
        return before
    answers, held, wanted = [UNASKED] * rules.leaves, list(before.held), before.effects
    for rule in rules.rules:
        holds = rule.holds(facts, answers)
        if holds is None:
            raise Undecided(rule.name)
        if not holds or (rule.reply and not _can_be_replied_to(facts)):
            continue
        held.append(rule.name)
        if rule.deny is not None or rule.reply is not None:
            said = rule.reply.fill(facts.value) if rule.reply else None
            return Ruling(held=tuple(held), effects=wanted, deny=rule.deny, reply=said)
        wanted = effects.narrowed(wanted, rule.effects)
        if not rule.goes_on:
            break
    return Ruling(held=tuple(held), effects=wanted)


def _can_be_replied_to(facts: Facts) -> bool:
    """Who wants vectors cannot be answered with words."""
    return bool(facts.value("form") != "embeddings")
