"""Courtesy around a question goes, the question stays, and what is asked about it stays too."""

from __future__ import annotations

import pytest

from benchmarks.cache import adversarial
from caching.guards import spelling
from caching.judge import rewording
from caching.question import courtesy, turns
from caching.question.turns import Turn

ENGLISH = "how do I reset my password?"
POLITE = [
    "Kindly, how do I reset my password?",
    "Hi, how do I reset my password?",
    "Hi there how do I reset my password?",
    "Hello! How do I reset my password? Thanks!",
    "Good morning, please, how do I reset my password?",
    "How do I reset my password please?",
    "how do i reset my password pls",
    "How do I reset my password? Thanks in advance.",
    "Hey team,\n\nhow do I reset my password?\n\nMany thanks",
    "Please, kindly, how do I reset my password, thank you very much!",
]
OTHERS = [
    ("Wie setze ich mein Passwort zurück?", "Bitte, wie setze ich mein Passwort zurück"),
    ("Wie setze ich mein Passwort zurück?", "Hallo, wie setze ich mein Passwort zurück? Danke!"),
    ("¿Cómo restablezco mi contraseña?", "Hola, ¿cómo restablezco mi contraseña, por favor?"),
    ("Comment changer mon mot de passe ?", "Bonjour, comment changer mon mot de passe ? Merci !"),
    ("Comment changer d'adresse ?", "Bonjour, comment changer d'adresse, s'il vous plaît ?"),
    ("Jak zmienić hasło?", "Dzień dobry, jak zmienić hasło? Dziękuję"),
    ("如何重置密码?", "您好,请问如何重置密码?谢谢"),
]
UNTOUCHED = [
    "Hello World in Go",
    "How do you say thanks?",
    "What does hello mean?",
    "Bonjour, what language is this?",
    "Who sang Thanks",
    "Which is nicer, a thanks or a please",
    "How do I print hello",
    "How do I print thanks",
    "Hello, thanks!",
    "hi",
    "Please Please Me or Abbey Road?",
    "Sorry seems to be the hardest",
]
NOT_ONE = [
    ("What does hello mean?", "What does thanks mean?"),
    ("How do you say hello in French?", "How do you say thanks in French?"),
    ("Bonjour, what language is this?", "Hola, what language is this?"),
    ("How do I print hello", "How do I print thanks"),
    ("Is please an adverb?", "Is kindly an adverb?"),
    ("Hi, can I not pay?", "Hi, can I pay?"),
]


def asked(text: str) -> str:
    found = turns.split(text)
    assert isinstance(found, Turn), found
    return found.question


@pytest.mark.parametrize("written", POLITE)
def test_courtesy_is_no_part_of_the_question(written: str) -> None:
    assert asked(written).casefold().rstrip("?") == ENGLISH.casefold().rstrip("?")


@pytest.mark.parametrize(("plain", "polite"), OTHERS)
def test_it_is_told_in_other_languages(plain: str, polite: str) -> None:
    assert asked(plain).casefold().rstrip(" ?") == asked(polite).casefold().rstrip(" ?")
    assert rewording.same(asked(plain), asked(polite))


@pytest.mark.parametrize("written", UNTOUCHED)
def test_what_may_be_meant_stays(written: str) -> None:
    assert courtesy.bare(written) == written


@pytest.mark.parametrize(("one", "other"), NOT_ONE)
def test_questions_about_courtesy_stay_two(one: str, other: str) -> None:
    assert asked(one) != asked(other)
    assert not rewording.same(one, other)


def test_no_pair_that_was_written_to_deceive_becomes_one() -> None:
    met = [
        each
        for each in adversarial.pairs()
        if not each.same
        and courtesy.bare(spelling.plain(each.a)) == courtesy.bare(spelling.plain(each.b))
    ]
    assert met == []
