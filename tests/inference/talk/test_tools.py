from __future__ import annotations

import json
from typing import Any

import pytest

from inference.talk import tools
from inference.talk.tools import HERMES, LLAMA, MISTRAL, Called, Form, Reader

NAMES = frozenset({"height", "now"})
CALL = '{"name": "height", "arguments": {"of": "Rigi"}}'
OTHER = '{"name": "now", "arguments": {}}'
PARAMETERS = '{"name": "height", "parameters": {"of": "}{"}}'
HEIGHT = Called(name="height", arguments='{"of": "Rigi"}')
NOW = Called(name="now", arguments="{}")
TRICKY = Called(name="height", arguments='{"of": "}{"}')

CASES: list[tuple[str, Form, str, list[str | Called]]] = [
    ("plain text", HERMES, "It is 1797 m.", ["It is 1797 m."]),
    ("a call", HERMES, f"<tool_call>\n{CALL}\n</tool_call>", [HEIGHT]),
    ("space before it", HERMES, f"\n\n<tool_call>\n{CALL}\n</tool_call>\n", [HEIGHT]),
    ("text before it", HERMES, f"Wait. <tool_call>{CALL}</tool_call>", ["Wait. ", HEIGHT]),
    ("two", HERMES, f"<tool_call>{CALL}</tool_call>\n<tool_call>{OTHER}</tool_call>", [
        HEIGHT, NOW]),
    ("text after it", HERMES, f"<tool_call>{CALL}</tool_call> Done", [HEIGHT, "Done"]),
    ("never closed", HERMES, f"<tool_call>\n{CALL}", [HEIGHT]),
    ("without its mark", HERMES, CALL, [HEIGHT]),
    ("cut off", HERMES, '<tool_call>\n{"name": "hei', ['<tool_call>\n{"name": "hei']),
    ("no JSON", HERMES, "<tool_call>{a b}</tool_call>", ["<tool_call>{a b}</tool_call>"]),
    ("no object", HERMES, "<tool_call>hello", ["<tool_call>hello"]),
    ("not offered", HERMES, '<tool_call>{"name": "rm", "arguments": {}}', [
        '<tool_call>{"name": "rm", "arguments": {}}']),
    ("arguments that are none", HERMES, '{"name": "now", "arguments": 3}', [
        '{"name": "now", "arguments": 3}']),
    ("arguments in quotes", HERMES, '{"name": "now", "arguments": "{}"}', [NOW]),
    ("JSON that is an answer", HERMES, '{"height": 1797}', ['{"height": 1797}']),
    ("half a mark", HERMES, "a <tool_ b <tool_call", ["a <tool_ b <tool_call"]),
    ("a list", MISTRAL, f"[TOOL_CALLS] [{CALL}, {OTHER}]", [HEIGHT, NOW]),
    ("a list alone", MISTRAL, f"[{CALL}]", [HEIGHT]),
    ("brackets in a text", MISTRAL, "[TOO bad] [1]", ["[TOO bad] [1]"]),
    ("as Llama writes", LLAMA, PARAMETERS, [TRICKY]),
    ("as Llama marks", LLAMA, f"<|python_tag|>{PARAMETERS}; {PARAMETERS}", [TRICKY, TRICKY]),
    ("Python", LLAMA, "<|python_tag|>print({})", ["<|python_tag|>print({})"]),
    ("wrapped", LLAMA, f'{{"type": "function", "function": {CALL}}}', [HEIGHT]),
    ("no number of JSON", LLAMA, '{"name": "now", "parameters": {"x": NaN}}', [
        '{"name": "now", "parameters": {"x": NaN}}']),
]  # fmt: skip


def joined(parts: list[str | Called]) -> list[str | Called]:
    """Neighbouring texts are one: how they were cut is nobody's business."""
    found: list[str | Called] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        elif part:
            found.append(part)
    return found


@pytest.mark.parametrize(("form", "text", "expected"), [case[1:] for case in CASES],
                         ids=[case[0] for case in CASES])  # fmt: skip
def test_calls_are_told_from_text_however_the_text_was_cut(
    form: Form, text: str, expected: list[str | Called]
) -> None:
    for size in (1, 2, 3, 7, 1000):
        reader = Reader(form, NAMES, forced=False)
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        parts = [part for piece in pieces for part in reader.feed(piece)]
        assert joined([*parts, *reader.end()]) == expected, size


def test_text_is_not_held_back_longer_than_it_must() -> None:
    reader = Reader(HERMES, NAMES, forced=False)
    assert reader.feed("It is") == ["It is"]
    assert reader.feed(" 3 < 4") == [" 3 < 4"]
    assert reader.feed(" <tool") == [" "]
    assert reader.feed("box>") == ["<toolbox>"]


FORMS: list[tuple[str, Form]] = [
    ("… <tool_call> …", HERMES), ("… [TOOL_CALLS] …", MISTRAL), ("{% if tools %}", LLAMA),
]  # fmt: skip


@pytest.mark.parametrize(("template", "form"), FORMS)
def test_the_template_says_how_calls_are_written(template: str, form: Form) -> None:
    assert tools.form_of(template) is form


@pytest.mark.parametrize("form", [HERMES, MISTRAL, LLAMA])
def test_a_forced_call_is_read_back_after_its_beginning(form: Form) -> None:
    """What `forced` allows, `Reader` understands: here the texts, in test_local the model."""
    reader = Reader(form, NAMES, forced=True)
    body = json.dumps({"name": "now", form.arguments: {}})
    text = f"[{body}]" if form.listed else f"{body}\n{form.closes}"
    assert joined([*reader.feed(text), *reader.end()]) == [NOW]
    offered: list[dict[str, Any]] = [{"name": "now"}]
    assert "now" in tools.forced(form, offered, most=1)
