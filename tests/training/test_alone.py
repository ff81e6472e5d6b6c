"""Making the model and running KORA have nothing to do with each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {"kora_site", "routing", "caching", "analytics", "teams", "inference", "benchmarks"}
TRAINING = {"training", "torch"}


def imported(folder: str) -> Iterator[tuple[str, str]]:
    """File and the first word of what it imports."""
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield str(path), node.module.partition(".")[0]
            elif isinstance(node, ast.Import):
                yield from ((str(path), name.name.partition(".")[0]) for name in node.names)


def test_training_imports_no_room() -> None:
    assert not [found for found in imported("training") if found[1] in ROOMS]


def test_no_room_imports_training_or_torch() -> None:
    rooms = ROOMS - {"benchmarks"}
    assert not [found for room in rooms for found in imported(room) if found[1] in TRAINING]
