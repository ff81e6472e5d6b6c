"""`up` refuses with one clear sentence where it cannot start."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from kora_site.up import programs
from tests import running


def refused(home: Path, port: int, **extra: str) -> str:
    """The one sentence on standard error of an `up` that must fail."""
    done = subprocess.run(
        [sys.executable, "-m", "kora_site.up"],
        cwd=running.ROOT,
        env=running.environment(home, port, extra),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert running.processes_of(home) == []
    return lines[0]


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused(tmp_path / "home", port)
    assert f"Port {port} on 127.0.0.1 is taken" in said
    assert "KORA_PORT" in said


def test_an_impossible_port_is_named(tmp_path: Path) -> None:
    assert "KORA_PORT" in refused(tmp_path / "home", 99_999)


def test_a_second_up_on_the_same_home_names_the_first(tmp_path: Path) -> None:
    lock = tmp_path / "run" / "up.lock"
    lock.parent.mkdir()
    with lock.open("w") as held:
        held.write("4711")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        said = refused(tmp_path, running.free_port())
    assert "already runs" in said
    assert "process 4711" in said


def test_a_lock_file_that_nobody_holds_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "up.lock").write_text("1")
    said = refused(tmp_path, running.free_port(), KORA_DATABASE_URL="nonsense")
    assert "already runs" not in said


def test_a_home_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = refused(tmp_path / "file" / "home", running.free_port())
    assert str(tmp_path / "file" / "home") in said
    assert "KORA_HOME" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_read_only_home(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro", "none", str(tmp_path)], check=False
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        assert "read-only" in refused(tmp_path / "home", running.free_port())
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_full_disk(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(tmp_path)], check=False
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        assert "full" in refused(tmp_path / "home", running.free_port())
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    url = "postgresql://kora:hidden-word@127.0.0.1:1/kora"
    said = refused(tmp_path / "home", running.free_port(), KORA_DATABASE_URL=url)
    assert "KORA_DATABASE_URL" in said
    assert "hidden-word" not in said


def test_a_database_url_that_is_none_keeps_its_password(tmp_path: Path) -> None:
    said = refused(
        tmp_path / "home", running.free_port(), KORA_DATABASE_URL="host hidden-word nonsense"
    )
    assert "KORA_DATABASE_URL" in said
    assert "hidden-word" not in said


def test_a_command_of_manage_py_keeps_the_password_too(tmp_path: Path) -> None:
    url = "mysql://kora:hidden-word@127.0.0.1/kora"
    done = subprocess.run(
        [sys.executable, "manage.py", "up"],
        env={**os.environ, "KORA_HOME": str(tmp_path), "KORA_DATABASE_URL": url},
        cwd=running.ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "KORA_DATABASE_URL is not a Postgres URL.\n"


def test_a_redis_that_is_not_there(tmp_path: Path) -> None:
    said = refused(tmp_path / "home", running.free_port(), KORA_REDIS_URL="redis://127.0.0.1:1/0")
    assert "KORA_REDIS_URL" in said


def test_a_broker_that_is_not_there(tmp_path: Path) -> None:
    said = refused(tmp_path / "home", running.free_port(), KORA_BROKER_URL="amqp://127.0.0.1:1//")
    assert "KORA_BROKER_URL" in said


def test_the_supervisor_waits_as_long_as_the_settings_promise() -> None:
    assert programs.DRAIN_S == settings.KORA_DRAIN_S
