"""The files that people have of their questions and answers, as they come."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caching.errors import Unfit
from caching.imports import pairs
from caching.imports.pairs import Flaw, Pair

PLAIN = "question,answer\nWann öffnen Sie?,Um 9 Uhr.\n"


def taken(content: str | bytes) -> list[tuple[str, str]]:
    raw = content.encode() if isinstance(content, str) else content
    return [(each.question, each.answer) for each in pairs.read(raw) if isinstance(each, Pair)]


def flaws(content: str) -> list[tuple[int, str]]:
    return [(f.line, f.why) for f in pairs.read(content.encode()) if isinstance(f, Flaw)]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        PLAIN.encode("cp1252"),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        PLAIN.replace(",", "|").encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        b"sep=;\r\n" + PLAIN.replace(",", ";").encode(),
        PLAIN.replace("question,answer", '"Question"," ANSWER "').encode(),
        PLAIN.replace("question,answer", "prompt,completion").encode(),
        "answer,id,question\nUm 9 Uhr.,7,Wann öffnen Sie?\n".encode(),
        '{"question": "Wann öffnen Sie?", "answer": "Um 9 Uhr."}'.encode(),
        '\n{"q": "Wann öffnen Sie?", "a": "Um 9 Uhr.", "other": 1}\n\n'.encode("utf-8-sig"),
        '[{"question": "Wann öffnen Sie?", "answer": "Um 9 Uhr."}]'.encode(),
        '{"messages": [{"role": "user", "content": "Wann öffnen Sie?"},'
        ' {"role": "assistant", "content": "Um 9 Uhr."}]}'.encode(),
    ],
)
def test_is_read_whatever_wrote_it(content: bytes) -> None:
    assert taken(content) == [("Wann öffnen Sie?", "Um 9 Uhr.")]


def test_answers_of_several_lines_with_quotes_and_delimiters_stay_whole() -> None:
    said = 'First, "look".\n\nThen; go.'
    written = io.StringIO()
    csv.writer(written).writerows([["question", "answer"], ["How?", said], ["Why?", "So."]])
    assert taken(written.getvalue()) == [("How?", said), ("Why?", "So.")]


def test_a_quote_that_is_never_closed_is_said_to_take_the_rest_along() -> None:
    found = flaws('question,answer\nA?,a\n"broken,oops\n' + "B?,b\n" * 1500)
    assert [line for line, _ in found] == [3]
    assert "1,501 lines" in found[0][1]
    assert "a quote not closed" in found[0][1]


def test_each_line_that_will_not_do_is_named_with_its_place_and_reason() -> None:
    found = flaws(
        "question,answer\nGood?,Yes.\nNo answer?,\n,No question\n\nA?,b,c\n"
        f'"Two\nlines?",\nLong?,{"x" * (pairs.LONGEST_ANSWER + 1)}\nNul\0?,x\nOnly?\n'
    )
    assert [line for line, _ in found] == [3, 4, 6, 7, 9, 10, 11]
    whys = [why for _, why in found]
    assert whys[0] == "has no answer"
    assert whys[1] == "has no question"
    assert "more fields" in whys[2]
    assert f"{pairs.LONGEST_ANSWER:,}" in whys[4]
    assert "NUL" in whys[5]


def test_a_quote_that_never_ends_costs_no_more_than_it_swallowed() -> None:
    lines = "".join(f"Q{n}?,{'word ' * 40}\n" for n in range(2_000))
    found = list(pairs.read(f'question,answer\nFirst?,Yes.\nBad?,"no end\n{lines}'.encode()))
    assert isinstance(found[0], Pair)
    bad = next(each for each in found if isinstance(each, Flaw))
    assert bad.line == 3
    assert "CSV" in bad.why
    assert isinstance(found[-1], Pair)


def test_lines_of_json_that_will_not_do_are_named() -> None:
    turns = {"messages": [{"role": role, "content": "x"} for role in ("user", "assistant") * 2]}
    lines = ['{"question": "A?", "answer": "b"}', "{", "[1]", json.dumps(turns)]
    lines += ['{"question": 5, "answer": "b"}', '{"question": "A?", "answer": ["b"]}']
    found = flaws("\n".join(lines))
    assert [line for line, _ in found] == [2, 3, 4, 5, 6]
    assert "earlier turns" in found[2][1]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"hello\nworld", "`question` and `answer`"),
        (b"question,reply\nx,y", "`question` and `answer`"),
        (b"PK\x03\x04\0\0\x81\x8d", "no text"),
        (b"q\0u\0e\0", "no text"),
        (b"\xff\xfea", "no text"),
        (b"[{]", "JSON list"),
    ],
)
def test_a_file_that_is_none_of_them_says_so(content: bytes, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        list(pairs.read(content))


def test_a_pair_may_name_its_model_its_system_prompt_and_tags() -> None:
    content = 'question;answer;model;system;tags\nA?;b;auto:best;Be brief.;"area=returns, faq"\n'
    (pair,) = pairs.read(content.encode())
    assert isinstance(pair, Pair)
    assert (pair.model, pair.system) == ("auto:best", "Be brief.")
    assert pair.tags == {"area": "returns", "faq": ""}


def test_sample_questions_come_from_a_table_or_from_bare_lines() -> None:
    assert list(pairs.questions(PLAIN.encode())) == [(2, "Wann öffnen Sie?")]
    assert list(pairs.questions(b"One?\n\nTwo?\n")) == [(1, "One?"), (3, "Two?")]


@given(st.binary(max_size=400))
def test_no_file_whatever_is_in_it_breaks_the_reader(content: bytes) -> None:
    try:
        for each in pairs.read(b"question,answer\n" + content):
            assert each.line >= 2
    except Unfit:
        pass


@given(st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), min_size=1, max_size=5))
def test_what_json_lines_say_comes_back(said: list[tuple[str, str]]) -> None:
    content = "\n".join(json.dumps({"question": q, "answer": a}) for q, a in said)
    assert len(list(pairs.read(content.encode()))) == len(said)
