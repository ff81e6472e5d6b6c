"""Formatting: copying, case, lists, JSON from lines, CSV to JSON and back, sorting, doubles."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence

from training import lists, phrasing
from training.sample import Sample

Value = str | int
FIELDS: dict[str, Callable[[random.Random], Value]] = {
    "name": lambda rng: rng.choice(lists.FIRST),
    "surname": lambda rng: rng.choice(lists.LAST),
    "age": lambda rng: rng.randint(18, 90),
    "city": lambda rng: rng.choice(lists.CITIES),
    "job": lambda rng: rng.choice(lists.JOBS),
    "color": lambda rng: rng.choice(lists.COLOURS),
    "item": lambda rng: rng.choice(lists.THINGS),
    "price": lambda rng: rng.randint(2, 999),
    "count": lambda rng: rng.randint(1, 50),
    "company": lambda rng: rng.choice(lists.COMPANIES),
    "day": lambda rng: rng.choice(lists.WEEKDAYS),
    "month": lambda rng: rng.choice(lists.MONTHS),
    "pet": lambda rng: rng.choice(lists.ANIMALS),
    "fruit": lambda rng: rng.choice(lists.FRUIT),
    "material": lambda rng: rng.choice(lists.MATERIALS),
    "size": lambda rng: rng.choice(("small", "medium", "large")),
    "year": lambda rng: rng.randint(1950, 2030),
    "code": phrasing.invented,
}


def among(rng: random.Random, difficulty: str, spans: Sequence[tuple[int, int]]) -> int:
    easy, medium, hard = spans
    return rng.randint(*{"easy": easy, "medium": medium, "hard": hard}[difficulty])


REPEAT = (
    "repeat this",
    "repeat after me",
    "repeat the following",
    "say this",
    "say",
    "copy this text",
    "write this again",
    "echo this",
    "repeat exactly",
)


def repeat(rng: random.Random, difficulty: str) -> Sample:
    text = phrasing.words(rng, among(rng, difficulty, ((1, 4), (5, 9), (14, 24))))
    return Sample(asked=phrasing.ask(rng, REPEAT, text), expected=text)


UPPER = (
    "write this in upper case",
    "convert to uppercase",
    "convert this to upper case",
    "make this uppercase",
    "uppercase this text",
    "put this in capital letters",
    "write in capitals",
    "turn this into all caps",
    "change the text to upper case",
)
LOWER = (
    "write this in lower case",
    "convert to lowercase",
    "convert this to lower case",
    "make this lowercase",
    "lowercase this text",
    "put this in small letters",
    "change the text to lower case",
)
TITLE = (
    "write this in title case",
    "convert to title case",
    "capitalize every word",
    "capitalize each word",
    "make this title case",
    "start every word with a capital letter",
)


def titled(text: str) -> str:
    return " ".join(word.capitalize() for word in text.split(" "))


CASES: Sequence[tuple[Sequence[str], Callable[[str], str]]] = (
    (UPPER, str.upper),
    (LOWER, str.lower),
    (TITLE, titled),
)


def case(rng: random.Random, difficulty: str) -> Sample:
    count = among(rng, difficulty, ((1, 2), (3, 7), (10, 18)))
    text = phrasing.words(rng, count)
    if difficulty == "easy":
        text = " ".join(phrasing.known(rng) for _ in range(count))
    wishes, change = rng.choice(CASES)
    if wishes is LOWER or rng.random() < 0.1:
        text = rng.choice((str.upper, titled))(text)
    return Sample(asked=phrasing.ask(rng, wishes, text), expected=change(text))


BULLETS = (
    "make a bullet list",
    "write as bullet points",
    "turn this into a bullet list",
    "make bullet points from this",
    "list these as bullets",
    "format as a bulleted list",
    "put these in a bullet list",
    "convert to bullet points",
)
NUMBERED = (
    "make a numbered list",
    "number these items",
    "turn this into a numbered list",
    "write as a numbered list",
    "format as a numbered list",
    "put numbers in front of these",
)


def thing(rng: random.Random) -> str:
    noun = rng.choice(rng.choice((lists.FRUIT, lists.GOODS, lists.THINGS, lists.NOUNS)))
    style = rng.random()
    if style < 0.6:
        return noun
    return f"{rng.choice(lists.COLOURS)} {noun}" if style < 0.85 else phrasing.invented(rng)


def bullets(rng: random.Random, difficulty: str) -> Sample:
    items = phrasing.different(rng, among(rng, difficulty, ((2, 4), (5, 7), (9, 14))), thing)
    about = phrasing.listed(rng, items)
    if rng.random() < 0.6:
        lines = [f"- {item}" for item in items]
        return Sample(asked=phrasing.ask(rng, BULLETS, about), expected="\n".join(lines))
    lines = [f"{at}. {item}" for at, item in enumerate(items, 1)]
    return Sample(asked=phrasing.ask(rng, NUMBERED, about), expected="\n".join(lines))


TO_JSON = (
    "convert to JSON",
    "turn this into JSON",
    "write this as JSON",
    "make JSON from this",
    "format as JSON",
    "make a JSON object from these lines",
    "give me this as JSON",
    "convert these fields to a JSON object",
    "return this as JSON",
)


def record(rng: random.Random, fields: Sequence[str]) -> dict[str, Value]:
    return {field: FIELDS[field](rng) for field in fields}


def pairs(rng: random.Random, row: dict[str, Value]) -> str:
    style = rng.randrange(5)
    if style < 2:
        return "\n".join(f"{key}: {value}" for key, value in row.items())
    if style == 2:
        return "\n".join(f"{key} = {value}" for key, value in row.items())
    if style == 3:
        return ", ".join(f"{key}: {value}" for key, value in row.items())
    return ", ".join(f"{key} is {value}" for key, value in row.items())


def to_json(rng: random.Random, difficulty: str) -> Sample:
    fields = rng.sample(list(FIELDS), among(rng, difficulty, ((1, 3), (4, 5), (7, 11))))
    row = record(rng, fields)
    asked = phrasing.ask(rng, TO_JSON, pairs(rng, row))
    return Sample(asked=asked, expected=json.dumps(row), check="json")


CSV_TO_JSON = (
    "convert this CSV to JSON",
    "turn this CSV into JSON",
    "CSV to JSON",
    "write this CSV as JSON",
    "make JSON from this CSV",
)
JSON_TO_CSV = (
    "convert this JSON to CSV",
    "turn this JSON into CSV",
    "JSON to CSV",
    "write this JSON as CSV",
    "make a CSV from this JSON",
)


def csv(rng: random.Random, difficulty: str) -> Sample:
    columns = among(rng, difficulty, ((2, 2), (2, 3), (4, 5)))
    count = among(rng, difficulty, ((1, 2), (2, 3), (4, 5)))
    fields = rng.sample(list(FIELDS), columns)
    rows = [record(rng, fields) for _ in range(count)]
    table = "\n".join(",".join(map(str, line)) for line in [fields, *(r.values() for r in rows)])
    if rng.random() < 0.5:
        asked = phrasing.ask(rng, CSV_TO_JSON, table)
        return Sample(asked=asked, expected=json.dumps(rows), check="json")
    return Sample(asked=phrasing.ask(rng, JSON_TO_CSV, json.dumps(rows)), expected=table)


SORT_WORDS = (
    "sort these words",
    "sort alphabetically",
    "sort these words alphabetically",
    "put these in alphabetical order",
    "order these words from a to z",
    "sort this list",
)
SORT_UP = (
    "sort these numbers",
    "sort the numbers in ascending order",
    "sort from smallest to largest",
    "put these numbers in order",
    "order these numbers from low to high",
)
SORT_DOWN = (
    "sort these numbers in descending order",
    "sort from largest to smallest",
    "order these numbers from high to low",
)


def sort(rng: random.Random, difficulty: str) -> Sample:
    count = among(rng, difficulty, ((2, 3), (4, 5), (8, 11)))
    if rng.random() < 0.5:
        items = phrasing.different(rng, count, lambda rng: phrasing.word(rng).lower())
        return Sample(
            asked=phrasing.ask(rng, SORT_WORDS, phrasing.listed(rng, items)),
            expected=", ".join(sorted(items)),
        )
    top = 99 if difficulty != "hard" else 999
    numbers = rng.sample(range(1, top), count)
    down = rng.random() < 0.35
    return Sample(
        asked=phrasing.ask(
            rng, SORT_DOWN if down else SORT_UP, phrasing.listed(rng, [str(n) for n in numbers])
        ),
        expected=", ".join(map(str, sorted(numbers, reverse=down))),
    )


DEDUPE = (
    "remove duplicates",
    "remove the duplicates",
    "delete the doubles from this list",
    "remove repeated items",
    "list each item only once",
    "dedupe this list",
    "remove duplicates from this list",
)


def dedupe(rng: random.Random, difficulty: str) -> Sample:
    count = among(rng, difficulty, ((2, 3), (4, 5), (8, 11)))
    doubles = among(rng, difficulty, ((1, 1), (1, 2), (3, 5)))
    items = phrasing.different(rng, count, lambda rng: thing(rng).split(" ")[-1])
    mixed = items + rng.choices(items, k=doubles)
    rng.shuffle(mixed)
    about = (", " if rng.random() < 0.7 else "\n").join(mixed)
    return Sample(asked=phrasing.ask(rng, DEDUPE, about), expected=", ".join(dict.fromkeys(mixed)))
