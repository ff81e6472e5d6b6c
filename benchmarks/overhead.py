"""What KORA adds to a call: beside bare handlers, bare LiteLLM and LiteLLM's proxy, in one run."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import kora, peers, processes, suite
from benchmarks.suite import Cells, Row

DIRECT = "direct to the mock"
ASGI = "bare ASGI handler"
DJANGO = "bare Django async view"
DJANGO_GET = "bare Django async view, GET"
EXACT = "KORA exact hit"
PASS = "KORA pass-through"
VIA = "KORA through LiteLLM"
LOOP = "litellm.acompletion loop"
PROXY = "LiteLLM proxy"
PROMPT = "Say something short about bridges."


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One promise: a figure, the bound it must keep, and whether it does."""

    text: str
    value: float | None
    bound: float
    at_most: bool

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "not measured"
        kept = self.value <= self.bound if self.at_most else self.value >= self.bound
        return "pass" if kept else "MISS"

    def __str__(self) -> str:
        sign = "≤" if self.at_most else "≥"
        value = suite.figure(self.value, 3)
        return f"{self.verdict:<12} {value:>8} {sign} {self.bound:<4} {self.text}"


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks overhead", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each cell of a round")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--without-kora", action="store_true", help="only what it is compared with")
    parser.add_argument("--without-peers", action="store_true", help="no LiteLLM proxy")
    parser.add_argument("--keep", action="store_true", help="keep the folder with KORA's logs")
    return parser.parse_args(given)


@contextlib.contextmanager
def served(given: argparse.Namespace, folder: Path) -> Iterator[list[Row]]:
    """Everything started, in the order of the table; all of it ends with the block."""
    with contextlib.ExitStack() as stack:
        upstream, mock = start_mock(stack, folder)
        chat = f"{upstream}/chat/completions"
        rows = [
            Row(name=DIRECT, command=suite.load(chat, "--unique"), roots=(mock,)),
            *_bare(stack, folder),
        ]
        if not given.without_kora:
            rows += _kora(stack, folder, upstream, mock)
        loop = (sys.executable, "-m", "benchmarks.litellm_loop", "--api-base", upstream)
        rows.append(Row(name=LOOP, command=loop, roots=(mock,)))
        if not given.without_peers:
            options = ("--unique",)
            rows.append(proxy_row(stack, folder, upstream, mock, options))
        yield rows


def start_mock(stack: contextlib.ExitStack, folder: Path, *options: str) -> tuple[str, int]:
    """Its address up to /v1, and its process."""
    port = processes.free_port()
    command = [sys.executable, "-m", "benchmarks.mock_upstream", "--port", str(port), *options]
    mock = stack.enter_context(processes.running(command, port=port, log=folder / "mock.log"))
    return f"http://127.0.0.1:{port}/v1", mock.pid


def _bare(stack: contextlib.ExitStack, folder: Path) -> list[Row]:
    rows = []
    for what, name in (("asgi", ASGI), ("django", DJANGO)):
        port = processes.free_port()
        command = [sys.executable, "-m", "benchmarks.bare", what, "--port", str(port)]
        log = folder / f"bare-{what}.log"
        bare = stack.enter_context(processes.running(command, port=port, log=log))
        url = f"http://127.0.0.1:{port}/v1/chat/completions"
        rows.append(Row(name=name, command=suite.load(url), roots=(bare.pid,)))
        if what == "django":
            get = suite.load(url, "--get")
            rows.append(Row(name=DJANGO_GET, command=get, roots=(bare.pid,)))
    return rows


def _kora(stack: contextlib.ExitStack, folder: Path, upstream: str, mock: int) -> list[Row]:
    suite.say("starting KORA …")
    own = stack.enter_context(kora.serving(folder, backends=kora.mocked(upstream)))
    kora.wait_for_tier(own, model="mock", prompt=PROMPT, tier="exact")
    cloud = ("--unique", "--tier", "cloud")
    return [
        Row(name=name, command=suite.load(own.chat, *options, key=own.key), roots=(own.pid, mock))
        for name, options in (
            (EXACT, ("--prompt", PROMPT, "--tier", "exact")),
            (PASS, ("--model", "mock", *cloud)),
            (VIA, ("--model", "mock-litellm", *cloud)),
        )
    ]


