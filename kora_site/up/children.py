"""One program under supervision: its process, its output, and when it may start again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kora_site.up.logs import LogFile, Terminal
from kora_site.up.process import Process

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STEADY_S = 30.0


@dataclass(kw_only=True)
class Child:
    """`recover` tidies up after a death, before the next start."""

    name: str
    process: Process
    log: LogFile
    terminal: Terminal
    shown: bool = True
    recover: Callable[[], None] = lambda: None
    deaths: int = field(default=0, init=False)
    _started: float = field(default=0.0, init=False)
    _due: float | None = field(default=None, init=False)
    _reading: int = field(default=-1, init=False)
    _rest: bytes = field(default=b"", init=False)

    def start(self) -> int:
        """Starts it and returns the descriptor to read its output from."""
        self._close_reading()
        self._reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(writing, True)
        self.process.start(writing)
        os.close(writing)
        self._started, self._due = time.monotonic(), None
        return self._reading

    def pump(self) -> bool:
        """Passes on what it has written; False at the end of its output."""
        try:
            got = os.read(self._reading, 65536)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._pass_on(got)
        return bool(got)

    def _pass_on(self, got: bytes) -> None:
        *lines, self._rest = (self._rest + got).split(b"\n")
        if not got and self._rest:
            lines, self._rest = [self._rest], b""
        if not lines:
            return
        self.log.write(b"\n".join(lines) + b"\n")
        if self.shown:
            for line in lines:
                self.terminal.relay(self.name, line.decode(errors="replace"))

    def _close_reading(self) -> None:
        if self._reading >= 0:
            while self.pump():
                pass
            os.close(self._reading)
            self._reading = -1

    def died(self) -> bool:
        """True once for each death; plans the next start."""
        if self._due is not None or self.process.is_alive():
            return False
        if time.monotonic() - self._started > STEADY_S:
            self.deaths = 0
        self.deaths += 1
        self._due = time.monotonic() + self.pause_s()
        return True

    def pause_s(self) -> float:
        return float(min(FIRST_PAUSE_S * 2 ** (self.deaths - 1), LONGEST_PAUSE_S))

    def is_due(self) -> bool:
        return self._due is not None and time.monotonic() >= self._due

    def how_it_ended(self) -> str:
        status = self.process.exit_status() or 0
        if status >= 0:
            return f"ended with status {status}"
        return f"was killed by {signal.Signals(-status).name}"
