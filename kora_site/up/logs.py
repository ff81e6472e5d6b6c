"""What the children say: a rotated file for each, and on the terminal with the child's name."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

LIMIT_BYTES = 10 * 1024 * 1024
KEPT = 5
COLOURS = (36, 33, 35, 32, 34, 96, 93, 95)
WIDTH = 10


@dataclass(kw_only=True)
class Terminal:
    """Standard output, until the other end is gone; colour only where a person looks."""

    coloured: bool = field(
        default_factory=lambda: sys.stdout.isatty() and "NO_COLOR" not in os.environ
    )
    _open: bool = True
    _names: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self._write(text)

    def relay(self, name: str, line: str) -> None:
        if name not in self._names:
            self._names.append(name)
        prefix = f"{name:<{WIDTH}} |"
        if self.coloured:
            colour = COLOURS[self._names.index(name) % len(COLOURS)]
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        self._write(f"{prefix} {line}")

    def _write(self, text: str) -> None:
        if not self._open:
            return
        try:
            print(text, flush=True)
        except OSError:
            self._open = False


@dataclass(kw_only=True)
class LogFile:
    """Appends lines; renames itself away when large. A full disk loses lines, never the child."""

    path: Path
    _descriptor: int = field(default=-1, init=False)

    def write(self, content: bytes) -> None:
        try:
            if self._descriptor < 0:
                self._open()
            if os.fstat(self._descriptor).st_size > LIMIT_BYTES:
                self._rotate()
            os.write(self._descriptor, content)
        except OSError:
            self.close()

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(self.path, flags, 0o600)

    def _rotate(self) -> None:
        self.close()
        for number in range(KEPT - 1, -1, -1):
            older = self.path if number == 0 else self.path.with_name(f"{self.path.name}.{number}")
            if older.exists():
                older.replace(self.path.with_name(f"{self.path.name}.{number + 1}"))
        self._open()
