"""Reports what cannot be meant in a list of rules; every finding is certain (pure)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from routing.rules import logic
from routing.rules.logic import Meaning
from routing.rules.reading import Rule
from routing.rules.trees import AllOf, Leaf, leaves

ENOUGH = 20
"""Findings of one rule; more say the same again."""
FORM = Leaf(signal="form", operator="is_not", operand="embeddings")


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One of those in docs/rules.md; `with_rule` is the other rule it is about, if any."""

    kind: str
    rule: str
    words: str
    with_rule: str = ""
    place: str = "when"


@dataclass(frozen=True, kw_only=True, slots=True)
class There:
    """What there is to be named; None: that is not known here."""

    models: Collection[str] | None = None
    """Backends, aliases and virtual models."""
    backends: Collection[str] | None = None
    sets: Mapping[str, Collection[str]] = field(default_factory=dict)
    """`words` and `like` with the names of their sets; one that is left out is not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Read:
    rule: Rule
    meaning: Meaning
    asked: frozenset[str]


NOBODY = There()


def check(rules: Sequence[Rule], there: There = NOBODY) -> tuple[Finding, ...]:
    """Rules that are switched on, in their order."""
    found: list[Finding] = []
    before: list[_Read] = []
    for rule in rules:
        each = _read(rule)
        found += _alone(each, there)
        if not each.meaning.never:
            found += _after(each, before)
        before.append(each)
    return tuple(found)


def _read(rule: Rule) -> _Read:
    """A reply does not hold for embeddings, whatever its condition says."""
    when = AllOf(parts=(rule.when, FORM)) if rule.reply else rule.when
    asked = frozenset(leaf.signal for leaf in leaves(when))
    return _Read(rule=rule, meaning=logic.read(when), asked=asked)


def _alone(each: _Read, there: There) -> Iterator[Finding]:
    rule = each.rule
    if each.meaning.never:
        yield Finding(kind="never", rule=rule.name, words="No request can make this hold.")
    yield from _effects(rule)
    yield from _names(rule, there)
    yield from _sets(rule, there)


def _effects(rule: Rule) -> Iterator[Finding]:
    wanted, name = rule.effects, rule.name
    if wanted.use and wanted.use in wanted.avoid:
        yield _against(name, "then.use", f"It uses {wanted.use} and avoids it.")
    if wanted.only is not None and not wanted.only - wanted.avoid:
        yield _against(name, "then.avoid", "It avoids every backend that it allows.")


def _against(name: str, place: str, words: str, other: str = "") -> Finding:
    return Finding(kind="contradiction", rule=name, words=words, place=place, with_rule=other)


def _names(rule: Rule, there: There) -> Iterator[Finding]:
    wanted = rule.effects
    if wanted.use and there.models is not None and wanted.use not in there.models:
        yield _unknown(rule.name, "then.use", wanted.use)
    used_alone = wanted.only is not None and wanted.use and wanted.use not in wanted.only
    if used_alone and there.backends is not None and wanted.use in there.backends:
        yield _against(rule.name, "then.use", f"It uses {wanted.use} and allows only others.")
    for place, said in (("only", wanted.only or ()), ("avoid", wanted.avoid)):
        if there.backends is not None:
            gone = sorted(set(said) - set(there.backends))
            yield from (_unknown(rule.name, f"then.{place}", each) for each in gone[:ENOUGH])


def _unknown(name: str, place: str, what: str) -> Finding:
    words = f"There is no {what} now."
    return Finding(kind="unknown-backend", rule=name, words=words, place=place)


def _sets(rule: Rule, there: There) -> Iterator[Finding]:
    asked = sorted({leaf.signal for leaf in leaves(rule.when)})
    for family, _, name in (signal.partition(".") for signal in asked):
        if name and family in there.sets and name not in there.sets[family]:
            words = f"The settings have no set {name} of `{family}`."
            yield Finding(kind="unknown-set", rule=rule.name, words=words)


def _after(each: _Read, before: Sequence[_Read]) -> Iterator[Finding]:
    """Beside the rules in front of it, the first that says it all."""
    for other in before:
        if not _may_imply(each, other) or not logic.implies(each.meaning, other.meaning):
            continue
        if other.rule.ends:
            yield _ended(each.rule.name, other)
            return
        yield from _beside(each, other)


def _may_imply(each: _Read, other: _Read) -> bool:
    """Quickly: a conjunction that asks what the other does not can fail where the other holds."""
    if other.meaning.never:
        return False
    when = other.rule.when
    plain = isinstance(when, AllOf) and all(isinstance(part, Leaf) for part in when.parts)
    if other.meaning.always or not (plain or isinstance(when, Leaf)):
        return True
    return other.asked <= each.asked | {FORM.signal}


def _ended(name: str, other: _Read) -> Finding:
    if other.meaning.always:
        words = f"{other.rule.name} holds always and ends the list."
        return Finding(kind="unreachable", rule=name, words=words, with_rule=other.rule.name)
    words = f"Whenever this holds, {other.rule.name} holds before it and ends the list."
    return Finding(kind="shadowed", rule=name, words=words, with_rule=other.rule.name)


def _beside(each: _Read, other: _Read) -> Iterator[Finding]:
    """The other goes on, so this one adds to it whenever it holds."""
    name, first, second = each.rule.name, other.rule.effects, each.rule.effects
    before = other.rule.name
    if second.use and first.use and first.use != second.use:
        words = f"{before} says {first.use} before it, and the first `use` counts."
        yield _against(name, "then.use", words, before)
    if first.only is not None and second.only is not None and not first.only & second.only:
        words = f"{before} allows only others: no backend would be left."
        yield _against(name, "then.only", words, before)
    if second.only is not None and second.only <= first.avoid:
        yield _against(name, "then.only", f"{before} avoids every one of these.", before)
    if logic.implies(other.meaning, each.meaning) and _says_no_more(each.rule, other.rule):
        words = f"It asks and says what {before} does."
        yield Finding(kind="duplicate", rule=name, words=words, with_rule=before)


def _says_no_more(rule: Rule, before: Rule) -> bool:
    same = (rule.effects, rule.deny, rule.reply) == (before.effects, before.deny, before.reply)
    return same and rule.goes_on
