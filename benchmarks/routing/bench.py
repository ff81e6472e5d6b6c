"""Choosing a backend: its speed, its intents, what it learns, what it says of edits before them."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import suite
from benchmarks.cache import vectors
from benchmarks.cache.vectors import Vectors
from benchmarks.overhead import Bar
from inference.embeddings import minilm
from inference.store.models import Store

PARTS: Mapping[str, str] = {
    "decision": "benchmarks.routing.decision",
    "intents": "benchmarks.routing.intents",
    "tables": "benchmarks.routing.tables",
    "online": "benchmarks.routing.online",
    "gateway": "benchmarks.routing.gateway",
    "ope": "benchmarks.routing.ope",
    "publishing": "benchmarks.routing.publishing",
    "experiments": "benchmarks.routing.experiments",
}
"""Each a module with `measure(Given)`, `table(found)` and `bars(found)`."""
ABSENT = "not measured: the evaluation data is not here (KORA_BENCH_DATA)"
Found = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a part may use."""

    seed: int
    made: Callable[[Sequence[str]], Vectors]
    """Vectors by KORA's own embedder, made once and kept."""
    options: argparse.Namespace


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks routing", description=__doc__)
    usual = [name for name in PARTS if name != "gateway"]
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=usual)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=0, help="of `gateway` and `publishing`")
    return parser.parse_args(given)


def main(words: list[str]) -> int:
    options = arguments(words)
    home = Path(os.environ.get("KORA_HOME", "var"))
    found: dict[str, Found] = {}
    bars: list[Bar] = []
    with contextlib.ExitStack() as stack:
        given = Given(seed=options.seed, made=_maker(stack, home), options=options)
        for name in options.parts:
            print(f"\n{name}\n", flush=True)
            part = importlib.import_module(PARTS[name])
            measured = part.measure(given)
            if measured is None:
                print(ABSENT)
                continue
            print(part.table(measured), flush=True)
            bars += part.bars(measured)
            found[name] = measured
    print("\n" + "\n".join(map(str, bars)))
    kept = [{**asdict(bar), "verdict": bar.verdict} for bar in bars]
    written = suite.save("routing", {"seed": options.seed, "parts": found, "bars": kept})
    print(f"\nWritten to {written}")
    return 0


def _maker(stack: contextlib.ExitStack, home: Path) -> Callable[[Sequence[str]], Vectors]:
    """The embedder's file is only made when a part asks for a vector."""
    places: list[Path] = []

    def made(texts: Sequence[str]) -> Vectors:
        if not places:
            places.append(suite.folder(stack, keep=False) / "models")
            minilm.place(Store(places[0]))
        return vectors.of(texts, models=places[0], kept=home / "bench" / "vectors")

    return made
