"""One form of the model in a process of its own: its times, its memory, and its vectors."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Embed = Callable[[Sequence[int]], Any]
WARM = 5


def numpy_f32(_folder: Path) -> Embed:
    from inference.embeddings import minilm, reference

    weights = {name: np.array(array) for name, array in minilm.original().weights.items()}
    return lambda ids: reference.embed(weights, ids)


def gguf(folder: Path, variant: str, engine: str) -> Embed:
    from inference.embeddings import encoders, gguf_file, minilm

    path = folder / f"{variant}.gguf"
    if not path.exists():
        gguf_file.write(path, minilm.original(), variant)
    lane = encoders.open_weights(path, engine).lane(most_tokens=256, most_texts=64)
    return lambda ids: lane.encode([ids])[0]


FORMS: dict[str, Callable[[Path], Embed]] = {
    "numpy-f32": numpy_f32,
    "gguf-f16": lambda folder: gguf(folder, "f16", "llama.cpp"),
    "gguf-q8_0": lambda folder: gguf(folder, "q8_0", "llama.cpp"),
    "onnx-int8": lambda folder: gguf(folder, "q8_0", "onnx"),
}


def main() -> None:
    name, folder, what = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    ids = json.loads((folder / "ids.json").read_text())
    FORMS[name](folder)  # makes the file, which is no part of what is measured
    if what == "vectors":
        embed = FORMS[name](folder)
        np.save(folder / f"{name}.npy", np.stack([embed(each) for each in ids["pairs"]]))
        print("{}")
        return
    print(json.dumps(measured(FORMS[name], folder, ids)))


def measured(form: Callable[[Path], Embed], folder: Path, ids: dict[str, Any]) -> dict[str, Any]:
    began = time.perf_counter()
    embed = form(folder)
    embed(ids["short"][0])
    found: dict[str, Any] = {"load_s": round(time.perf_counter() - began, 3)}
    for length in ("short", "long"):
        found[length] = times(embed, ids[length])
    status = Path("/proc/self/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return {**found, "rss_mb": round(int(resident.split()[1]) / 1024, 1)}


def times(embed: Embed, texts: Sequence[Sequence[int]]) -> dict[str, float]:
    for text in texts[:WARM]:
        embed(text)
    walls, took = [], []
    for text in texts[WARM:]:
        began, computed = time.perf_counter(), time.thread_time()
        embed(text)
        took.append((time.thread_time() - computed) * 1000)
        walls.append((time.perf_counter() - began) * 1000)
    return {
        "p50_ms": round(float(np.quantile(walls, 0.5)), 3),
        "p99_ms": round(float(np.quantile(walls, 0.99)), 3),
        "cpu_ms": round(float(np.quantile(took, 0.5)), 3),
    }


if __name__ == "__main__":
    main()
