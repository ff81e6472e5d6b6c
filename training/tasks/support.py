"""Classification of support messages by what they are about."""

from __future__ import annotations

import random
from collections.abc import Sequence

from training import lists, phrasing
from training.sample import Sample

MESSAGES: dict[str, Sequence[str]] = {
    "billing": (
        "I was charged twice for {thing}",
        "my invoice for {thing} is wrong",
        "my card was declined",
        "the bill for {month} is too high",
        "please send me the invoice for {month}",
        "you took ${number} from my account by mistake",
        "I want to change my payment method",
        "why did I pay ${number} this month",
        "my credit card was charged ${number}",
        "there is a wrong amount on my bill",
        "the payment of ${number} failed",
    ),
    "shipping": (
        "my package has not arrived",
        "where is my {thing}",
        "the delivery of the {thing} is late",
        "my order was sent to the wrong address",
        "the parcel is stuck in {city}",
        "the tracking number does not change",
        "when will the {thing} be delivered",
        "the courier did not come",
        "my {thing} is still not here",
        "can you ship to {city}",
        "my order should have arrived on {day}",
    ),
    "technical": (
        "the app crashes when I start it",
        "I get error {number}",
        "the website does not load",
        "the screen stays black",
        "the {thing} does not connect to wifi",
        "the update failed with a bug",
        "the program freezes all the time",
        "the sync is broken since {day}",
        "the page shows error {number}",
        "the app is very slow",
        "the installation stops at {number} percent",
    ),
    "account": (
        "I forgot my password",
        "I cannot log in",
        "please delete my account",
        "how do I change my email address",
        "my account is locked",
        "I want to change my username",
        "the login code does not arrive",
        "someone else uses my account",
        "how do I reset my password",
        "please close my profile",
        "I cannot sign in since {day}",
    ),
    "refund": (
        "I want my money back",
        "I want to return the {thing}",
        "please refund my order",
        "how do I send the {thing} back",
        "I would like a refund for the {thing}",
        "the {thing} is the wrong size and I want to return it",
        "can I get a refund of ${number}",
        "I do not like the {thing} and send it back",
        "when do I get my money back for the {thing}",
    ),
    "praise": (
        "I love the {thing}",
        "great service, thank you",
        "the {thing} is perfect",
        "your team is wonderful",
        "best shop in {city}",
        "I am very happy with the {thing}",
        "thanks for the quick help",
        "the new design is beautiful",
        "you made my {day}",
        "keep up the good work",
    ),
}
FILLER = (
    "Hello",
    "Hi team",
    "Good morning",
    "I hope you can help me",
    "I have been a customer for {number} years",
    "I live in {city}",
    "My name is {name}",
    "Please answer soon",
    "I wrote you on {day}",
    "Thanks",
    "I bought a {thing} in {month}",
    "This is {name} from {city}",
    "Best regards, {name}",
)
SETTLED: dict[str, Sequence[str]] = {
    "billing": (
        "the payment went through fine",
        "the invoice is correct",
        "the bill was right this time",
    ),
    "shipping": (
        "the delivery was fast",
        "the package arrived on time",
        "the parcel came on {day} as promised",
    ),
    "technical": ("the app works fine", "the website is fast", "the update went well"),
    "account": ("I can log in without problems", "my password works", "my account is open again"),
}
WISHES = (
    "classify this message as {}",
    "classify this support message: {}",
    "which category fits: {}",
    "is this {}",
    "choose a category from {}",
    "label this message with one of {}",
    "put this ticket into one of these categories: {}",
    "sort this message into {}",
    "categorize as {}",
    "what is this message about: {}",
    "route this ticket to {}",
)


def filled(rng: random.Random, text: str) -> str:
    return text.format(
        thing=rng.choice(lists.THINGS),
        month=rng.choice(lists.MONTHS),
        number=rng.randint(2, 500),
        city=rng.choice(lists.CITIES),
        day=rng.choice(lists.WEEKDAYS),
        name=rng.choice(lists.FIRST),
    )


def message(rng: random.Random, label: str, difficulty: str) -> str:
    parts = [filled(rng, rng.choice(MESSAGES[label]))]
    if difficulty != "easy":
        parts += [filled(rng, rng.choice(FILLER)) for _ in range(rng.randint(1, 2))]
    if difficulty == "hard":
        others = rng.sample([name for name in SETTLED if name != label], 2)
        parts += [filled(rng, rng.choice(SETTLED[name])) for name in others]
        parts.append(filled(rng, rng.choice(FILLER)))
    rng.shuffle(parts)
    end = rng.choice((". ", ". ", "! "))
    return end.join(phrasing.upper_first(part) for part in parts) + rng.choice((".", "", "!"))


def choices(rng: random.Random, label: str, difficulty: str) -> str:
    rest = [name for name in MESSAGES if name != label]
    count = {"easy": rng.randint(1, 3), "medium": rng.randint(2, 4), "hard": 5}[difficulty]
    names = [label, *rng.sample(rest, count)]
    rng.shuffle(names)
    return ", ".join(names[:-1]) + f" or {names[-1]}"


def classify(rng: random.Random, difficulty: str) -> Sample:
    label = rng.choice(list(MESSAGES))
    wishes = [rng.choice(WISHES).format(choices(rng, label, difficulty))]
    asked = phrasing.ask(rng, wishes, message(rng, label, difficulty))
    return Sample(asked=asked, expected=label)
