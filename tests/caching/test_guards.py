"""Questions that look alike and are not, and questions that look different and are the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.cache import adversarial
from caching import guards

ANSWERS = (Path(__file__).parents[2] / "docs" / "answers.md").read_text()
APART = [
    ("numbers", "How do I feed 5 guests?", "How do I feed 50 guests?"),
    ("numbers", "What did Python 3.1 add?", "What did Python 3.10 add?"),
    ("numbers", "Is the iPhone 7 waterproof?", "is the iphone8 waterproof?"),
    ("code", "What is 10⁵?", "What is 105?"),
    ("numbers", "How old is World War II?", "How old is World War III?"),
    ("numbers", "Where is card 1234567890123456789?", "Where is card 1234567890123456780?"),
    ("numbers", "Which phone has 4g?", "Which phone has 5g?"),
    ("numbers", "What are the top 5 sights?", "What are the top 10 sights?"),
    ("units", "How long are 5 metres?", "How long are 5 miles?"),
    ("units", "Is $300 a good price?", "Is €300 a good price?"),
    ("units", "Give the width in inches", "Give the width in centimetres"),
    ("dates", "Are you open on Monday?", "Are you open on Tuesday?"),
    ("dates", "Is it warm in March?", "Is it warm in May?"),
    ("dates", "What is on tonight?", "What is on tomorrow?"),
    ("dates", "Does it close at 6 pm?", "Does it close at 6 am?"),
    ("names", "How many people live in Iran?", "How many people live in Iraq?"),
    ("names", "how do i say hello in french", "how do i say hello in spanish"),
    ("names", "How do I cancel my Premium plan?", "How do I cancel my Basic plan?"),
    ("names", "What is vitamin C good for?", "What is vitamin D good for?"),
    ("names", "Mail ann@a.example?", "Mail bob@a.example?"),
    ("names", "How do I mend a bike in Rome?", "How do I mend a bike?"),
    ("negation", "How do I turn on alerts?", "How do I turn off alerts?"),
    ("negation", "How do I enable two-step login?", "How do I disable two-step login?"),
    ("negation", "Which herbs are safe?", "Which herbs are not safe?"),
    ("negation", "Can I fly with an ID?", "Can I fly without an ID?"),
    ("negation", "What is in Rome but not in Oslo?", "What is in Oslo but not in Rome?"),
    ("negation", "How can I smoke?", "How can I stop smoking?"),
    ("comparison", "Which car is the cheapest?", "Which car is the fastest?"),
    ("comparison", "Show offers over 900 dollars", "Show offers under 900 dollars"),
    ("choice", "How do I treat a dog bite?", "How do I treat a cat bite?"),
    ("quotes", 'What rhymes with "mouse"?', 'What rhymes with "goose"?'),
    ("code", "What does `a + b` print?", "What does `a - b` print?"),
    ("code", "What is x + y?", "What is x * y?"),
    ("order", "Is a flight from Paris to Rome long?", "Is a flight from Rome to Paris long?"),
    ("order", "Did Google buy Motorola?", "Did Motorola buy Google?"),
    ("order", "Did Google buy Motorola?", "Was Google bought by Motorola?"),
    ("order", "How many miles are in a kilometre?", "How many kilometres are in a mile?"),
    ("kind", "When was penicillin discovered?", "Where was penicillin discovered?"),
    ("order", "Replace sugar with honey?", "Replace honey with sugar?"),
    ("order", "divide 10 by 2", "divide 2 by 10"),
    ("order", "Is a zebra black with white stripes?", "Is a zebra white with black stripes?"),
    ("sums", "Tom has 5 apples and gives away 2. How many does he have now?",
     "Tom has 5 apples and gets 2. How many does he have now?"),
    ("sums", "Maria reads 20 pages every day. How many pages does she read in a week?",
     "Maria reads 20 pages every other day. How many pages does she read in a week?"),
    ("letters", "韩国的首都是哪里？", "泰国的首都是哪里？"),  # noqa: RUF001
    ("letters", "Какая столица Польши?", "Какая столица Китая?"),
    ("letters", "ما هي عاصمة إسبانيا؟", "ما هي عاصمة اليابان؟"),
    ("letters", "नेपाल की राजधानी क्या है?", "जापान की राजधानी क्या है?"),
    ("letters", "What does 猫 mean?", "What does 犬 mean?"),
    ("signs", "I feel 😀", "I feel 😢"),
    ("signs", "👍 ok", "ok"),
    ("length", "a" * 4_000 + " one", "a" * 4_000 + " two"),
]  # fmt: skip
TOGETHER = [
    (
        "Tom has 5 apples and eats 2. How many does he have?",
        "Please: Tom has 5 apples and eats 2. How many does he have now?",
    ),
    ("How many days off do I get?", "How many free days do I have?"),
    ("韩国的首都是哪里？", "韩国的首都是哪里"),  # noqa: RUF001
    ("ПРИВЕТ, как дела?", "привет как дела"),
    ("What does ❤ mean?", "What does ❤️ mean?"),
    ("Is €5 enough?", "Is 5 euros enough?"),
    ("tools for python", "python tools"),
    ("How do I reset my password?", "password reset how?"),
    ("Is $5 enough?", "Is 5 dollars enough?"),
    ("Is $1k enough?", "Is 1,000 USD enough?"),
    ("Who pays a tax of 10%?", "Who pays a tax of ten percent?"),
    ("Is it open at 3 p.m.?", "Is it open at 15:00?"),
    ("What happened on 5 March 2021?", "What happened on March 5th, 2021?"),
    ("How many people live in NYC?", "How many people live in New York?"),
    ("Who leads the USA?", "Who leads the United States?"),
    ("How big is the Indian economy?", "How big is the economy of India?"),
    ("Can a child run 2km?", "Can a child run 2000 metres?"),
    ("Who wrote the law of Donald Trump?", "Who wrote the law of Trump?"),
    ("Is Hilary Clinton a lawyer?", "Is Hillary Clinton a lawyer?"),
    ("Did Google buy Motorola?", "Was Motorola bought by Google?"),
    ("Is tea or coffee better?", "Is coffee or tea better?"),
    ("What is the difference between a cat and a dog?", "How do a dog and a cat differ?"),
    ("How far is Rome from Paris?", "How far is Paris from Rome?"),
    ("Isn't it late?", "Is it late?"),
    ("Can I cancel or not?", "Can I cancel?"),
    ("Why is it disabled?", "Why is it not enabled?"),
    ("Is it unhealthy to skip lunch?", "Is it not healthy to skip lunch?"),
    ("I can't log in", "I am unable to log in"),
    ("How do I stop worrying?", "How can I overcome worrying?"),
    ("What are the four seasons?", "What are the seasons?"),
    ("What is the news today?", "What is the news?"),
    ("What is the best way to learn chess?", "What is the fastest way to learn chess?"),
    ("What does “ad hoc” mean?", "What does ad hoc mean?"),
    ("how do i use an iphone7", "How do I use an iPhone 7?"),
]


@pytest.mark.parametrize(("guard", "asked", "stored"), APART)
def test_is_kept_apart_by_name(guard: str, asked: str, stored: str) -> None:
    assert guards.disagreement(asked, stored) == guard
    assert guards.disagreement(stored, asked) == guard


@pytest.mark.parametrize(("asked", "stored"), TOGETHER)
def test_is_not_kept_apart(asked: str, stored: str) -> None:
    assert guards.disagreement(asked, stored) == ""
    assert guards.disagreement(stored, asked) == ""


def test_of_the_written_pairs_hardly_one_deceives() -> None:
    pairs = adversarial.pairs()
    different = [pair for pair in pairs if not pair.same]
    alike = [pair for pair in pairs if pair.same]
    assert len(different) >= 300
    assert len(alike) >= 100
    passed = [pair for pair in different if not guards.disagreement(pair.a, pair.b)]
    refused = [pair for pair in alike if guards.disagreement(pair.a, pair.b)]
    assert len(passed) <= 0.01 * len(different), passed
    assert len(refused) <= 0.02 * len(alike), refused


def test_every_guard_is_in_the_documents() -> None:
    assert not {guard for guard in guards.GUARDS if f"`{guard}`" not in ANSWERS}


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_is_read_and_compared_both_ways_alike(asked: str, stored: str) -> None:
    here, there = guards.read(asked), guards.read(stored)
    assert bool(guards.compare(here, there)) == bool(guards.compare(there, here))
    assert guards.compare(here, here) == ""


@pytest.mark.parametrize(
    "text",
    ["a" * 10_000, "1," * 5_000, "a." * 5_000, "'" * 10_000, "`" * 9_999, "a_" * 5_000,
     "a@" * 5_000, "-" * 10_000, "million " * 1_250, "9" * 10_000, "<" * 10_000, "10 " * 3_333,
     "a+" * 5_000],
)  # fmt: skip
def test_long_and_odd_texts_are_read(text: str) -> None:
    assert guards.disagreement(text, text[:-1] + "?") in {"", *guards.GUARDS}
