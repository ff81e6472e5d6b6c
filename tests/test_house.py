"""The house keeps its shape: contracts bite, files stay short, words are written down."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inference.words import Failure
from kora_site import errors
from routing import questions
from routing.policy.values import VIRTUAL

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("kora_site", "routing", "caching", "analytics", "teams", "inference")
LONGEST_FILE = 400

BREACHES = [
    ("teams/breach.py", "from routing import pipeline", "Apps import one way"),
    ("analytics/breach.py", "from inference import words", "Who keeps the book"),
    ("inference/breach.py", "import django", "inference is a plain package"),
    ("routing/breach.py", "import litellm", "Only inference imports"),
    ("routing/signals/reading.py", "from routing import pipeline", "Floors inside an app"),
]


@pytest.mark.parametrize(("file", "line", "contract"), BREACHES)
def test_a_breach_of_an_import_contract_is_found(
    tmp_path: Path, file: str, line: str, contract: str
) -> None:
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("static"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a") as breached:
        breached.write(f"\n{line}\n")
    found = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode != 0
    assert re.search(re.escape(contract) + r".* BROKEN", found.stdout)


def test_no_file_outgrows_its_room() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if "migrations" not in path.parts
        and (lines := len(path.read_text().splitlines())) > LONGEST_FILE
    }
    assert not long


def _words(document: str) -> str:
    return (ROOT / "docs" / document).read_text()


@pytest.mark.parametrize("code", sorted(errors.DATA_PLANE))
def test_every_error_code_is_in_the_api_document_with_its_status(code: str) -> None:
    row = next(line for line in _words("api.md").splitlines() if f"`{code}`" in line)
    assert row.startswith(f"| {errors.DATA_PLANE[code]} |")


@pytest.mark.parametrize("extra", questions.EXTRAS)
def test_every_extra_is_in_the_api_document(extra: str) -> None:
    assert f"`x-kora-{extra}`" in _words("api.md")


def _source(room: str) -> str:
    return "\n".join(path.read_text() for path in (ROOT / room).glob("*.py"))


def test_every_response_header_is_in_the_api_document() -> None:
    sent = set(re.findall(r'"(x-kora-[a-z-]+)"', _source("routing"))) - {"x-kora-"}
    assert {"x-kora-request-id", "x-kora-tier", "x-kora-cost"} <= sent
    assert not {header for header in sent if f"`{header}`" not in _words("api.md")}


def test_every_reason_is_in_the_concepts() -> None:
    reasons = {f"policy:{goal}" for goal in VIRTUAL.values()} | {"policy:named-model"}
    reasons |= set(re.findall(r'"(cache:[a-z-]+)"', _source("caching") + _source("routing")))
    assert "cache:exact" in reasons
    assert not {reason for reason in reasons if f"`{reason}`" not in _words("concepts.md")}


@pytest.mark.parametrize("failure", list(Failure))
def test_every_failure_and_its_reaction_is_told_of_failures(failure: Failure) -> None:
    assert f"`{failure.value}`" in _words("failures.md")


def test_the_web_process_imports_no_model_library() -> None:
    """It never loads LiteLLM or a model that writes. llama.cpp comes for embeddings alone, behind
    the start; what a running web process holds is looked at in journeys/test_embeddings.py."""
    loaded = "import sys, kora_site.asgi, kora_site.urls; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", loaded],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"litellm", "llama_cpp", "torch", "openai"} & set(found.stdout.split())


def test_a_worker_opens_its_engine_room_before_the_tables_are_there() -> None:
    """Celery asks for the step while it is configured; what fails then, fails without a word."""
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import routing.worker"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
