"""From traffic to proposals: what could be filled, served or pinned, with its evidence (pure)."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from caching.patterns import bounds, filling, naming, pinning, repeating, templates, worth
from caching.patterns.filling import Answer, Example
from caching.patterns.templates import Template
from caching.patterns.traffic import Demands, Occurrence, Proposal, Traffic, ordered

MANY_VALUES = 30
"""So many values must a slot have had before an answer may ignore it altogether."""
COVERED = 0.5
"""Of an intent's prompts, how many may follow a template that something is proposed for, before the
intent adds nothing."""


def propose(rows: Sequence[Occurrence], demands: Demands) -> list[Proposal]:
    """All that can be said of one team's prompts; what lies in other surroundings never mixes."""
    of = sum(1 + row.hits for row in rows)
    found, templated = list[Proposal](), set[int]()
    for there in _grouped(rows, "shell"):
        for template, kind in kinds(there, of, demands):
            of_template = [
                *fills(template, kind, demands),
                *pinning.propose({"prompt": template.as_json()}, template.text, kind, demands),
            ]
            if of_template:
                templated |= {row.entry_id for row in kind.rows}
            found += of_template
    for there in _grouped(rows, "surroundings"):
        for kind in _intents(there, templated, of):
            found += repeating.propose(kind, there, demands)
            near = repeating.exemplars(kind)
            if near:
                found += pinning.propose({"near": near}, naming.of(kind.rows), kind, demands)
    return found


def kinds(
    rows: Sequence[Occurrence], of: int, demands: Demands
) -> Iterator[tuple[Template, Traffic]]:
    """The templates of one shell, each with what follows it."""
    by_text = {row.turn: row for row in sorted(rows, key=lambda row: row.at_s)}
    for template, members in templates.mine(by_text, fewest=demands.fewest):
        yield template, ordered([by_text[text] for text in members], of)


def _grouped(rows: Sequence[Occurrence], what: str) -> list[list[Occurrence]]:
    groups = defaultdict[str, list[Occurrence]](list)
    for row in rows:
        groups[getattr(row, what)].append(row)
    return [there for name, there in groups.items() if name]


def _intents(rows: Sequence[Occurrence], templated: set[int], of: int) -> Iterator[Traffic]:
    by_intent = defaultdict[int, list[Occurrence]](list)
    for row in rows:
        if row.intent is not None:
            by_intent[row.intent].append(row)
    for members in by_intent.values():
        if sum(row.entry_id in templated for row in members) < COVERED * len(members):
            yield ordered(members, of)


def fills(template: Template, kind: Traffic, demands: Demands) -> Iterator[Proposal]:
    """Made from some occurrences, held against the others, which it has not seen."""
    needed = bounds.needed(1 - demands.epsilon)
    recent = _recent(kind, demands.window or 2 * needed + demands.train)
    examples = [
        Example(values=values, answer=row.answer)
        for row in sorted(recent.rows, key=_by_lot)
        if row.answer and not row.complained and (values := template.match(row.turn))
    ]
    if len(examples) < needed + demands.train:
        return
    taught, held = examples[: demands.train], examples[demands.train :]
    answer: Answer | None = filling.learn(taught, template.slots)
    if answer is None:
        more = max(len(examples) - needed, demands.train)
        taught, held = examples[:more], examples[more:]
        answer = filling.fork(taught, template.slots)
    if answer is None:
        return
    limited = _limited(template, answer, held)
    judged = [each for each in held if _within_limits(limited, each)]
    right = filling.right(answer, judged)
    if bounds.lower(right, len(judged)) >= 1 - demands.epsilon:
        yield _as_proposal(limited, answer, kind, (right, len(judged)))


def _by_lot(row: Occurrence) -> bytes:
    """Which ones teach and which are held out hangs on nothing that the answers could follow."""
    return hashlib.blake2b(row.turn.encode(), digest_size=8).digest()


def _recent(kind: Traffic, window: int) -> Traffic:
    return replace(kind, rows=kind.rows[-window:])


def _limited(template: Template, answer: Answer, held: Sequence[Example]) -> Template:
    """What the answer ignores may matter all the same: then only values that were held against it
    are filled. A choice is filled only where it was."""
    for number, slot in enumerate(template.slots):
        values = {each.values[number] for each in held}
        values = answer.known(number, values)
        ignored = number not in answer.used and len(values) < MANY_VALUES
        if slot.among or ignored:
            template = template.limited(number, sorted(values))
    return template


def _within_limits(template: Template, example: Example) -> bool:
    return all(s.takes(v) for s, v in zip(template.slots, example.values, strict=True))


def _as_proposal(
    template: Template, answer: Answer, kind: Traffic, held: tuple[int, int]
) -> Proposal:
    low, high = bounds.interval(*held)
    last = kind.rows[-1]
    return Proposal(
        action="fill",
        name=naming.slug("fill", template.text),
        key=worth.key("fill", last.shell, template.text),
        surroundings=last.shell,
        recipe={
            "when": {"prompt": template.as_json()},
            "text": template.text,
            "answer": answer.as_json(),
            "says": answer.text(template.slots),
            **worth.told(kind),
        },
        evidence={
            **kind.as_json(),
            "held_out": {"right": held[0], "seen": held[1], "low": low, "high": high},
            "stability": {"share": held[0] / held[1], "low": low, "high": high, "seen": held[1]},
            **worth.saved(kind),
        },
        samples=kind.samples(),
        intent=last.intent,
    )
