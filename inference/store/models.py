"""The store of model files: `<folder>/<name>/<variant>.gguf`, each with a record beside it.

A file counts only once its record stands, and the record is written last: whatever is interrupted
leaves nothing half to be found. The web process reads here too, so nothing loads llama.cpp.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inference.store import facts, incoming
from inference.store.errors import (
    AbsentModelError,
    BadModelError,
    DamagedModelError,
    ModelError,
)
from inference.store.facts import Facts

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
USUAL = "q8_0"
"""What a bare name finds first: close to the original at half its size."""
INCOMING = ".incoming"

inspect = facts.inspect


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFile:
    name: str
    variant: str
    path: Path
    source: str
    sha256: str
    facts: Facts
    imported_at: datetime
    speed: Mapping[str, Any] = field(default_factory=dict)
    """What `models bench` measured on this machine; empty before."""
    checked_mtime_ns: int = 0
    """Of the file whose checksum was last found right; 0: of none, look again."""
    stamp: tuple[int, int, int] = (0, 0, 0)
    """Size, time of its last change and number of the file as it is now."""

    @property
    def damaged(self) -> bool:
        """Its size alone says so; most damage only a checksum tells."""
        return self.stamp[0] != self.facts.bytes

    @property
    def reference(self) -> str:
        return f"{self.name}:{self.variant}"


class Store:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._wrong: set[tuple[int, int, int]] = set()
        """Stamps of files whose checksum this process has found wrong."""

    def find(self, reference: str) -> ModelFile:
        """By `name:variant`; a bare name means its usual variant, or else its largest."""
        model = self.look(reference)
        if model.damaged:
            raise DamagedModelError(
                model.reference,
                f"it has {model.stamp[0]} bytes where {model.facts.bytes} were taken in",
            )
        return model

    def look(self, reference: str) -> ModelFile:
        """As `find`, damaged or not, but rather a whole one."""
        name, variant = split(reference)
        found = [self._read(name, variant)] if variant else self._variants(name)
        there = [model for model in found if model]
        if not there:
            raise AbsentModelError(
                f"The model {reference} is not in the store; `manage.py models list` shows what is."
            )
        return max(
            there,
            key=lambda model: (not model.damaged, model.variant == USUAL, model.facts.bytes),
        )

    def verify(self, model: ModelFile, *, anyway: bool = False) -> None:
        """Raises DamagedModelError. The checksum is computed if the file has changed since it was
        last found right, or `anyway`; for gigabytes that takes a while."""
        if model.damaged:
            self.find(model.reference)
        if model.checked_mtime_ns == model.stamp[1] and not anyway:
            return
        if model.stamp in self._wrong or checksum(model.path) != model.sha256:
            self._wrong.add(model.stamp)
            self._note(model, 0)
            raise DamagedModelError(model.reference, "its checksum differs")
        self._note(model, model.stamp[1])

    def all_files(self) -> list[ModelFile]:
        """Damaged ones too, so that they can be seen and removed."""
        names = sorted(path.name for path in _folders(self.folder))
        return [model for name in names for model in self._variants(name)]

    def import_file(
        self, path: Path, reference: str, *, move: bool = False, source: str = ""
    ) -> ModelFile:
        """Takes a copy, or the file itself; a bad one is refused before anything is written."""
        found = facts.inspect(path)
        _must_be_of_use(found)
        self.must_be_free(":".join(_named(reference, found)))
        if not move:
            incoming.must_fit(self.folder, found.bytes)
        with self.incoming() as folder:
            taken = folder / "model.gguf"
            _move(path, taken) if move else _copy(path, taken)
            try:
                return self.keep(taken, reference, source=source or f"file {path.name}")
            except ModelError:
                if move:
                    _move(taken, path)
                raise

    def keep(self, taken: Path, reference: str, *, source: str) -> ModelFile:
        """Makes a finished file of `incoming` visible under this name, or refuses and leaves it."""
        found = facts.inspect(taken)
        _must_be_of_use(found)
        name, variant = _named(reference, found)
        model = ModelFile(
            name=name,
            variant=variant,
            path=self._place(name, variant),
            source=source,
            sha256=checksum(taken),
            facts=found,
            imported_at=datetime.now(UTC),
        )
        with self._alone():
            self.must_be_free(model.reference)
            model.path.parent.mkdir(parents=True, exist_ok=True)
            _settle(taken)
            taken.replace(model.path)
            stamp = _stamp(model.path)
            model = replace(model, checked_mtime_ns=stamp[1], stamp=stamp)
            self._record(model)
        return model

    def must_be_free(self, reference: str) -> None:
        """A damaged one is in nobody's way."""
        there = self._read(*split(reference))
        if there and not there.damaged:
            raise ModelError(f"{reference} exists already; remove it first.")

    def note_speed(self, reference: str, speed: Mapping[str, Any]) -> ModelFile:
        with self._alone():
            model = replace(self.find(reference), speed=dict(speed))
            self._record(model)
        return model

    def remove(self, reference: str) -> ModelFile:
        """A process that has it open keeps it until it closes it."""
        with self._alone():
            model = self.look(reference)
            _record_of(model.path).unlink()
            model.path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # other variants
                model.path.parent.rmdir()
        return model

    @contextlib.contextmanager
    def incoming(self) -> Iterator[Path]:
        """A folder on the store's disk for what is being made; gone afterwards, or, when this
        process is killed, when the next one begins."""
        with self._alone():
            begun = incoming.begin(self.folder / INCOMING)
        with incoming.held(*begun) as folder:
            yield folder

    def sweep(self) -> None:
        """Deletes what killed processes have left."""
        if self.folder.exists():
            with self._alone():
                incoming.sweep(self.folder / INCOMING)

    def _place(self, name: str, variant: str) -> Path:
        return self.folder / name / f"{variant}.gguf"

    def _variants(self, name: str) -> list[ModelFile]:
        files = sorted((self.folder / name).glob("*.json"))
        return [model for path in files if (model := self._read(name, path.stem))]

    def _read(self, name: str, variant: str) -> ModelFile | None:
        """None unless its record stands."""
        path = self._place(name, variant)
        try:
            stored = json.loads(_record_of(path).read_text())
            return _of_json(stored, name=name, variant=variant, path=path)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _record(self, model: ModelFile) -> None:
        path = _record_of(model.path)
        fresh = path.with_suffix(".json.new")
        fresh.write_text(json.dumps(_as_json(model), indent=1))
        _settle(fresh)
        fresh.replace(path)
        _settle(path.parent)

    def _note(self, model: ModelFile, mtime_ns: int) -> None:
        """Another may have removed or replaced it meanwhile, or the disk may be read-only."""
        with contextlib.suppress(OSError, ModelError), self._alone():
            now = self.look(model.reference)
            if now.sha256 == model.sha256 and now.checked_mtime_ns != mtime_ns:
                self._record(replace(now, checked_mtime_ns=mtime_ns))

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time changes what is visible."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def split(reference: str) -> tuple[str, str]:
    """Name and variant, which may be empty; refuses what could leave the store's folder."""
    name, _, variant = reference.partition(":")
    for part in (name, *([variant] if ":" in reference else [])):
        if not NAME.fullmatch(part):
            raise ModelError(
                f"{reference!r} is no name of a model: use letters, digits, dots, dashes and "
                "underscores, such as kora-mini:q8_0."
            )
    return name, variant.lower()


