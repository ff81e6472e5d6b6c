"""Failures on purpose: money under them, deadlines, disconnects, overload, a provider that goes."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

from benchmarks import suite
from benchmarks.overhead import Bar

PARTS: Mapping[str, str] = {
    "money": "benchmarks.faults.money",
    "admission": "benchmarks.faults.admission",
    "pacing": "benchmarks.faults.pacing",
    "deadlines": "benchmarks.faults.deadlines",
    "hedging": "benchmarks.faults.hedging",
    "trace": "benchmarks.faults.trace",
    "disconnects": "benchmarks.faults.disconnects",
    "overload": "benchmarks.faults.overload",
}
"""Each a module with `measure(Given)`, `table(found)` and `bars(found)`; one that has options of
its own adds them in `options(parser)`."""
ABSENT = "not measured: the evaluation data is not here (KORA_BENCH_DATA)"
Found = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a part may use."""

    seed: int
    options: argparse.Namespace
    """The part's own options among them."""


def made() -> list[str]:
    """The parts whose module is here."""
    return [name for name, module in PARTS.items() if importlib.util.find_spec(module)]


def arguments(given: list[str]) -> argparse.Namespace:
    """Which parts are asked for decides which options there are."""
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--parts", nargs="+", choices=made(), default=made())
    first.add_argument("--seed", type=int, default=1)
    first.add_argument("--keep", action="store_true", help="keep the folders with KORA's logs")
    chosen, _ = first.parse_known_args(given)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks faults", description=__doc__, parents=[first]
    )
    for part in map(_part, chosen.parts):
        if hasattr(part, "options"):
            part.options(parser)
    return parser.parse_args(given)


def main(words: list[str]) -> int:
    options = arguments(words)
    found, bars = measured(options.parts, Given(seed=options.seed, options=options))
    print("\n" + "\n".join(map(str, bars)))
    kept = [{**asdict(bar), "verdict": bar.verdict} for bar in bars]
    written = suite.save("faults", {"seed": options.seed, "parts": found, "bars": kept})
    print(f"\nWritten to {written}")
    return 0


def measured(parts: Sequence[str], given: Given) -> tuple[dict[str, Found], list[Bar]]:
    found: dict[str, Found] = {}
    bars: list[Bar] = []
    for name in parts:
        print(f"\n{name}\n", flush=True)
        part = _part(name)
        figures = part.measure(given)
        if figures is None:
            print(ABSENT)
            continue
        print(part.table(figures), flush=True)
        bars += part.bars(figures)
        found[name] = figures
    return found, bars


def _part(name: str) -> ModuleType:
    return importlib.import_module(PARTS[name])
