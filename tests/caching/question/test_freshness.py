"""Which answers go stale, and how soon."""

from __future__ import annotations

from pathlib import Path

import pytest

from caching.question import freshness

ANSWERS = (Path(__file__).parents[3] / "docs" / "answers.md").read_text()
WEEK_S = 7 * 24 * 3600.0


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("personal", "Where is my order?"),
        ("personal", "What's my account balance?"),
        ("personal", "How much do I owe?"),
        ("moment", "What time is it in Oslo?"),
        ("moment", "Is anybody on call right now?"),
        ("volatile", "What is the weather in Rome?"),
        ("volatile", "What is the bitcoin price?"),
        ("news", "What are the headlines?"),
        ("day", "What should I wear today?"),
        ("day", "Who won last night?"),
        ("hours", "What are your opening hours?"),
        ("hours", "Is there a dentist near me?"),
        ("price", "How much is a ticket?"),
        ("price", "What does the Pro plan cost?"),
        ("version", "What is the latest stable version of Django?"),
        ("current", "Who is the president of France?"),
        ("current", "who's the pope"),
        ("personal", "What is my IBAN?"),
        ("personal", "What's in my cart?"),
        ("personal", "When does my contract end?"),
        ("personal", "Is my internet down?"),
        ("personal", "Am I subscribed?"),
        ("personal", "What did I ask you before?"),
        ("personal", "When will it arrive?"),
        ("personal", "Wo ist mein Paket?"),
        ("personal", "¿Dónde está mi pedido?"),
        ("personal", "Où est ma commande ?"),
        ("personal", "我的订单在哪里"),
        ("moment", "Wie spät ist es?"),
        ("moment", "現在は何時ですか"),
        ("moment", "Сколько времени?"),
        ("chance", "Generate a strong password"),
        ("chance", "Give me a random number between 1 and 10"),
        ("chance", "flip a coin"),
        ("chance", "Tell me another joke"),
        ("volatile", "usd to eur"),
        ("volatile", "Will it rain in Paris?"),
        ("volatile", "Is the payment page down?"),
        ("volatile", "Wie ist das Wetter in Rom?"),
        ("day", "Who won the match?"),
        ("day", "Was soll ich heute kochen?"),
        ("hours", "Is the store open?"),
        ("price", "Was kostet ein Ticket?"),
    ],
)
def test_changes_with_time(name: str, question: str) -> None:
    assert freshness.of(question) == name
    assert freshness.life_s(question, WEEK_S) == freshness.LIVES_S[name] < WEEK_S


@pytest.mark.parametrize(
    "question",
    [
        "How do I reset my password?",
        "How do I cancel my subscription?",
        "Where can I find my invoices?",
        "Can I change my order?",
        "What happens to my data?",
        "What is the time complexity of quicksort?",
        "Who painted the Mona Lisa?",
        "Why is the sky blue?",
        "Am I allowed to park here?",
        "Who won the 1998 World Cup?",
        "How do I create a new password?",
        "How do I generate a password reset link?",
        "What is a random forest?",
        "Write a password generator in Python",
        "Do I need a visa for Japan?",
        "How many feet are in a mile?",
        "Wie lösche ich mein Konto?",
        "¿Cómo cambio mi contraseña?",
        "",
    ],
)
def test_stays(question: str) -> None:
    assert freshness.of(question) == ""
    assert freshness.life_s(question, WEEK_S) == WEEK_S


def test_a_team_may_want_less() -> None:
    assert freshness.life_s("How much is a ticket?", 60.0) == 60.0


def test_every_class_is_in_the_documents() -> None:
    assert not {name for name in freshness.LIVES_S if f"`{name}`" not in ANSWERS}
