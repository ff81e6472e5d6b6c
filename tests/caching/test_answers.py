"""When two stored answers are the same answer."""

from __future__ import annotations

import orjson
import pytest

from caching import answers


def chat(*texts: object) -> bytes:
    return orjson.dumps({"choices": [{"message": {"content": text}} for text in texts]})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Paris.", "paris"),
        ("It is  so.\n", "It is so"),
        ("\u201cYes\u201d", '"yes"'),
        ("\uff14\uff12", "42"),
    ],
)
def test_ways_of_writing_make_no_other_answer(one: str, other: str) -> None:
    assert answers.class_of(chat(one)) == answers.class_of(chat(other))


@pytest.mark.parametrize(
    ("one", "other"), [("1.5", "15"), ("yes", "no"), ("a b", "ab"), ("-4", "4"), ("5%", "5")]
)
def test_another_answer_is_another_class(one: str, other: str) -> None:
    assert answers.class_of(chat(one)) != answers.class_of(chat(other))


def test_a_class_is_sixteen_bytes_and_takes_in_every_choice() -> None:
    assert len(answers.class_of(chat("a", "b"))) == answers.CLASS_BYTES
    assert answers.class_of(chat("a", "b")) != answers.class_of(chat("a", "c"))


def test_text_is_found_in_completions_and_in_parts() -> None:
    assert answers.text(b'{"choices":[{"text":"plain"}]}') == "plain"
    assert answers.text(chat([{"type": "text", "text": "in "}, {"text": "parts"}])) == "in parts"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"choices":[{}]}', b'{"choices":3}', b"3"])
def test_what_has_no_words_has_no_class(body: bytes) -> None:
    assert answers.text(body) == ""
    assert answers.class_of(body) == answers.UNREAD
