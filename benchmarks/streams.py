"""What KORA adds to a streamed answer: time to the first chunk, and CPU for each chunk."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path

from benchmarks import kora, overhead, suite
from benchmarks.overhead import DIRECT, PASS
from benchmarks.suite import Cells, Row

TOKENS = 64


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks streams", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each cell of a round")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--gap-ms", type=float, default=10.0, help="pause between two tokens")
    parser.add_argument("--without-kora", action="store_true", help="only what it is compared with")
    parser.add_argument("--without-peers", action="store_true", help="no LiteLLM proxy")
    parser.add_argument("--keep", action="store_true", help="keep the folder with KORA's logs")
    return parser.parse_args(given)


@contextlib.contextmanager
def served(given: argparse.Namespace, folder: Path) -> Iterator[list[Row]]:
    manner = ("--tokens", str(TOKENS), "--gap-ms", str(given.gap_ms))
    asked = ("--stream", "--unique", "--warmup", "8")
    with contextlib.ExitStack() as stack:
        upstream, mock = overhead.start_mock(stack, folder, *manner)
        direct = suite.load(f"{upstream}/chat/completions", *asked)
        rows = [Row(name=DIRECT, command=direct, roots=(mock,))]
        if not given.without_kora:
            own = stack.enter_context(kora.serving(folder, backends=kora.mocked(upstream)))
            command = suite.load(own.chat, *asked, "--tier", "cloud", key=own.key)
            rows.append(Row(name=PASS, command=command, roots=(own.pid, mock)))
        if not given.without_peers:
            rows.append(overhead.proxy_row(stack, folder, upstream, mock, asked))
        yield rows


def table(rows: list[Row], cells: Cells, concurrencies: list[int]) -> str:
    head = f"{'':<24} {'c':>3} {'first p50 ms':>12} {'first p99 ms':>12} {'whole p50 ms':>12}"
    head += f" {'chunks/s':>9}  CPU ms/answer of {TOKENS} tokens"
    return "\n".join(
        [head, "-" * len(head), *(_line(row, c, cells) for c in concurrencies for row in rows)]
    )


def _line(row: Row, concurrency: int, cells: Cells) -> str:
    cell = cells.get((row.name, concurrency))
    if cell is None:
        return f"{row.name:<24} {concurrency:>3} {row.note or 'not measured'}"
    numbers = " ".join(
        f"{suite.figure(cell[name], 2):>12}" for name in ("first_p50_ms", "first_p99_ms", "p50_ms")
    )
    errors = f"  ERRORS {cell['errors']}" if cell["errors"] else ""
    speed = suite.figure(cell["chunks_per_s"], 0)
    return f"{row.name:<24} {concurrency:>3} {numbers} {speed:>9}  {suite.cpu(cell)}{errors}"


def main(words: list[str]) -> int:
    given = arguments(words)
    with contextlib.ExitStack() as stack:
        folder = suite.folder(stack, keep=given.keep)
        rows = stack.enter_context(served(given, folder))
        cells = suite.measure(
            rows, concurrencies=given.concurrency, rounds=given.rounds, seconds=given.seconds
        )
        print(table(rows, cells, given.concurrency))
        print(f"\nWritten to {suite.save('streams', suite.content(given, cells))}")
    return 0
