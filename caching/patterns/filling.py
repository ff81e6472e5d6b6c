"""Answer templates: constant text and simple transformations of slots, found from examples (pure).

Filling is text: nothing of a slot's value is ever executed, looked up or asked of a model.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from caching.patterns import expressions
from caching.patterns.expressions import Expression
from caching.patterns.slots import Slot

SAMPLE = 5
ROUNDS = 8
"""How often what a template gets wrong is shown to the search again."""
STRAYS = 0.1
"""How many examples may disagree with all others; the bound decides later whether that will do."""
LONGEST_ANSWER = 4_000
STEPS = 60_000
"""Of one search: beyond them the answers are taken to follow no template."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """The values of one prompt's slots, and what was answered."""

    values: tuple[str, ...]
    answer: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerTemplate:
    parts: tuple[str | Expression, ...]

    def fill(self, values: Sequence[str]) -> str | None:
        made = [p if isinstance(p, str) else p.value(values) for p in self.parts]
        return None if any(part is None for part in made) else "".join(made)  # type: ignore[arg-type]

    @property
    def used(self) -> frozenset[int]:
        """The slots that the answer depends on."""
        return frozenset(n for p in self.parts if isinstance(p, Expression) for n in p.of)

    def known(self, _number: int, values: Collection[str]) -> set[str]:
        """Of a slot's values those that it has an answer for."""
        return set(values)

    def text(self, over: Sequence[Slot]) -> str:
        """As people read it."""
        return "".join(p if isinstance(p, str) else p.text(over) for p in self.parts)

    def as_json(self) -> Any:
        return [part if isinstance(part, str) else part.as_json() for part in self.parts]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fork:
    """An answer that a choice decides: a template of its own for each value of one slot."""

    slot: int
    by: Mapping[str, AnswerTemplate]

    def fill(self, values: Sequence[str]) -> str | None:
        chosen = self.by.get(values[self.slot])
        return None if chosen is None else chosen.fill(values)

    @property
    def used(self) -> frozenset[int]:
        """What one branch ignores, it ignores."""
        return frozenset({self.slot}).union(
            frozenset.intersection(*(each.used for each in self.by.values()))
        )

    def known(self, number: int, values: Collection[str]) -> set[str]:
        return set(values) & set(self.by) if number == self.slot else set(values)

    def text(self, over: Sequence[Slot]) -> str:
        name = over[self.slot].name
        return "\n\n".join(f"{name} = {value}: {t.text(over)}" for value, t in self.by.items())

    def as_json(self) -> Any:
        return {"slot": self.slot, "by": {value: t.as_json() for value, t in self.by.items()}}


Answer = AnswerTemplate | Fork


def read(stored: Any) -> Answer:
    if isinstance(stored, Mapping):
        return Fork(slot=stored["slot"], by={v: _read(t) for v, t in stored["by"].items()})
    return _read(stored)


def _read(stored: Sequence[str | Mapping[str, Any]]) -> AnswerTemplate:
    return AnswerTemplate(
        parts=tuple(p if isinstance(p, str) else expressions.read(p) for p in stored)
    )


def fork(examples: Sequence[Example], over: Sequence[Slot]) -> Fork | None:
    """For the first choice whose every value has a template of its own."""
    for number, slot in enumerate(over):
        by = {value: _branch(examples, over, (number, value)) for value in sorted(slot.among)}
        if len(by) > 1 and all(by.values()):
            return Fork(slot=number, by={v: t for v, t in by.items() if t is not None})
    return None


def _branch(
    examples: Sequence[Example], over: Sequence[Slot], choice: tuple[int, str]
) -> AnswerTemplate | None:
    number, value = choice
    return learn([each for each in examples if each.values[number] == value], over)


def learn(examples: Sequence[Example], over: Sequence[Slot]) -> AnswerTemplate | None:
    """The template that all of a few examples follow, mended by those that it gets wrong.

    An example that no template can have together with the others is a stray; many of them mean
    that the answer is not made of the slots.
    """
    fitting = [each for each in examples if 0 < len(each.answer) <= LONGEST_ANSWER]
    shown, strays = _diverse(fitting, SAMPLE), list[Example]()
    if len(shown) < SAMPLE:
        return None
    tried = expressions.possible(over)
    best = _search(shown, tried) or _without_one(shown, tried)
    if best is None:
        return None
    for _ in range(ROUNDS):
        found = _search(shown, tried)
        if found is None:
            strays.append(shown.pop())
        best = found or best
        wrong = [each for each in _wrong(best, fitting) if each not in strays]
        if not wrong:
            break
        shown.append(wrong[0])
    if best is None or len(_wrong(best, fitting)) > STRAYS * len(fitting):
        return None
    return best


