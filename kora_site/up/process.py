"""One operating-system process of ours, which never outlives us."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kora_site.up import privileges


@dataclass(kw_only=True)
class Process:
    """A child in its own session; the kernel signals it when its parent dies.

    The kernel ties a child to the *thread* that made it, so start processes from a thread that
    lives as long as the program.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    user: privileges.User | None = None
    inherited: tuple[int, ...] = ()
    _running: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self, output: int) -> None:
        self._running = subprocess.Popen(
            [*self._launcher(), *self.command],
            env=dict(self.environment),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=self.inherited,
        )

    def _launcher(self) -> list[str]:
        return privileges.launcher(death_signal=self.death_signal, user=self.user)

    @property
    def pid(self) -> int:
        return self._running.pid if self._running else 0

    def is_alive(self) -> bool:
        return self._running is not None and self._running.poll() is None

    def exit_status(self) -> int | None:
        return self._running.poll() if self._running else None

    def ask_to_stop(self) -> None:
        if self._running and self.is_alive():
            self._running.send_signal(self.stop_signal)

    def stop(self, grace_s: float) -> None:
        self.ask_to_stop()
        self.wait(grace_s)
        self.kill()

    def wait(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.is_alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self.is_alive()

    def kill(self) -> None:
        """Ends the whole session's group, so also what the child itself started."""
        if self._running is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._running.pid, signal.SIGKILL)
        self._running.wait()
