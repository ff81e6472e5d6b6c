"""Product descriptions after a pattern."""

from __future__ import annotations

import random

from training import lists, phrasing
from training.sample import Sample

WISHES = (
    "write a product description for {}",
    "describe this product: {}",
    "write a product text for {}",
    "write a short product description for {}",
    "describe {} for our shop",
    "make a product description: {}",
    "write an ad for {}",
    "write a shop text for {}",
    "create a product description for {}",
)
FIELDS = (
    "write a product description",
    "write a product text from these fields",
    "describe this product",
    "make a product description from this",
    "write a shop text",
)
WHO = ("work", "travel", "school", "home", "sport", "the office", "the kitchen", "the garden")


def article(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def described(rng: random.Random, difficulty: str) -> Sample:
    """Easy: colour and thing. Medium: more in a sentence. Hard: all of it as fields, mixed."""
    thing, colour = rng.choice(lists.THINGS), rng.choice(lists.COLOURS)
    material, company = rng.choice(lists.MATERIALS), rng.choice(lists.COMPANIES)
    features, use = rng.sample(lists.FEATURES, 3), rng.choice(WHO)
    if difficulty == "easy":
        named = f"{colour} {thing}" if rng.random() < 0.5 else f"{material} {thing}"
        wish = rng.choice(WISHES).format(article(named))
        expected = f"Meet our {named}: simple, useful and made for every day."
        return Sample(asked=phrasing.manner(rng, wish), expected=expected)
    named = f"{colour} {material} {thing}"
    if difficulty == "medium":
        about = f"{article(named)}, {features[0]} and {features[1]}"
        expected = f"Meet our {named}: {features[0]}, {features[1]} and made for every day."
        return Sample(
            asked=phrasing.manner(rng, rng.choice(WISHES).format(about)), expected=expected
        )
    price = rng.randint(5, 900)
    fields = [
        f"product: {thing}",
        f"color: {colour}",
        f"material: {material}",
        f"brand: {company}",
        f"features: {', '.join(features)}",
        f"use: {use}",
        f"price: ${price}",
    ]
    rng.shuffle(fields)
    expected = (
        f"Meet the {named} by {company}: {features[0]}, {features[1]} and {features[2]}. "
        f"Made for {use}, yours for ${price}."
    )
    return Sample(asked=phrasing.ask(rng, FIELDS, "\n".join(fields)), expected=expected)
