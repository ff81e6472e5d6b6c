"""The embedder: forms of all-MiniLM-L6-v2 by time, memory and quality; callers at once; the web
process all in."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import processes, suite
from benchmarks.embed import over_http, texts
from benchmarks.embed.texts import Pairs
from benchmarks.overhead import Bar
from inference.embeddings import minilm
from inference.embeddings.wordpiece import WordPiece

SHIPPED, REFERENCE = "onnx-int8", "numpy-f32"
FORMS = (REFERENCE, "gguf-f16", "gguf-q8_0", SHIPPED)
SHORT, LONG = 12, 128
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
Found = dict[str, Any]


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks embed", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=1500, help="labelled pairs of the sample")
    parser.add_argument("--texts", type=int, default=320, help="asked one by one, and at once")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="lanes")
    parser.add_argument("--without-kora", action="store_true", help="only the embedder")
    parser.add_argument("--keep", action="store_true", help="keep the folder with KORA's logs")
    return parser.parse_args(given)


def main(given: list[str]) -> int:
    asked = arguments(given)
    with contextlib.ExitStack() as stack:
        folder = suite.folder(stack, keep=asked.keep)
        sample = texts.pairs(asked.pairs)
        _write_ids(folder, sample)
        found: Found = {"forms": _timed(folder, asked.rounds)}
        if sample is None:
            suite.say("no labelled pairs here: quality is not measured")
        else:
            found["quality"] = _quality(folder, sample)
        found["callers"] = _callers(folder, asked)
        if not asked.without_kora:
            suite.say("a whole KORA")
            found["kora"] = over_http.measure(folder, asked.texts)
    promises = bars(found)
    print(table(found))
    print("\n".join(str(bar) for bar in promises))
    kept = [{"text": bar.text, "value": bar.value, "verdict": bar.verdict} for bar in promises]
    print(f"\n{suite.save('embed', {**found, 'bars': kept})}")
    return int(any(bar.verdict == "MISS" for bar in promises))


def _write_ids(folder: Path, sample: Pairs | None) -> None:
    """Token numbers, so that every form reads the same and none pays for making them."""
    pieces = WordPiece(minilm.original().vocabulary, longest=minilm.LONGEST)
    ids = {
        "short": texts.sentences(pieces, tokens=SHORT, number=205),
        "long": texts.sentences(pieces, tokens=LONG, number=45),
        "pairs": [list(pieces.read(text).ids) for text in sample.texts] if sample else [],
    }
    (folder / "ids.json").write_text(json.dumps(ids))


def _timed(folder: Path, rounds: int) -> dict[str, Found]:
    """In turns, so that a noisy machine is as noisy to one as to the other."""
    cells: dict[str, list[Found]] = {form: [] for form in FORMS}
    for number in range(rounds):
        for form in FORMS:
            cell = _run(form, folder, "times")
            cells[form].append(cell)
            suite.say(f"round {number + 1}/{rounds}  {form:<10} p50 {cell['short']['p50_ms']} ms")
    return {form: _middle(each) for form, each in cells.items()}


def _run(form: str, folder: Path, what: str) -> Found:
    return _child([sys.executable, "-m", "benchmarks.embed.form", form, str(folder), what])


def _child(command: list[str]) -> Found:
    done = subprocess.run(
        command,
        cwd=processes.ROOT,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command[1:])} failed:\n{done.stderr[-2000:]}")
    told: Found = json.loads(done.stdout.splitlines()[-1])
    return told


def _middle(cells: list[Found]) -> Found:
    lengths = {
        length: {
            name: round(statistics.median(cell[length][name] for cell in cells), 3)
            for name in cells[0][length]
        }
        for length in ("short", "long")
    }
    plain = {name: statistics.median(cell[name] for cell in cells) for name in ("load_s", "rss_mb")}
    return {**lengths, **plain}


def _quality(folder: Path, sample: Pairs) -> dict[str, Found]:
    vectors = {}
    for form in FORMS:
        suite.say(f"quality of {form}")
        _run(form, folder, "vectors")
        vectors[form] = np.load(folder / f"{form}.npy")
    known = vectors[REFERENCE]
    return {
        form: {
            "auc": texts.auc(made, sample.same),
            "neighbour": texts.same_neighbour(made, known),
            "cosine_least": float((made * known).sum(axis=1).min()),
        }
        for form, made in vectors.items()
    }


def _callers(folder: Path, asked: argparse.Namespace) -> Found:
    """The middle of three processes by their ratio: each measures both within itself."""
    command = [sys.executable, "-m", "benchmarks.embed.callers", str(folder)]
    command += [str(asked.threads), str(asked.texts)]
    runs = sorted(
        (_child(command) for _ in range(asked.rounds)),
        key=lambda run: float(run["together_s"] / run["serial_s"]),
    )
    return runs[len(runs) // 2]


def bars(found: Mapping[str, Any]) -> list[Bar]:
    shipped, quality = found["forms"][SHIPPED], found.get("quality")
    lost = abs(quality[SHIPPED]["auc"] - quality[REFERENCE]["auc"]) if quality else None
    whole = found.get("kora")
    rows = (
        ("ms for 12 tokens, one thread, p50", shipped["short"]["p50_ms"], 2.0, True),
        ("AUC on the labelled pairs lost against 32 bits", lost, 0.005, True),
        ("texts a second by 32 callers, of one caller's", _gain(found["callers"]), 1.5, False),
        ("the same through the whole of KORA", _gain(whole) if whole else None, 1.5, False),
        ("MB resident of the web process, all in", whole and whole["web_rss_mb"], 450.0, True),
    )
    return [
        Bar(text=text, value=value, bound=bound, at_most=at_most)
        for text, value, bound, at_most in rows
    ]


def _gain(cell: Mapping[str, float]) -> float:
    return round(cell["together_s"] / cell["serial_s"], 3)


def table(found: Mapping[str, Any]) -> str:
    head = f"{'':<12} {'12 tok p50':>10} {'p99':>7} {'CPU':>7} {'128 tok p50':>11} {'CPU':>7}"
    head += f" {'load s':>7} {'MB':>6} {'AUC':>7} {'same NN':>8} {'cosine >=':>9}"
    lines = [head, "-" * len(head)]
    for form, cell in found["forms"].items():
        lines.append(_line(form, cell, found.get("quality", {}).get(form)))
    for name, where in (("embedder", "callers"), ("KORA", "kora")):
        if cell := found.get(where):
            told = f"{cell['serial_s']:.0f} texts/s by one caller, {cell['together_s']:.0f} by 32"
            lines.append(f"{name:<12} {told}")
    return "\n".join([*lines, ""])


def _line(form: str, cell: Mapping[str, Any], quality: Mapping[str, float] | None) -> str:
    short, long = cell["short"], cell["long"]
    line = f"{form:<12} {short['p50_ms']:>10.2f} {short['p99_ms']:>7.2f} {short['cpu_ms']:>7.2f}"
    line += f" {long['p50_ms']:>11.2f} {long['cpu_ms']:>7.2f} {cell['load_s']:>7.2f}"
    line += f" {cell['rss_mb']:>6.0f}"
    if quality is None:
        return line
    line += f" {quality['auc']:>7.4f} {quality['neighbour']:>8.4f}"
    return f"{line} {quality['cosine_least']:>9.4f}"
