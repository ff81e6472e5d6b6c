"""Answer templates: found where answers are made of slots, and nowhere else."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from caching.patterns import filling, slots
from caching.patterns.filling import Example
from caching.patterns.slots import Slot

Make = Callable[[Sequence[str]], str]
ROWS = [
    (name, str(pieces), f"{price}.50", items)
    for name, pieces, price, items in zip(
        ["ada", "linus", "grace hopper", "ken", "radia"] * 6,
        range(2, 32),
        range(47, 107, 2),
        ["figs, apples", "limes and kiwis", "plums, pears and dates", "melons, figs, apples"] * 8,
        strict=False,
    )
]


def over(rows: Sequence[Sequence[str]]) -> list[Slot]:
    return [slots.learn(f"s{n}", list(values)) for n, values in enumerate(zip(*rows, strict=True))]


def examples(make: Make) -> list[Example]:
    return [Example(values=tuple(row), answer=make(row)) for row in ROWS]


@pytest.mark.parametrize(
    "make",
    [
        lambda v: "Always the same.",
        lambda v: f"Dear {v[0].title()}, {v[1]} of {v[0]} cost {v[2]} each.",
        lambda v: f"{v[0].upper()}: {int(v[1]) * float(v[2]):,.2f} EUR",
        lambda v: f"{int(v[1]) + float(v[2])} in all, {len(v[0])} letters",
        lambda v: f'{{"who": "{v[0]}", "many": {v[1]}}}',
        lambda v: (
            f"{v[0].capitalize()} needs {len(slots.items(v[3]))} things: "
            + ", ".join(sorted(slots.items(v[3])))
        ),
        lambda v: f"{v[0].split()[-1]} is what {v[0].split()[0]} is called at last",
        lambda v: "\n".join(f"- {each}" for each in slots.items(v[3])) + f"\nfor {v[0]}s",
    ],
)
def test_what_is_made_of_slots_is_found_and_filled_for_new_values(make: Make) -> None:
    found = filling.learn(examples(make), over(ROWS))
    assert found is not None
    assert filling.read(found.as_json()) == found
    new = ("barbara", "40", "9.50", "figs, limes and pears")
    assert found.fill(new) == make(new)


@pytest.mark.parametrize(
    "make",
    [
        lambda v: random.Random(v[0] + v[1]).choice(["good", "bad"]),
        lambda v: f"{v[0]} is {hash(v[1]) % 97}",
        lambda v: f"{v[0]}: " + ("many" if int(v[1]) % 2 else "few"),
    ],
)
def test_what_hangs_on_something_else_is_not(make: Make) -> None:
    assert filling.learn(examples(make), over(ROWS)) is None


def test_a_choice_may_have_an_answer_each() -> None:
    causes = {"E1": "disk full", "E2": "no route"}
    rows = [(code, f"app{n}") for n in range(20) for code in causes]
    told = [Example(values=row, answer=f"{row[1]}: {causes[row[0]]}") for row in rows]
    assert filling.learn(told, over(rows)) is None
    found = filling.fork(told, over(rows))
    assert found is not None
    assert filling.read(found.as_json()) == found
    assert found.fill(("E2", "mail")) == "mail: no route"
    assert found.fill(("E3", "mail")) is None


def test_a_stray_answer_does_not_hide_the_template() -> None:
    told = examples(lambda v: f"Hello {v[0]} and {v[1]}.")
    told[4] = Example(values=told[4].values, answer="I would rather not say.")
    found = filling.learn(told, over(ROWS))
    assert found is not None
    assert filling.right(found, told) == len(told) - 1