def proxy_row(
    stack: contextlib.ExitStack, folder: Path, upstream: str, mock: int, options: tuple[str, ...]
) -> Row:
    if not peers.installed():
        return Row(name=PROXY, command=(), note=f"not installed: {peers.HOW}")
    suite.say("starting LiteLLM's proxy …")
    port = processes.free_port()
    proxy = stack.enter_context(
        processes.running(
            peers.command(port=port, upstream=upstream, folder=folder),
            port=port,
            log=folder / "peers.log",
            environment=peers.ENVIRONMENT,
        )
    )
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    asked = suite.load(url, *options, key=peers.KEY)
    return Row(name=PROXY, command=asked, roots=(proxy.pid, mock))


def bars(cells: Cells) -> list[Bar]:
    def ratio(metric: str, concurrency: int) -> Callable[[str, str], float | None]:
        def of(one: str, other: str) -> float | None:
            above = cells.get((one, concurrency), {}).get(metric)
            below = cells.get((other, concurrency), {}).get(metric)
            return round(above / below, 3) if above and below else None

        return of

    p50, rps = ratio("p50_ms", 1), ratio("rps", 32)
    return [
        Bar(
            text="exact hit's p50 at c=1, of the bare Django view's",
            value=p50(EXACT, DJANGO), bound=1.5, at_most=True,
        ),
        Bar(
            text="exact hit's throughput at c=32, of the bare Django view's",
            value=rps(EXACT, DJANGO), bound=1.0, at_most=False,
        ),
        Bar(
            text="pass-through's throughput at c=32, of LiteLLM proxy's",
            value=rps(PASS, PROXY), bound=4.0, at_most=False,
        ),
        Bar(
            text="throughput through LiteLLM at c=32, of LiteLLM proxy's",
            value=rps(VIA, PROXY), bound=2.0, at_most=False,
        ),
        own_overhead(cells),
    ]  # fmt: skip


def added_ms(cells: Cells, name: str) -> float | None:
    """p50 through it minus p50 without it, one call at a time."""
    through = cells.get((name, 1), {}).get("p50_ms")
    direct = cells.get((DIRECT, 1), {}).get("p50_ms")
    return None if through is None or direct is None else round(through - direct, 3)


def own_overhead(cells: Cells) -> Bar:
    """4 ms, or 0.4 of what LiteLLM's proxy adds where that is more."""
    theirs = added_ms(cells, PROXY)
    bound = max(4.0, round(0.4 * theirs, 2)) if theirs is not None else 4.0
    text = f"ms that pass-through adds at c=1; LiteLLM proxy adds {suite.figure(theirs, 2)}"
    return Bar(text=text, value=added_ms(cells, PASS), bound=bound, at_most=True)


def by_cpu(cells: Cells) -> str:
    """The ratios again without wall time, which a busy machine bends."""
    theirs = suite.allowed_rps(cells.get((PROXY, 32), {}))
    lines = [f"CPU alone would allow at c=32: {PROXY} {suite.figure(theirs, 0)} /s"]
    for name in (PASS, VIA):
        ours = suite.allowed_rps(cells.get((name, 32), {}))
        ratio = ours / theirs if ours and theirs else None
        lines.append(f"{name} {suite.figure(ours, 0)} /s ({suite.figure(ratio, 2)} of the proxy's)")
    return "; ".join(lines)


def report(given: argparse.Namespace, rows: list[Row], cells: Cells) -> None:
    found = bars(cells)
    print(suite.table(rows, cells, given.concurrency))
    print("\n".join(str(bar) for bar in found))
    print(f"\n{by_cpu(cells)}\n{suite.noise(cells)}")
    verdicts = [{**asdict(bar), "verdict": bar.verdict} for bar in found]
    content = {**suite.content(given, cells), "bars": verdicts}
    print(f"\nWritten to {suite.save('overhead', content)}")


def main(words: list[str]) -> int:
    given = arguments(words)
    with contextlib.ExitStack() as stack:
        folder = suite.folder(stack, keep=given.keep)
        rows = stack.enter_context(served(given, folder))
        cells = suite.measure(
            rows, concurrencies=given.concurrency, rounds=given.rounds, seconds=given.seconds
        )
        report(given, rows, cells)
    return 0
