"""docs/operations.md names every variable, command, process and signal that operators meet."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kora_site import environment
from kora_site.up import programs

OPERATIONS = (environment.ROOT / "docs" / "operations.md").read_text()
OURS = ("kora_site", "routing", "caching", "analytics", "teams", "inference")


def variables() -> set[str]:
    """What the environment is asked for, anywhere in the product."""
    sources = [path for app in OURS for path in (environment.ROOT / app).rglob("*.py")]
    asked = re.compile(
        r"(?:environ(?:\.get\(|\[)|flag\(|seconds\()\s*\"(KORA_[A-Z_]+|[A-Z_]+_IPS)\""
    )
    found = {name for path in sources for name in asked.findall(path.read_text())}
    return found - {"KORA_API_KEY"}  # stands in the examples that the console shows


def test_every_variable_is_named() -> None:
    asked = variables()
    assert {"KORA_HOME", "KORA_TLS", "FORWARDED_ALLOW_IPS"} <= asked
    assert [name for name in sorted(asked) if f"`{name}`" not in OPERATIONS] == []


def test_every_process_is_named() -> None:
    names = [program.name for program in programs.all_of(0, Path())]
    assert [name for name in names if f"`{name}`" not in OPERATIONS] == []


@pytest.mark.parametrize("app", OURS)
def test_every_command_is_named(app: str) -> None:
    folder = environment.ROOT / app / "management" / "commands"
    commands = [path.stem for path in folder.glob("[a-z]*.py")]
    assert [name for name in commands if f"manage.py {name}" not in OPERATIONS] == []


def test_every_target_of_make_is_a_word_of_the_documents() -> None:
    pages = "".join(path.read_text() for path in (environment.ROOT / "docs").glob("*.md"))
    makefile = (environment.ROOT / "Makefile").read_text()
    targets = re.findall(r"^(up|test|check|bench|bench-peers|lock):", makefile, re.MULTILINE)
    assert len(targets) == 6
    assert [name for name in targets if f"make {name}`" not in pages] == []
