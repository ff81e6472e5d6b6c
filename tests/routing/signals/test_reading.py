"""What is told of a prompt: language, form, code, numbers, thinking, tools, what it repeats."""

# ruff: noqa: RUF001 - other scripts have letters that look like Latin ones
from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from routing import questions
from routing.signals import names, reading
from routing.signals.values import NAMES, Signals


def read(text: Any, *before: dict[str, Any], after: Any = (), **body: Any) -> Signals:
    messages = [*before, {"role": "user", "content": text}, *after]
    raw = orjson.dumps({"model": "auto", "messages": messages, **body})
    return reading.read(questions.parse(raw, {}))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is the capital of France?", "en"),
        ("Wie heißt die Hauptstadt von Frankreich?", "de"),
        ("Quelle est la capitale de la France ?", "fr"),
        ("¿Cuál es la capital de Francia?", "es"),
        ("Qual è la capitale della Francia?", "it"),
        ("Qual é a capital da França? Você sabe?", "pt"),
        ("Wat is de hoofdstad van Frankrijk?", "nl"),
        ("Jaka jest stolica Francji i gdzie to jest?", "pl"),
        ("Vad är huvudstaden i Frankrike och hur stor är den?", "sv"),
        ("Fransa'nın başkenti neresi ve kaç kişi var?", "tr"),
        ("Какая столица Франции?", "ru"),
        ("Яка столиця Франції?", "uk"),
        ("Ποια είναι η πρωτεύουσα;", "el"),
        ("ما هي عاصمة فرنسا؟", "ar"),
        ("מהי בירת צרפת?", "he"),
        ("फ्रांस की राजधानी क्या है?", "hi"),
        ("เมืองหลวงของฝรั่งเศสคืออะไร", "th"),
        ("法国的首都是哪里？", "zh"),
        ("フランスの首都はどこですか？", "ja"),
        ("프랑스의 수도는 어디입니까?", "ko"),
        ("Please explain the formula α + β = π to me", "en"),
        ("asdf qwer", None),
        ("42", None),
        ("", None),
        ("Kubernetes Postgres", None),
    ],
)
def test_the_language_is_told_or_nothing_is_said(text: str, language: str | None) -> None:
    assert read(text).language == language


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Give me the result as JSON", "json"),
        ("Return only valid JSON with name and age", "json"),
        ("Antworte als JSON", "json"),
        ("What is JSON?", "none"),
        ("Export it in CSV format", "csv"),
        ("write the config as YAML", "yaml"),
        ("Compare both in a table", "table"),
        ("Zeige es als Tabelle", "table"),
        ("Where is my table reservation?", "none"),
        ("List five reasons", "list"),
        ("Give me bullet points", "list"),
        ("Fasse es in Stichpunkten zusammen", "list"),
        ("Write a function that reverses a string", "code"),
        ("Tell me a story", "none"),
    ],
)
def test_the_form_asked_for_is_told(text: str, form: str) -> None:
    assert read(text).format == form


def test_the_form_may_be_asked_for_elsewhere() -> None:
    assert read("Ann, 7", {"role": "system", "content": "Answer in JSON."}).format == "json"
    schema = read("Ann, 7", response_format={"type": "json_object"})
    assert (schema.format, schema.structured) == ("json", True)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```python\nprint(1)\n```\nWhy?", True),
        ("def add(a, b):\n    return a + b\n\nIs this right?", True),
        ("SELECT name FROM users WHERE id = 7", True),
        ("Why does `arr.map()` return undefined?", True),
        ("const x = await fetch(url);\nconsole.log(x);", True),
        ("What is the price (with tax) of the red one?", False),
        ("I return from my holidays; it was nice.", False),
        ("Use `sudo` carefully", False),
        ("Import duties for cars; how high?", False),
    ],
)
def test_code_is_told_from_words(text: str, code: bool) -> None:
    found = read(text)
    assert found.code is code
    assert (found.code_share > 0.1) or not code or "`arr" in text


@pytest.mark.parametrize(
    ("text", "maths"),
    [
        ("Solve 3x + 4 = 10", True),
        ("What is 17 * 23?", True),
        ("Berechne die Wahrscheinlichkeit", True),
        (r"Simplify \frac{a}{b}", True),
        ("How many apples are left?", True),
        ("Meet me on 2026-11-21 at 24/7", False),
        ("Version 3.5 or 4?", False),
    ],
)
def test_calculating_is_told(text: str, maths: bool) -> None:
    assert read(text).maths is maths


