"""A mind and the evidence behind it as bytes, and back: arrays, nothing that runs (pure)."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from routing.learning.estimating import UNTAUGHT, Mind
from routing.learning.evidence import Evidence, Ring, Watch
from routing.learning.features import NAMES
from routing.learning.lengths import Heard, Lengths
from routing.learning.projecting import Projection
from routing.learning.quality import Cell, Learned, Nearness, Remembered

FORM = 1
Arrays = dict[str, npt.NDArray[Any]]


class UnreadableError(Exception):
    """What is kept was written by another KORA: it is learned anew."""


def pack(mind: Mind) -> bytes:
    learned = mind.quality
    told = {
        "form": FORM,
        "features": NAMES,
        "backends": learned.backends,
        "noise": learned.noise,
        "nearness": asdict(learned.nearness),
        "cells": [[*key, *_cell(cell)] for key, cell in learned.cells.items()],
        "embedder": learned.projection.embedder,
        "spread": mind.lengths.spread,
        "offsets": [[*key, offset] for key, offset in mind.lengths.offsets.items()],
    }
    known = learned.remembered
    arrays = {f"remembered.{each.name}": getattr(known, each.name) for each in fields(known)}
    return _bytes(told, {
        **arrays,
        "weights": learned.weights,
        "roots": learned.roots,
        "counts": learned.counts,
        "middle": learned.projection.middle,
        "directions": learned.projection.directions,
        "slope": mind.lengths.slope,
    })  # fmt: skip


def _cell(cell: Cell) -> list[list[float]]:
    return [np.round(cell.means, 5).tolist(), np.round(cell.counts, 3).tolist()]


def unpack(kept: bytes, version: int) -> Mind:
    """What was learned of other features than today's is not known any more."""
    try:
        told, arrays = _opened(kept)
    except UnreadableError:
        return UNTAUGHT
    cells = {
        (team, intent): Cell(means=np.array(means), counts=np.array(counts))
        for team, intent, means, counts in told["cells"]
    }
    remembered = {
        each.name: _single(arrays[f"remembered.{each.name}"]) for each in fields(Remembered)
    }
    return Mind(
        version=version,
        quality=Learned(
            backends=tuple(told["backends"]),
            projection=_projection(told, arrays),
            weights=arrays["weights"],
            roots=arrays["roots"],
            counts=arrays["counts"],
            noise=told["noise"],
            cells=cells,
            remembered=Remembered(**remembered),
            nearness=Nearness(**told["nearness"]),
        ),
        lengths=Lengths(
            slope=arrays["slope"],
            spread=told["spread"],
            offsets={(intent, backend): offset for intent, backend, offset in told["offsets"]},
        ),
    )


def pack_evidence(known: Evidence) -> bytes:
    told = {
        "form": FORM,
        "features": NAMES,
        "backends": known.backends,
        "embedder": known.projection.embedder,
        "outcomes": known.outcomes,
        "watches": [[getattr(w, name) for name in Watch.__slots__] for w in known.watches],
    }
    ring = {f"ring.{each.name}": getattr(known.ring, each.name) for each in fields(Ring)}
    heard = {f"heard.{each.name}": getattr(known.heard, each.name) for each in fields(Heard)}
    return _bytes(told, {
        **ring,
        **heard,
        "grams": known.grams,
        "pulls": known.pulls,
        "squares": known.squares,
        "middle": known.projection.middle,
        "directions": known.projection.directions,
    })  # fmt: skip


def unpack_evidence(kept: bytes) -> Evidence:
    told, arrays = _opened(kept)
    watches = [dict(zip(Watch.__slots__, each, strict=True)) for each in told["watches"]]
    return Evidence(
        projection=_projection(told, arrays),
        backends=tuple(told["backends"]),
        ring=Ring(**{each.name: arrays[f"ring.{each.name}"] for each in fields(Ring)}),
        grams=arrays["grams"],
        pulls=arrays["pulls"],
        squares=arrays["squares"],
        heard=Heard(**{each.name: arrays[f"heard.{each.name}"] for each in fields(Heard)}),
        watches=tuple(Watch(**each) for each in watches),
        outcomes=told["outcomes"],
    )


def _single(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array.astype(np.float32) if array.dtype == np.float64 else array


def _projection(told: dict[str, Any], arrays: Arrays) -> Projection:
    return Projection(
        embedder=told["embedder"], middle=arrays["middle"], directions=arrays["directions"]
    )


def _bytes(told: dict[str, Any], arrays: Arrays) -> bytes:
    """Halves of the numbers' bits are beyond what outcomes tell."""
    short = {
        name: array.astype(np.float32) if array.dtype == np.float64 else array
        for name, array in arrays.items()
    }
    words = np.frombuffer(json.dumps(told).encode(), dtype=np.uint8)
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, told=words, **short)
    return file.getvalue()


def _opened(kept: bytes) -> tuple[dict[str, Any], Arrays]:
    try:
        with np.load(io.BytesIO(kept), allow_pickle=False) as file:
            found: Arrays = {name: file[name] for name in file.files}
        told: dict[str, Any] = json.loads(found.pop("told").tobytes())
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise UnreadableError from error
    if told.get("form") != FORM or told.get("features") != list(NAMES):
        raise UnreadableError
    long = {
        name: array.astype(np.float64) if array.dtype == np.float32 else array
        for name, array in found.items()
    }
    return told, long
