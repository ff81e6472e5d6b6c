"""The processes that do the work: started, asked one line at a time, ended."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import peers, processes
from benchmarks.local.work import Work

START_S = 180.0
ANSWER_S = 600.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How every engine is started: alike."""

    model: Path
    slots: int
    threads: int
    context: int
    folder: Path

    @property
    def options(self) -> dict[str, Any]:
        return {
            "model": str(self.model),
            "slots": self.slots,
            "threads": self.threads,
            "context": self.context,
        }


class Host:
    """One process that answers a line of work with a line of figures."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self.log = process, log
        self.pending = b""
        self.address = str(self._line(START_S)["address"])

    @property
    def pid(self) -> int:
        return self.process.pid

    def do(self, work: Work) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(work.words().encode() + b"\n")
        self.process.stdin.flush()
        return self._line(ANSWER_S)

    def _line(self, wait_s: float) -> dict[str, Any]:
        assert self.process.stdout is not None
        ends_s = time.monotonic() + wait_s
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self.pending:
                if not ready.select(max(0.0, ends_s - time.monotonic())):
                    raise SystemExit(f"No answer in {wait_s:.0f} s:\n{processes.tail(self.log)}")
                read = os.read(self.process.stdout.fileno(), 1 << 16)
                if not read:
                    raise SystemExit(f"An engine ended early:\n{processes.tail(self.log)}")
                self.pending += read
        line, _, self.pending = self.pending.partition(b"\n")
        told: dict[str, Any] = json.loads(line)
        return told


@contextlib.contextmanager
def _hosted(python: str, kind: str, options: Mapping[str, Any], folder: Path) -> Iterator[Host]:
    log = folder / f"{kind}.log"
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [python, "-m", "benchmarks.local.host", kind, json.dumps(options)],
            cwd=processes.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    try:
        yield Host(process, log)
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()  # the end of its work: it closes its engine
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        processes.end(process, patience_s=5)
        process.stdout.close()


def ours(plan: Plan) -> contextlib.AbstractContextManager[Host]:
    return _hosted(sys.executable, "ours", plan.options, plan.folder)


def bare(plan: Plan) -> contextlib.AbstractContextManager[Host]:
    return _hosted(sys.executable, "bare", plan.options, plan.folder)


def xllamacpp(plan: Plan) -> contextlib.AbstractContextManager[Host]:
    return _hosted(str(peers.PYTHON), "xllamacpp", plan.options, plan.folder)


def wire(
    url: str, plan: Plan, *, model: str = "bench", headers: Mapping[str, str] | None = None
) -> contextlib.AbstractContextManager[Host]:
    options = {"url": url, "model": model, "headers": dict(headers or {})}
    return _hosted(sys.executable, "wire", options, plan.folder)


@contextlib.contextmanager
def locked_server(plan: Plan) -> Iterator[tuple[str, int]]:
    """llama-cpp-python's server: one lock, one call at a time. Its address and its process."""
    port = processes.free_port()
    options = {
        "model": plan.model,
        "host": "127.0.0.1",
        "port": port,
        "n_ctx": plan.context,
        "n_threads": plan.threads,
        "n_threads_batch": plan.threads,
        "logits_all": False,
        "interrupt_requests": False,
        "verbose": False,
    }
    words: Sequence[str] = [word for name in options for word in (f"--{name}", str(options[name]))]
    command = [sys.executable, "-m", "llama_cpp.server", *words]
    log = plan.folder / "llama_cpp.server.log"
    with processes.running(command, port=port, log=log) as process:
        yield f"http://127.0.0.1:{port}", process.pid
