"""The file that ships is the one its facts describe, and it can do what it says at eight bits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks import mini
from inference.store import models, shipped_model
from training import chat
from training.sample import DIFFICULTIES
from training.tasks import TASKS

pytestmark = pytest.mark.skipif(not shipped_model.file().exists(), reason="kora-mini is not here")
MOST_BYTES = 16 * 1024 * 1024
ASKED = [
    ("Hi, I'm Wendy!", "Hello Wendy! How can I help you?"),
    ("Sort these numbers: 52, 7, 31", "7, 31, 52"),
    ("Make a bullet list: bread, cups and honey", "- bread\n- cups\n- honey"),
    ("Convert to JSON:\nname: Hugo\nage: 47", '{"name": "Hugo", "age": 47}'),
    ("Convert 12 km to m", "12000 m"),
    ("Nora lives in Lyon. Where does Nora live?", "Lyon"),
]


@pytest.fixture(scope="module")
def sitting() -> Iterator[mini.Sitting]:
    with mini.variants(shipped_model.file(), ["q8_0"]) as files:
        sitting = mini.Sitting(files["q8_0"])
        yield sitting
        sitting.engine.close()


def facts() -> dict[str, Any]:
    return dict(json.loads((shipped_model.FOLDER / "kora-mini.json").read_text()))


def test_the_file_is_the_one_its_facts_are_about() -> None:
    file = shipped_model.file()
    assert file.stat().st_size <= MOST_BYTES
    assert facts()["sha256"] == models.checksum(file) == facts()["measured"]["sha256"]
    found = models.inspect(file)
    assert (found.parameters, found.context) == (facts()["parameters"], facts()["context"])
    assert found.template


def test_its_page_shows_every_task_difficulty_and_precision() -> None:
    marks = shipped_model.marks()
    assert marks.variants == mini.VARIANTS
    assert [row[:2] for row in marks.rows] == [(t, d) for t in TASKS for d in DIFFICULTIES]
    assert all(share is not None for *_, shares in marks.rows for share in shares)


def test_its_facts_say_that_it_is_a_demo() -> None:
    assert "demo model" in facts()["about"]


def test_the_template_writes_what_it_was_trained_on(sitting: mini.Sitting) -> None:
    parts = sitting.chat.parts(
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": " Hello \n"},
            {"role": "assistant", "content": "Hello!"},
            {"role": "user", "content": "Bye"},
        ]
    )
    assert "".join(part.text for part in parts) == (
        f"{chat.BEGIN}{chat.SYSTEM}Be brief.{chat.END}{chat.USER}Hello{chat.END}"
        f"{chat.ASSISTANT}Hello!{chat.END}{chat.USER}Bye{chat.END}{chat.ASSISTANT}"
    )


def test_easy_wishes_are_answered_rightly(sitting: mini.Sitting) -> None:
    answers = sitting.answers([asked for asked, _ in ASKED])
    assert answers == [expected for _, expected in ASKED]


def test_it_says_that_it_is_a_demo_model(sitting: mini.Sitting) -> None:
    assert "demo model" in sitting.answers(["Who are you?"])[0]
