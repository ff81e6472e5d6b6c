"""Starts and ends the processes of one benchmark, and reads what CPU they took."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
ROOT = Path(__file__).resolve().parent.parent
LABELS = (
    ("benchmarks.mock_upstream", "mock"),
    ("benchmarks.bare", "bare"),
    ("local.host ours", "engine"),
    ("local.host bare", "bare loop"),
    ("local.host xllamacpp", "xllamacpp"),
    ("llama_cpp.server", "llama_cpp.server"),
    ("kora_site.up.web", "web"),
    (" -Q cloud", "cloud worker"),
    (" -Q local", "local worker"),
    (" -Q background", "background worker"),
    ("celery beat", "beat"),
    (" beat ", "beat"),
    ("postgres", "postgres"),
    ("redis-server", "redis"),
    ("manage.py up", "supervisor"),
    ("kora_site.up", "supervisor"),
    ("litellm", "litellm proxy"),
)
"""What a command line must contain to be called so; the first match counts."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    port: int,
    log: Path,
    wait_s: float = 60,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """One process that listens on `port`; gone when the block is left."""
    with log.open("ab") as output:
        process = start(command, output, environment)
        try:
            wait_for_port(process, port=port, log=log, wait_s=wait_s)
            yield process
        finally:
            end(process)


def start(
    command: Sequence[str], output: IO[bytes], environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
    )


def wait_for_port(process: subprocess.Popen[bytes], *, port: int, log: Path, wait_s: float) -> None:
    ends_s = time.monotonic() + wait_s
    while time.monotonic() < ends_s:
        if process.poll() is not None:
            raise SystemExit(f"{process.args!r} ended early:\n{tail(log)}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit(f"{process.args!r} does not listen after {wait_s:.0f} s:\n{tail(log)}")


def tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-25:])


def end(process: subprocess.Popen[bytes], patience_s: float = 40) -> None:
    """Asked first, so that a supervisor can end its own children."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)


def tree(root: int) -> dict[int, str]:
    """Every living descendant of `root`, itself included, with a name worth reading."""
    children: dict[int, list[int]] = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            children[int(fields[1])].append(int(path.parent.name))
    found, waiting = {}, [root]
    while waiting:
        pid = waiting.pop()
        found[pid] = label(pid)
        waiting += children[pid]
    return found


def label(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return "gone"
    return next((name for mark, name in LABELS if mark in command), command[:40] or "kernel")


def cpu_ms(roots: Sequence[int]) -> dict[int, tuple[str, float]]:
    """User and system time so far, by process, of these and all below them."""
    taken = {}
    for root in roots:
        for pid, name in tree(root).items():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                taken[pid] = (name, (int(fields[11]) + int(fields[12])) * TICK_S * 1000)
    return taken


def busy_s() -> float:
    """CPU time that anything at all has used on this machine; waiting is not using."""
    user, nice, system, _, _, irq, softirq = (
        int(field) for field in Path("/proc/stat").read_text().split()[1:8]
    )
    return (user + nice + system + irq + softirq) * TICK_S


def own_s(roots: Sequence[int]) -> float:
    """CPU time of ours: what runs below `roots`, this process, and the loads it has ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    below = sum(ms for _, ms in cpu_ms(roots).values()) / 1000
    return below + ended.ru_utime + ended.ru_stime + time.process_time()


def spent_ms(
    before: Mapping[int, tuple[str, float]], after: Mapping[int, tuple[str, float]]
) -> dict[str, float]:
    """The difference, summed by name; a process born in between counts from zero."""
    spent: dict[str, float] = defaultdict(float)
    for pid, (name, ms) in after.items():
        spent[name] += ms - (before[pid][1] if pid in before else 0.0)
    return {name: ms for name, ms in spent.items() if ms > 0}
