"""kora-mini, the demo model that comes with KORA: puts it into the store, and knows its marks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from inference.store import models, quantising
from inference.store.errors import AbsentModelError, ModelError
from inference.store.models import ModelFile, Store
from inference.store.quantising import Progress

NAME = "kora-mini"
VARIANT = "q8_0"
REFERENCE = f"{NAME}:{VARIANT}"
ORIGINAL = f"{NAME}:f16"
SOURCE = "shipped with KORA"
MADE_BY_US = frozenset({SOURCE, "quantised from f16"})
FOLDER = Path(__file__).with_name("shipped")
PLACED = ".shipped.json"
"""Which file was placed: one that an operator removed afterwards does not come back."""


def file() -> Path:
    return FOLDER / f"{NAME}-f16.gguf"


def is_due(store: Store) -> bool:
    """This release brings a file that this store has never had, or what it has is damaged."""
    if not file().exists():
        return False
    return _placed(store) != models.checksum(file()) or bool(_damaged(store))


def place(store: Store, progress: Progress = quantising.quiet) -> ModelFile:
    """Whatever a kill leaves undone is done by the next call."""
    _clear_older(store)
    for reference in _damaged(store):
        store.remove(reference)
    if not _has(store, ORIGINAL):
        store.import_file(file(), ORIGINAL, source=SOURCE)
    if not _has(store, REFERENCE):
        quantising.quantise(store, ORIGINAL, VARIANT, progress=progress)
    placed = json.dumps({NAME: models.checksum(file())})
    fresh = store.folder / f"{PLACED}.new"
    fresh.write_text(placed)
    fresh.replace(store.folder / PLACED)
    return store.find(REFERENCE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    """How many of its held-out prompts each variant got right, by task and difficulty."""

    variants: tuple[str, ...] = ()
    rows: tuple[tuple[str, str, tuple[float | None, ...]], ...] = ()
    """Task, difficulty, and a share of one for each variant."""
    note: str = ""


def marks() -> Marks:
    """Read from `shipped/kora-mini.json`: `{"accuracy": {task: {difficulty: {variant: share}}},
    "measured": {"prompts_per_task": 300}}`. Without the file, or in another form, there are none.
    """
    try:
        stored = json.loads((FOLDER / f"{NAME}.json").read_text())
        return _marks(stored["accuracy"], _note(stored.get("measured", {})))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Marks()


def _marks(accuracy: dict[str, dict[str, dict[str, float]]], note: str) -> Marks:
    flat = [
        (task, difficulty, shares)
        for task, levels in accuracy.items()
        for difficulty, shares in levels.items()
    ]
    variants = tuple(dict.fromkeys(name for *_, shares in flat for name in shares))
    rows = (
        (task, difficulty, tuple(_share(shares.get(name)) for name in variants))
        for task, difficulty, shares in flat
    )
    return Marks(variants=variants, rows=tuple(rows), note=note)


def _note(measured: dict[str, int]) -> str:
    prompts = measured.get("prompts_per_task")
    return f"{prompts} prompts a task, at temperature 0." if prompts else ""


def _share(said: float | None) -> float | None:
    return None if said is None else float(said)


def _clear_older(store: Store) -> None:
    """An earlier release's goes, with what was made of it; somebody's own of that name stays."""
    shipped = models.checksum(file())
    older = [model for model in store.all_files() if model.name == NAME]
    original = next((model for model in older if model.reference == ORIGINAL), None)
    if original is None or original.sha256 == shipped:
        return
    if original.source != SOURCE:
        raise ModelError(f"Another model is called {ORIGINAL} in this store.")
    for model in older:
        store.remove(model.reference)


def _damaged(store: Store) -> list[str]:
    """Of what was placed here by us; both are small enough to be read at every start."""
    found = []
    for model in store.all_files():
        if model.reference in {ORIGINAL, REFERENCE} and model.source in MADE_BY_US:
            try:
                store.verify(model, anyway=True)
            except ModelError:
                found.append(model.reference)
    return found


def _has(store: Store, reference: str) -> bool:
    try:
        store.find(reference)
    except AbsentModelError:
        return False
    return True


def _placed(store: Store) -> str:
    try:
        return str(json.loads((store.folder / PLACED).read_text())[NAME])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
