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


def gguf(folder: Path, variant: str) -> Embed:
    from inference.embeddings import gguf_file, minilm, native

    path = folder / f"{variant}.gguf"
    if not path.exists():
        gguf_file.write(path, minilm.original(), variant)
    lane = native.Lane(native.Weights(path), most_tokens=256, most_texts=64)
    return lambda ids: lane.encode([ids])[0]


def onnx(folder: Path, variant: str) -> Embed:
    path = folder / f"{variant}.onnx"
    if not path.exists():
        _write_onnx(folder, variant)
    import onnxruntime  # type: ignore[import-not-found]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    return lambda ids: session.run(None, {"ids": np.array(ids)})[0]


def _write_onnx(folder: Path, variant: str) -> None:
    from benchmarks.embed import onnx_graph
    from inference.embeddings import minilm

    whole = folder / "f32.onnx"
    if not whole.exists():
        onnx_graph.write(whole, minilm.original().weights)
    if variant == "int8":
        from onnxruntime.quantization import (  # type: ignore[import-not-found]
            QuantType,
            quantize_dynamic,
        )

        quantize_dynamic(whole, folder / "int8.onnx", weight_type=QuantType.QInt8)


FORMS: dict[str, Callable[[Path], Embed]] = {
    "numpy-f32": numpy_f32,
    "gguf-f16": lambda folder: gguf(folder, "f16"),
    "gguf-q8_0": lambda folder: gguf(folder, "q8_0"),
    "onnx-f32": lambda folder: onnx(folder, "f32"),
    "onnx-int8": lambda folder: onnx(folder, "int8"),
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
