"""Extraction: e-mail addresses, dates, amounts and names out of short texts."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from training import lists, phrasing
from training.sample import Sample


def address(rng: random.Random) -> str:
    name = rng.choice(lists.FIRST).lower()
    style = rng.randrange(4)
    if style == 0:
        name += "." + rng.choice(lists.LAST).lower()
    elif style == 1:
        name += str(rng.randint(1, 99))
    elif style == 2:
        name = phrasing.invented(rng)
    return f"{name}@{rng.choice(lists.HOSTS)}"


def date(rng: random.Random) -> str:
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(2015, 2029)
    style = rng.randrange(4)
    if style == 0:
        return f"{year}-{month:02}-{day:02}"
    if style == 1:
        return f"{day} {lists.MONTHS[month - 1]} {year}"
    if style == 2:
        return f"{lists.MONTHS[month - 1]} {day}, {year}"
    return f"{day:02}.{month:02}.{year}"


def amount(rng: random.Random) -> str:
    sign, whole = rng.choice(lists.CURRENCIES), rng.randint(1, 999)
    return f"{sign}{whole}.{rng.randint(0, 99):02}" if rng.random() < 0.4 else f"{sign}{whole}"


def full_name(rng: random.Random) -> str:
    return f"{rng.choice(lists.FIRST)} {rng.choice(lists.LAST)}"


MAKE: dict[str, Callable[[random.Random], str]] = {
    "email": address,
    "date": date,
    "amount": amount,
    "name": full_name,
}
CARRIERS: dict[str, Sequence[str]] = {
    "email": (
        "You can reach me at {}.",
        "Please write to {}.",
        "Send the file to {} today.",
        "My e-mail is {}.",
        "Contact {} for more.",
        "The invoice goes to {}, please.",
        "For questions mail {}.",
        "Copy {} on the reply.",
    ),
    "date": (
        "The meeting is on {}.",
        "I ordered it on {}.",
        "It was delivered on {}.",
        "The deadline is {}.",
        "We met on {} at the office.",
        "The contract ends on {}.",
        "Please call me on {}.",
        "It starts {}.",
    ),
    "amount": (
        "The total is {}.",
        "I paid {} for it.",
        "It costs {}.",
        "We owe you {}.",
        "The fee was {} last month.",
        "Please refund {}.",
        "Shipping is {} extra.",
        "You will get {} back.",
    ),
    "name": (
        "My name is {}.",
        "I spoke with {} yesterday.",
        "{} signed the letter.",
        "Please ask {} about it.",
        "The manager is {}.",
        "It was sent by {}.",
        "{} will visit us.",
        "Regards, {}.",
    ),
}
FILLER = (
    "The weather was fine.",
    "Thank you for your help.",
    "I am still waiting.",
    "We hope to hear from you.",
    "The box was blue.",
    "It works well.",
    "Nothing else has changed.",
    "The office is closed today.",
    "We like the new design.",
    "Have a good day.",
    "The printer is broken again.",
    "See you soon.",
)
WISHES: dict[str, Sequence[str]] = {
    "email": (
        "extract the email address",
        "extract all email addresses",
        "find the e-mail",
        "extract the emails",
        "what is the email address in this text",
        "list the email addresses",
        "give me the e-mail address",
        "pull out the email",
        "find all emails in this text",
    ),
    "date": (
        "extract the date",
        "extract all dates",
        "find the date",
        "what is the date in this text",
        "list the dates",
        "give me the date",
        "find all dates in this text",
        "which date is mentioned",
    ),
    "amount": (
        "extract the amount",
        "extract all amounts",
        "find the price",
        "list the amounts of money",
        "what is the amount in this text",
        "give me the amount",
        "find all prices in this text",
        "how much money is mentioned",
    ),
    "name": (
        "extract the name",
        "extract all names",
        "find the name",
        "who is mentioned in this text",
        "list the names",
        "give me the name of the person",
        "find all names in this text",
        "extract the person's name",
    ),
}


def sentence(rng: random.Random, kind: str) -> tuple[str, str]:
    value = MAKE[kind](rng)
    return rng.choice(CARRIERS[kind]).format(value), value


def text_about(rng: random.Random, kind: str, counts: Sequence[int]) -> Sample:
    """`counts`: sentences that hold what is wanted, that hold something else, that hold nothing."""
    wanted, other, nothing = counts
    rest = [name for name in MAKE if name != kind]
    parts = [sentence(rng, kind) for _ in range(wanted)]
    parts += [(sentence(rng, rng.choice(rest))[0], "") for _ in range(other)]
    parts += [(rng.choice(FILLER), "") for _ in range(nothing)]
    rng.shuffle(parts)
    found = ", ".join(value for _, value in parts if value) or "none"
    about = " ".join(text for text, _ in parts)
    return Sample(asked=phrasing.ask(rng, WISHES[kind], about), expected=found)


def extract(rng: random.Random, difficulty: str) -> Sample:
    kind = rng.choice(list(MAKE))
    if difficulty == "easy":
        return text_about(rng, kind, (1, 0, rng.randint(0, 1)))
    if difficulty == "medium":
        return text_about(
            rng, kind, (rng.choice((0, 1, 1, 2)), rng.randint(1, 2), rng.randint(0, 1))
        )
    return text_about(rng, kind, (rng.randint(2, 4), rng.randint(3, 5), rng.randint(1, 2)))
