"""Small sums, sums told as stories, and units."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from training import lists
from training.sample import Sample

ASKED = (
    "What is {}?",
    "what is {}",
    "Calculate {}",
    "{} =",
    "{}",
    "{} = ?",
    "How much is {}?",
    "Compute {}.",
    "Please calculate {}",
    "Can you calculate {}?",
    "what's {}?",
    "Solve {}",
    "Tell me what {} is",
    "{}?",
)
SIGNS = {
    "+": ("+", " + ", " plus "),
    "-": ("-", " - ", " minus "),
    "*": ("*", " * ", " times ", " x "),
}


def written(rng: random.Random, parts: Sequence[str | int]) -> str:
    return "".join(
        rng.choice(SIGNS[part]) if isinstance(part, str) else str(part) for part in parts
    )


def counted(parts: Sequence[str | int]) -> int:
    """From left to right; a product only ever stands alone or first."""
    total = int(parts[0])
    for sign, number in zip(parts[1::2], parts[2::2], strict=True):
        total = {"+": total + int(number), "-": total - int(number), "*": total * int(number)}[
            str(sign)
        ]
    return total


def term(rng: random.Random, difficulty: str) -> list[str | int]:
    sign = rng.choice("+-*" if difficulty != "medium" else "+-+-*")
    if difficulty == "easy":
        top = 5 if sign == "*" else 10
        one, other = rng.randint(1, top), rng.randint(1, top)
    elif difficulty == "medium":
        one, other = (
            (rng.randint(10, 20), rng.randint(2, 5))
            if sign == "*"
            else (rng.randint(10, 99), rng.randint(10, 99))
        )
    elif sign == "*":
        one, other = rng.randint(11, 99), rng.randint(3, 19)
    else:
        one, other = rng.randint(100, 999), rng.randint(100, 999)
    if sign == "-" and other > one:
        one, other = other, one
    more: list[str | int] = (
        ["+", rng.randint(2, 99)] if difficulty == "hard" and rng.random() < 0.4 else []
    )
    return [one, sign, other, *more]


STORIES = {
    "+": (
        "{0} has {1} {3} and gets {2} more. How many {3} does {0} have?",
        "{0} buys {1} {3} and then {2} more {3}. How many {3} is that?",
    ),
    "-": (
        "{0} has {1} {3} and gives away {2}. How many {3} are left?",
        "There are {1} {3}. {0} takes {2}. How many {3} remain?",
    ),
    "*": (
        "{0} has {1} boxes with {2} {3} each. How many {3} are there?",
        "One bag holds {2} {3}. How many {3} are in {1} bags?",
    ),
}


def sums(rng: random.Random, difficulty: str) -> Sample:
    parts = term(rng, difficulty)
    if len(parts) == 3 and rng.random() < 0.3:
        one, sign, other = parts
        blank = rng.choice(lists.FIRST), one, other, rng.choice(lists.FRUIT)
        asked = rng.choice(STORIES[str(sign)]).format(*blank)
    else:
        asked = rng.choice(ASKED).format(written(rng, parts))
    return Sample(asked=asked, expected=str(counted(parts)))


@dataclass(frozen=True, kw_only=True)
class Unit:
    """`big` = `size` times `small`, each as people write it."""

    big: tuple[str, ...]
    small: tuple[str, ...]
    size: str


ROUND = (
    Unit(big=("km", "kilometers"), small=("m", "meters"), size="1000"),
    Unit(big=("kg", "kilograms"), small=("g", "grams"), size="1000"),
    Unit(big=("m", "meters"), small=("cm", "centimeters"), size="100"),
    Unit(big=("l", "liters"), small=("ml", "milliliters"), size="1000"),
    Unit(big=("cm", "centimeters"), small=("mm", "millimeters"), size="10"),
    Unit(big=("t", "tons"), small=("kg", "kilograms"), size="1000"),
)
COUNTED = (
    Unit(big=("hours", "h"), small=("minutes", "min"), size="60"),
    Unit(big=("minutes", "min"), small=("seconds", "s"), size="60"),
    Unit(big=("days",), small=("hours", "h"), size="24"),
    Unit(big=("weeks",), small=("days",), size="7"),
    Unit(big=("years",), small=("months",), size="12"),
    Unit(big=("dozen",), small=("pieces",), size="12"),
)
ODD = (
    Unit(big=("miles",), small=("km", "kilometers"), size="1.6"),
    Unit(big=("inches", "in"), small=("cm", "centimeters"), size="2.54"),
    Unit(big=("feet", "ft"), small=("inches", "in"), size="12"),
    Unit(big=("pounds", "lb"), small=("kg", "kilograms"), size="0.45"),
)
WISHES = (
    "Convert {0} {1} to {2}",
    "How many {2} are {0} {1}?",
    "{0} {1} in {2}",
    "What is {0} {1} in {2}?",
    "convert {0} {1} into {2}",
    "{0} {1} to {2}",
    "How many {2} are in {0} {1}?",
    "{0} {1} = ? {2}",
    "Please convert {0} {1} to {2}.",
    "Change {0} {1} to {2}",
    "{0} {1} is how many {2}?",
)


def plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def conversion(rng: random.Random, difficulty: str) -> tuple[Unit, Decimal, bool]:
    """The unit, how many of it, and whether it goes from big to small."""
    if difficulty == "easy":
        return rng.choice(ROUND), Decimal(rng.randint(1, 99)), True
    if difficulty == "medium":
        if rng.random() < 0.5:
            return rng.choice(COUNTED), Decimal(rng.randint(1, 12)), True
        unit = rng.choice(ROUND)
        return unit, Decimal(rng.randint(1, 99)) * Decimal(unit.size), False
    if rng.random() < 0.5:
        return rng.choice(ODD), Decimal(rng.randint(2, 60)), True
    return rng.choice((*COUNTED, *ROUND)), Decimal(rng.randint(101, 999)) / 10, True


def units(rng: random.Random, difficulty: str) -> Sample:
    unit, number, down = conversion(rng, difficulty)
    size, one, other = Decimal(unit.size), rng.choice(unit.big), rng.choice(unit.small)
    start, end = (one, other) if down else (other, one)
    result = number * size if down else number / size
    asked = rng.choice(WISHES).format(plain(number), start, end)
    return Sample(asked=asked, expected=f"{plain(result)} {end}")