def _named(reference: str, found: Facts) -> tuple[str, str]:
    """A file that comes under a bare name is the variant that it says it is."""
    name, variant = split(reference)
    return name, variant or split(f"x:{found.quantisation}")[1]


def _must_be_of_use(found: Facts) -> None:
    if not found.context and not found.embeds:
        raise BadModelError(
            "The file does not say how many tokens its model can hold (context_length), so "
            "llama.cpp would not load it."
        )


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_store: Store | None = None


def use(folder: Path) -> None:
    """Says once in each process where the store is; `find` and the rest then mean it."""
    global _store
    _store = Store(folder)


def store() -> Store:
    if _store is None:
        raise ModelError("Nobody has said where the models are kept (models.use).")
    return _store


def find(reference: str) -> ModelFile:
    return store().find(reference)


def look(reference: str) -> ModelFile:
    return store().look(reference)


def all_files() -> list[ModelFile]:
    return store().all_files()


def _folders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir() and NAME.fullmatch(path.name)]
    except FileNotFoundError:
        return []


def _record_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}.json")


def _as_json(model: ModelFile) -> dict[str, Any]:
    return {
        "source": model.source,
        "sha256": model.sha256,
        "imported_at": model.imported_at.isoformat(),
        "facts": model.facts.as_json(),
        "speed": dict(model.speed),
        "checked_mtime_ns": model.checked_mtime_ns,
    }


def _of_json(stored: Mapping[str, Any], *, name: str, variant: str, path: Path) -> ModelFile:
    return ModelFile(
        name=name,
        variant=variant,
        path=path,
        source=str(stored["source"]),
        sha256=str(stored["sha256"]),
        imported_at=datetime.fromisoformat(stored["imported_at"]),
        facts=Facts.of_json(stored["facts"]),
        speed=dict(stored.get("speed") or {}),
        checked_mtime_ns=int(stored.get("checked_mtime_ns") or 0),
        stamp=_stamp(path),
    )


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return (0, 0, 0)
    return (found.st_size, found.st_mtime_ns, found.st_ino)


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise ModelError(f"{source.name} cannot be copied: {error.strerror}.") from error


def _move(source: Path, target: Path) -> None:
    try:
        shutil.move(source, target)
    except OSError as error:
        raise ModelError(f"{source.name} cannot be moved: {error.strerror}.") from error


def _settle(path: Path) -> None:
    """On the disk before anything says that it is there."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
