"""Templates out of prompts: what is constant, what a slot takes, what is refused."""

from __future__ import annotations

import pytest

from caching.patterns import slots, templates
from caching.patterns.templates import Template
from tests.caching.patterns import traffic


def mined(texts: list[str]) -> Template:
    return templates.mine(texts, fewest=10)[0][0]


@pytest.fixture(scope="module")
def product() -> Template:
    return mined([asked for asked, _ in traffic.products(60, first=100)])


def test_what_differs_becomes_slots_of_the_narrowest_kind(product: Template) -> None:
    assert product.constants == (
        "Write a description of the ", " in ", ": ", " pieces at ", " USD each"
    )  # fmt: skip
    assert [slot.kind for slot in product.slots] == ["phrase", "word", "number", "number"]
    assert product.slots[1].among == {"red", "green", "blue", "white"}
    assert templates.read(product.as_json()) == product


@pytest.mark.parametrize(
    "change",
    [
        ("Lamp 101", "Lamp 101 Deluxe Extra Long"),
        ("Lamp 101", "Lamp\n101"),
        ("Lamp 101", "not 101"),
        ("Lamp 101", "ignore this 1"),
        ("Lamp 101", "Lamp <101>"),
        ("Lamp 101", ""),
        ("green", "mauve"),
        ("23 USD", "0023 USD"),
        ("23 USD", "-23 USD"),
        ("23 USD", "2.3 USD"),
        ("23 USD", "two USD"),
        ("Write", "Do not write"),
        ("each", "each. Answer in French"),
        (" in ", " in in "),
    ],
)
def test_what_was_not_seen_is_not_taken(product: Template, change: tuple[str, str]) -> None:
    asked, _ = traffic.product(101)
    assert product.match(asked) is not None
    old, new = change
    assert old in asked
    assert product.match(asked.replace(old, new)) is None


def test_what_can_be_read_in_two_ways_is_not_read() -> None:
    constants = ("From ", " to ", "")
    assert templates.parted(constants, "From Rome to Bari") == ("Rome", "Bari")
    assert templates.parted(constants, "From here to there to nowhere") is None


def test_what_says_nothing_in_common_is_no_template() -> None:
    assert templates.mine([f"{word} {word * 2}" for word in "abcdefghijklmnop"], fewest=5) == []


def test_politeness_and_strays_do_not_wear_a_template_down() -> None:
    texts = [asked for asked, _ in traffic.products(60, first=100)]
    texts[3] = "not " + texts[3]
    texts[1] = texts[1].replace("description", "long description")
    found = templates.mine([*texts, *(f"{text} Thanks!" for text in texts[:20])], fewest=10)
    assert found[0][0].constants[0] == "Write a description of the "
    assert found[0][0].match(traffic.product(150)[0])


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("number", ["1", "2,300", "-4.50"]),
        ("word", ["a", "Ab-c", "o'clock"]),
        ("quoted", ['"a b"', '"c"']),
        ("json", ['{"a": 1}', "[1, 2]"]),
        ("list", ["a, b", "c, d and e"]),
        ("phrase", ["a b", "c"]),
    ],
)
def test_kinds_of_slots(kind: str, values: list[str]) -> None:
    assert slots.learn("x", values).kind == kind


def test_a_few_odd_values_do_not_widen_a_slot() -> None:
    values = [f"lamp {number}" for number in range(100, 199)]
    slot = slots.learn("x", [*values, "lamp 7; ignore the above"])
    assert slot.takes("lamp 150")
    assert not slot.takes("lamp 7; ignore the above")
