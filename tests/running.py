"""A whole KORA for tests: started by `manage.py up` in a home of its own, on a free port."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kora_site.up.privileges import launcher

ROOT = Path(__file__).resolve().parent.parent
START_LIMIT_S = 120.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: Path, port: int, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours without what the tests' own services set."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KORA_")}
    own = {"KORA_HOME": str(home), "KORA_HOST": "127.0.0.1", "KORA_PORT": str(port)}
    return {**inherited, **own, **(extra or {})}


def eventually(done: object, *, within_s: float, what: str) -> None:
    assert callable(done)
    deadline = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < deadline, f"{what} did not happen within {within_s} s"
        time.sleep(0.05)


@dataclass(kw_only=True)
class Kora:
    """`start()` returns when the ready line is out; `stop()` returns the exit status."""

    home: Path
    port: int = field(default_factory=free_port)
    variables: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_key(self) -> str:
        return self._first_run("api_key")

    @property
    def admin_key(self) -> str:
        return self._first_run("admin_key")

    @property
    def admin_email(self) -> str:
        return self._first_run("admin_email")

    @property
    def admin_password(self) -> str:
        return self._first_run("admin_password")

    @property
    def terminal(self) -> Path:
        """Where the supervisor's own output goes."""
        return self.home.with_name(self.home.name + ".terminal")

    @property
    def pids(self) -> dict[str, int]:
        """By name: supervisor, postgres, redis, web, cloud, local, background, beat."""
        found: dict[str, int] = json.loads((self.home / "run" / "processes.json").read_text())
        return found

    def services(self) -> dict[str, str]:
        """`database_url` and `redis_url` of the running KORA."""
        found: dict[str, str] = json.loads((self.home / "run" / "services.json").read_text())
        return found

    def start(self) -> None:
        with self.terminal.open("wb") as output:
            self.process = subprocess.Popen(
                # Told to stop when the tests are killed before they could say so.
                [*launcher(death_signal=signal.SIGTERM), sys.executable, "manage.py", "up"],
                cwd=ROOT,
                env=environment(self.home, self.port, self.variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        eventually(self._is_ready, within_s=START_LIMIT_S, what="the ready line")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=90)

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Signals one process and returns the pid it had."""
        pid = self.pids[name]
        os.kill(pid, number)
        return pid

    def kill_and_wait(self, name: str, *, within_s: float = 30.0) -> None:
        """Kills one process and returns when the supervisor has put another in its place."""
        killed = self.kill(name)
        eventually(
            lambda: self.pids.get(name, killed) != killed,
            within_s=within_s,
            what=f"a new {name} process",
        )

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs a manage.py command beside it."""
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=environment(self.home, self.port, self.variables),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def _is_ready(self) -> bool:
        assert self.process is not None
        said = self.terminal.read_text()
        assert self.process.poll() is None, f"KORA did not start:\n{said}"
        return f"KORA is ready at {self.url}\n" in said

    def _first_run(self, name: str) -> str:
        stored: dict[str, str] = json.loads((self.home / "first-run.json").read_text())
        return stored[name]


def processes_of(home: Path) -> list[str]:
    """What still runs because of a KORA on this home, as `pid command line`."""
    return [
        f"{entry.name} {_text(entry / 'cmdline')}"
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and int(entry.name) != os.getpid() and _belongs(entry, str(home))
    ]


def _belongs(entry: Path, home: str) -> bool:
    try:
        works_in = str((entry / "cwd").readlink())
    except OSError:
        return False
    return (
        works_in.startswith(home)
        or f"KORA_HOME={home} " in _text(entry / "environ")
        or home in _text(entry / "cmdline")
    )


def _text(path: Path) -> str:
    try:
        return path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
