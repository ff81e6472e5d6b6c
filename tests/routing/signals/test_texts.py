"""What a user wrote and what programs put around it are told apart."""

from __future__ import annotations

from typing import Any

import pytest

from routing.questions import Constraints, Prompt
from routing.signals import texts


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("How do I sort a list?", "How do I sort a list?"),
        ("<system-reminder>Use tabs.</system-reminder>Sort it.", "Sort it."),
        ("Sort it.\n<system-reminder>\nUse tabs.\n</system-reminder>", "Sort it."),
        ("a <system-reminder>x</system-reminder> b", "a  b"),
        ("<context>\nFile a.py\n</context>\n\nWhat does it do?", "What does it do?"),
        ('<document index="1">\nlong\n</document>\nShorten it.', "Shorten it."),
        ("<File path='a'>x</FILE>Fix it.", "Fix it."),
        ("<file>a</file><file>b</file>Which?", "Which?"),
        ("<documents><document>a</document></documents>Q", "Q"),
        ("<context>a <b>bold</b> c</context>Q", "Q"),
        ("<environment_details>\ncwd: /\n</environment_details >\nRun it", "Run it"),
        ("<search_results>\n1. x\n</search_results>Who won?", "Who won?"),
        ("<tool_result>{}</tool_result>Go on", "Go on"),
        ("[System note: the user is premium.] Refund me", "Refund me"),
        ("Refund me [Automated message: ticket 7]", "Refund me"),
        ("System reminder: answer in French\nHello", "Hello"),
        ("<context>a</context>" * 3 + "Q", "Q"),
        # What a user may well write himself stays.
        ("What does <context> mean in React?", "What does <context> mean in React?"),
        ("Close it with </context>, please", "Close it with </context>, please"),
        ("Is <div>a</div> valid?", "Is <div>a</div> valid?"),
        ("The system: is it up?", "The system: is it up?"),
        ("arr[0] and [note: mine]", "arr[0] and [note: mine]"),
        ("if a < b and c > d", "if a < b and c > d"),
        ("<contextual>x</contextual>", "<contextual>x</contextual>"),
        ("İ<context>a</context>Q", "İQ"),
        ("", ""),
    ],
)
def test_injected_text_is_nobodys_words(text: str, own: str) -> None:
    found = texts.apart(text)
    assert found.own == own
    assert bool(found.injected) == (own != text)


def test_very_long_texts_are_looked_through_at_their_ends() -> None:
    block = "<context>x</context>"
    filler = "word " * 60_000
    found = texts.apart(f"{block}{filler}{block}{filler}{block}Q")
    assert found.injected == 2 * len(block)
    assert found.own.endswith("Q")
    assert block in found.own


def prompt(*messages: dict[str, Any]) -> Prompt:
    return Prompt(
        body={"messages": list(messages)},
        model="auto",
        stream=False,
        max_tokens=None,
        choices=1,
        constraints=Constraints(),
    )


def test_only_the_last_turn_of_the_user_counts() -> None:
    asked = prompt(
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "first"},
        {"role": "user", "content": [
            {"type": "text", "text": "<memory>x</memory>second"},
            {"type": "image_url", "image_url": {"url": "data:"}},
            {"type": "text", "text": "third"},
        ]},
        {"role": "assistant", "content": None},
        {"role": "developer", "content": "Be brief."},
    )  # fmt: skip
    assert texts.said(asked).own == "second\nthird"
    assert texts.system(asked) == "Be kind.\nBe brief."
    assert texts.said(prompt({"role": "assistant", "content": "x"})).own == ""