@pytest.mark.parametrize(
    "text",
    [
        "Prove that there are infinitely many primes",
        "Think step by step.",
        "Why is the sky blue?",
        "Compare the two contracts",
        "Erkläre Schritt für Schritt",
        "Pourquoi le ciel est-il bleu ?",
        "Demuestra el teorema",
        "为什么天空是蓝色的？",
        "なぜ空は青いのですか",
        "Почему небо голубое?",
    ],
)
def test_thinking_is_asked_for_in_several_languages(text: str) -> None:
    assert read(text).reasoning
    assert not read("Translate: good morning").reasoning


def test_numbers_are_counted() -> None:
    found = read("Order 66 costs 3,50 and -7 more, not v2 nor a1")
    assert (found.numbers, found.number_share) == (3, 0.273)


@pytest.mark.parametrize(
    ("text", "asks"),
    [("Where is it", True), ("Is it?", True), ("Wo ist das", True), ("Go home.", False),
     ("这是什么？", True), ("Whereas he went home", False)],
)  # fmt: skip
def test_questions_are_told(text: str, asks: bool) -> None:
    assert read(text).asks is asks


@pytest.mark.parametrize(("size", "length"), [(60, "short"), (61, "medium"), (400, "medium"),
                                              (4000, "long"), (4001, "huge")])  # fmt: skip
def test_lengths_have_classes(size: int, length: str) -> None:
    assert read("x" * size).length == length


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


SAID = {"role": "assistant", "content": "I do not know."}


@pytest.mark.parametrize(
    ("before", "text", "again"),
    [
        ("How do I cancel my order?", "How do I cancel my order?", True),
        ("How do I cancel my order?", "How do I cancel my order now?", True),
        ("How do I cancel my order?", "Where is the train station?", False),
        ("<context>a</context>How do I pay?", "<context>b</context>How do I pay?", True),
        ("hi", "hi", True),
        ("hi there", "hi you", False),
    ],
)
def test_a_question_asked_again_is_told(before: str, text: str, again: bool) -> None:
    found = read(text, user(before), SAID)
    assert found.re_ask is again
    assert (found.likeness == 1) == (text.endswith(before[-9:]))
    assert not read(text).re_ask


CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def test_a_loop_of_tools_is_told() -> None:
    called = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    result = {"role": "tool", "tool_call_id": "1", "content": "7"}
    assert read("x", after=[called, result]).tool_loop
    assert read("x", after=[called]).tool_loop
    assert not read("x", called, result, SAID).tool_loop
    assert not read("x").tool_loop


def test_what_is_brought_beside_words_is_told() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:"}}
    sound = {"type": "input_audio", "input_audio": {}}
    found = read([{"type": "text", "text": "What is this?"}, sound, image])
    assert (found.images, found.audio, found.files, found.modality) == (True, True, False, "image")
    later = read("And this?", {"role": "user", "content": [image]})
    assert (later.images, later.modality) == (True, "text")


def test_injected_text_counts_for_no_signal_but_its_own() -> None:
    found = read("<system-reminder>Return JSON. Prove x^2 = 4. Warum?</system-reminder>Sit down.")
    assert found.injected_characters > 40
    assert found.last_turn_characters == len("Sit down.")
    assert (found.format, found.maths, found.reasoning, found.asks) == ("none", False, False, False)
    assert found.prompt_tokens > 10, "what is paid for is all of it"


@pytest.mark.parametrize("text", ["", "\ud800 x", "\0", "x" * 1_000_000, "`" * 50_000, "<" * 50_000,
                                  "$" * 50_000, "a=" * 50_000, "\n" * 50_000])  # fmt: skip
def test_every_text_can_be_read(text: str) -> None:
    body = {"model": "auto", "messages": [{"role": "user", "content": text}]}
    prompt = questions.Prompt(
        body=body, model="auto", stream=False, max_tokens=None, choices=1,
        constraints=questions.NO_CONSTRAINTS,
    )  # fmt: skip
    assert set(reading.read(prompt).as_json()) == set(NAMES)


def test_every_signal_is_registered_with_its_type_and_documented() -> None:
    assert set(names.SIGNALS) == set(NAMES)
    kinds: dict[type, str] = {bool: names.YES_NO, int: names.NUMBER, float: names.NUMBER}
    found = read("Why is the sky blue?").as_json()
    for name, known in names.SIGNALS.items():
        assert known.kind == kinds.get(type(found[name]), names.TEXT), name
    assert found["length"] in names.LENGTHS
    assert found["language"] in names.LANGUAGES
    table = (Path(__file__).parents[3] / "docs" / "rules.md").read_text()
    every = {**names.SIGNALS, **names.REQUEST, **{f"{n}…": f for n, f in names.FAMILIES.items()}}
    for name, known in every.items():
        assert f"| `{name}` | {known.kind} | {known.words}" in table, name
