"""What may differ between two questions of which nothing was learned yet."""

from __future__ import annotations

import pytest

from caching.judge import rewording

SAME = [
    ("How do I reset my password?", "how can I reset my password"),
    ("How do I reset my password?", "How to reset my password"),
    ("What's the capital of France?", "what is the capital of France"),
    ("Please tell me how to cook rice", "How do I cook rice?"),
    ("I can't log in", "I cannot log in."),
    ("hi", "Hi!"),
    ("是", "是。"),
]
OTHER = [
    ("May I take this with food?", "Must I take this with food?"),
    ("Maria reads 20 pages every day", "Maria reads 20 pages every other day"),
    ("What is my name?", "What is your name?"),
    ("Who killed Ruby?", "Who did Ruby kill?"),
    ("copy file a to b", "copy file b to a"),
    ("Wie ändere ich mein Passwort?", "Wie lösche ich mein Passwort?"),
    ("¿Cuántos años tienes?", "¿Cuántos anos tienes?"),
    ("What is hepatitis a?", "What is hepatitis b?"),
    ("What does // mean?", "What does && mean?"),
    ("next", "back"),
    ("hi", "hello"),
    ("?", "!"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_never_changes_an_answer_may_differ(one: str, other: str) -> None:
    assert rewording.same(one, other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_nothing_else_may(one: str, other: str) -> None:
    assert not rewording.same(one, other)
    assert not rewording.same(other, one)
