"""The supervisor's one loop: children's output, their deaths, and signals, without threads."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

from kora_site.up.children import Child
from kora_site.up.logs import Terminal

PAUSE_S = 0.5


@dataclass(kw_only=True)
class Watch:
    """`stopping` counts the signals that asked us to stop: the second one means now."""

    terminal: Terminal
    stopping: int = 0
    children: list[Child] = field(default_factory=list)
    on_start: Callable[[], None] = lambda: None
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def listen_to_signals(self) -> None:
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        self._selector.register(reading, selectors.EVENT_READ, None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping += 1

    def add(self, child: Child) -> None:
        self.children.append(child)
        self._start(child)

    def _start(self, child: Child) -> None:
        self._selector.register(child.start(), selectors.EVENT_READ, child)
        self.on_start()

    def turn(self, pause_s: float = PAUSE_S) -> None:
        """Waits for something to happen and passes on what the children said."""
        for key, _ in self._selector.select(pause_s):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(key.fd, 4096)
            elif not key.data.pump():
                self._selector.unregister(key.fd)

    def revive(self) -> None:
        """Starts the dead again, each after its pause."""
        for child in self.children:
            if child.died():
                self.terminal.say(
                    f"{child.name} {child.how_it_ended()}; "
                    f"it starts again in {child.pause_s():.1f} s"
                )
            if child.is_due():
                self._forget(child)
                child.recover()
                self._start(child)

    def _forget(self, child: Child) -> None:
        for key in list(self._selector.get_map().values()):
            if key.data is child:
                self._selector.unregister(key.fd)

    def until(self, done: Callable[[], bool], *, within_s: float, pause_s: float = 0.05) -> bool:
        """Turns until `done`, a signal to stop that comes meanwhile, or the time is over."""
        deadline = time.monotonic() + within_s
        asked = self.stopping
        while not done():
            if time.monotonic() > deadline or self.stopping > asked:
                return done()
            self.turn(pause_s)
        return True