def _without_one(shown: list[Example], tried: Sequence[Expression]) -> AnswerTemplate | None:
    """One of the first few may be a stray; it is taken out of them."""
    for number in range(len(shown)):
        found = _search(shown[:number] + shown[number + 1 :], tried)
        if found is not None:
            del shown[number]
            return found
    return None


def right(template: Answer, examples: Sequence[Example]) -> int:
    """How many are reproduced to the letter."""
    return sum(template.fill(each.values) == each.answer for each in examples)


def _wrong(template: AnswerTemplate | None, examples: Sequence[Example]) -> list[Example]:
    return [e for e in examples if template is None or template.fill(e.values) != e.answer]


def _diverse(examples: Sequence[Example], wanted: int) -> list[Example]:
    """Examples whose values differ in as many slots as can be."""
    chosen, left = list[Example](), list(examples[:200])
    seen = set[tuple[int, str]]()
    while left and len(chosen) < wanted:
        best = max(left, key=lambda each: len(set(enumerate(each.values)) - seen))
        chosen.append(best)
        left.remove(best)
        seen |= set(enumerate(best.values))
    return chosen


@dataclass(kw_only=True, slots=True)
class _Walk:
    """All answers read from left to right at once, each step the same for all of them."""

    answers: list[str]
    choices: list[tuple[Expression, list[str]]]
    dead: set[tuple[int, ...]] = field(default_factory=set)
    steps: int = 0


def _search(shown: Sequence[Example], tried: Sequence[Expression]) -> AnswerTemplate | None:
    walk = _Walk(answers=[each.answer for each in shown], choices=_choices(shown, tried))
    path = list[tuple[tuple[int, ...], str | Expression]]()
    at = tuple(0 for _ in shown)
    untried = [_ways(walk, at)]
    while untried:
        walk.steps += 1
        if walk.steps > STEPS:
            return None
        if _at_end(walk, at):
            return _merged([part for _, part in path])
        step = next(untried[-1], None)
        if step is None:
            walk.dead.add(at)
            untried.pop()
            at = path.pop()[0] if path else at
            continue
        part, reached = step
        path.append((at, part))
        at = reached
        untried.append(_ways(walk, at))
    return None


def _choices(
    shown: Sequence[Example], tried: Sequence[Expression]
) -> list[tuple[Expression, list[str]]]:
    """Expressions that make something of every example; of those that make the same, one."""
    made: dict[tuple[str, ...], Expression] = {}
    for each in tried:
        values = [each.value(example.values) for example in shown]
        if all(values):
            made.setdefault(tuple(value for value in values if value), each)
    return [(expression, list(values)) for values, expression in made.items()]


def _ways(walk: _Walk, at: tuple[int, ...]) -> Iterator[tuple[str | Expression, tuple[int, ...]]]:
    """A slot before a letter, and of slots the one that says most."""
    if at in walk.dead:
        return
    fitting = [
        (sum(map(len, values)), expression, values)
        for expression, values in walk.choices
        if all(a.startswith(v, i) for a, v, i in zip(walk.answers, values, at, strict=True))
        and len(set(values)) > 1
    ]
    for _, expression, values in sorted(fitting, key=lambda way: -way[0]):
        reached = tuple(i + len(v) for i, v in zip(at, values, strict=True))
        if reached not in walk.dead:
            yield expression, reached
    letters = {a[i : i + 1] for a, i in zip(walk.answers, at, strict=True)}
    reached = tuple(i + 1 for i in at)
    if len(letters) == 1 and "" not in letters and reached not in walk.dead:
        yield letters.pop(), reached


def _at_end(walk: _Walk, at: tuple[int, ...]) -> bool:
    return all(i == len(a) for a, i in zip(walk.answers, at, strict=True))


def _merged(parts: Sequence[str | Expression]) -> AnswerTemplate:
    merged: list[str | Expression] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    return AnswerTemplate(parts=tuple(merged))
