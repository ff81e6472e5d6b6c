"""Short questions about a given passage."""

from __future__ import annotations

import random
from dataclasses import dataclass

from training import lists, phrasing
from training.sample import Sample


@dataclass(frozen=True, kw_only=True)
class Relation:
    """`{0}` is the person and `{1}` what is said of the person."""

    told: tuple[str, ...]
    asked: tuple[str, ...]
    turned: tuple[str, ...]
    values: tuple[str, ...]


RELATIONS = (
    Relation(
        told=("{0} lives in {1}.", "{0} has a house in {1}.", "The home of {0} is in {1}."),
        asked=("Where does {0} live?", "In which city does {0} live?", "Which city is {0} in?"),
        turned=("Who lives in {1}?", "Who has a home in {1}?"),
        values=tuple(lists.CITIES),
    ),
    Relation(
        told=("{0} works as a {1}.", "{0} is a {1}.", "The job of {0} is {1}."),
        asked=(
            "What is the job of {0}?",
            "What does {0} work as?",
            "What does {0} do for a living?",
        ),
        turned=("Who is the {1}?", "Who works as a {1}?"),
        values=tuple(lists.JOBS),
    ),
    Relation(
        told=("{0} has a {1}.", "{0} owns a {1}.", "The pet of {0} is a {1}."),
        asked=("Which pet does {0} have?", "What animal does {0} own?", "What pet does {0} have?"),
        turned=("Who has a {1}?", "Who owns the {1}?"),
        values=tuple(lists.ANIMALS),
    ),
    Relation(
        told=("{0} likes {1}.", "{0} eats {1} every day.", "The favorite fruit of {0} is {1}."),
        asked=("Which fruit does {0} like?", "What does {0} eat?", "What does {0} like?"),
        turned=("Who likes {1}?", "Who eats {1}?"),
        values=tuple(lists.FRUIT),
    ),
    Relation(
        told=("{0} bought a {1}.", "{0} got a new {1}.", "In the shop {0} took a {1}."),
        asked=("What did {0} buy?", "What did {0} get?"),
        turned=("Who bought a {1}?", "Who got the {1}?"),
        values=tuple(lists.THINGS),
    ),
    Relation(
        told=("{0} works for {1}.", "The employer of {0} is {1}.", "{0} has a job at {1}."),
        asked=("Which company does {0} work for?", "Who employs {0}?", "Where does {0} work?"),
        turned=("Who works for {1}?", "Who has a job at {1}?"),
        values=tuple(lists.COMPANIES),
    ),
    Relation(
        told=(
            "{0} was born in {1}.",
            "The birthday of {0} is in {1}.",
            "{0} has a birthday in {1}.",
        ),
        asked=(
            "When was {0} born?",
            "In which month was {0} born?",
            "When is the birthday of {0}?",
        ),
        turned=("Who was born in {1}?", "Who has a birthday in {1}?"),
        values=tuple(lists.MONTHS),
    ),
)
FILLER = (
    "The weather was nice.",
    "It was a quiet day.",
    "Everybody was happy.",
    "The street was empty.",
    "Then it began to rain.",
    "They met on the bridge.",
    "The train was late.",
    "It was already dark.",
)
ORDERS = (
    "{0}\n\n{1}",
    "{0} {1}",
    "{0}\n{1}",
    "{1}\n\n{0}",
    "Passage: {0}\nQuestion: {1}",
    "Read this: {0}\n{1}",
    "Text: {0}\n\n{1}",
    "Answer from the text. {0} {1}",
    "Context: {0}\n\nQuestion: {1}",
)
SIZES = {"easy": (1, 2, 0), "medium": (3, 4, 1), "hard": (8, 11, 2)}


def passage(rng: random.Random, difficulty: str) -> tuple[list[tuple[str, str, Relation]], str]:
    """So many facts, each of its own value and none said twice of one person, with some filler."""
    least, most, filler = SIZES[difficulty]
    count = rng.randint(least, most)
    people = rng.sample(lists.FIRST, max(2, count if difficulty != "hard" else count // 2))
    facts: dict[tuple[str, Relation], str] = {}
    while len(facts) < count:
        relation, person = rng.choice(RELATIONS), rng.choice(people)
        value = rng.choice(relation.values)
        if value not in facts.values():
            facts.setdefault((person, relation), value)
    told = [
        rng.choice(relation.told).format(person, value)
        for (person, relation), value in facts.items()
    ]
    told += rng.sample(FILLER, rng.randint(0, filler))
    rng.shuffle(told)
    return [(person, value, relation) for (person, relation), value in facts.items()], " ".join(
        told
    )


def answer(rng: random.Random, difficulty: str) -> Sample:
    facts, text = passage(rng, difficulty)
    person, value, relation = rng.choice(facts)
    if rng.random() < 0.65:
        question, expected = rng.choice(relation.asked), value
    else:
        question, expected = rng.choice(relation.turned), person
    asked = rng.choice(ORDERS).format(text, question.format(person, value))
    return Sample(asked=phrasing.upper_first(asked), expected=expected)
