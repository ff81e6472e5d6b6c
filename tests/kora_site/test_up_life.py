"""A whole KORA starts, replaces what dies, and leaves nothing behind however it ends."""

from __future__ import annotations

import http.client
import json
import signal
import stat
import urllib.request
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from kora_site import environment
from tests import running

pytestmark = pytest.mark.journey
PARTS = {"web", "cloud", "local", "background", "beat"}


def ready(kora: running.Kora) -> bool:
    try:
        with urllib.request.urlopen(f"{kora.url}/readyz", timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_first_run_is_written_for_its_owner_only(kora: running.Kora) -> None:
    path = kora.home / "first-run.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(json.loads(path.read_text())) == {
        "url", "admin_email", "admin_password", "api_key", "admin_key",
    }  # fmt: skip
    said = kora.terminal.read_text()
    assert said.count("KORA is ready at") == 1
    assert kora.api_key in said
    logs = "".join(log.read_text() for log in (kora.home / "logs").iterdir())
    assert kora.api_key not in logs
    assert kora.admin_password not in logs


def test_every_part_runs(kora: running.Kora) -> None:
    assert set(kora.pids) == PARTS | {"supervisor", "postgres", "redis"}
    assert ready(kora)


def ask_for_stream(kora: running.Kora, line: http.client.HTTPConnection) -> None:
    body = {
        "model": "sandbox-reasoner",
        "stream": True,
        "messages": [{"role": "user", "content": "please " * 30}],
    }
    line.request(
        "POST",
        "/v1/chat/completions",
        body=json.dumps(body),
        headers={"Authorization": f"Bearer {kora.api_key}", "Content-Type": "application/json"},
    )


def test_however_it_ends_nothing_stays_and_everything_is_kept(tmp_path: Path) -> None:
    """One KORA through its whole life, because each start costs seconds."""
    own = running.Kora(home=tmp_path / "home")
    try:
        own.start()
        key = own.api_key
        sigterm_lets_a_running_stream_finish(own)
        own.start()
        said = own.terminal.read_text()
        assert "Preparing the database" not in said
        assert key not in said
        a_killed_supervisor_leaves_no_orphan(own)
        own.start()
        assert own.api_key == key
        assert ready(own)
        assert own.stop(signal.SIGINT) == 0
    finally:
        own.stop()
    assert running.processes_of(own.home) == []


def sigterm_lets_a_running_stream_finish(own: running.Kora) -> None:
    assert own.process is not None
    with closing(http.client.HTTPConnection("127.0.0.1", own.port, timeout=60)) as line:
        ask_for_stream(own, line)
        answer = line.getresponse()
        own.process.terminate()
        assert answer.read().endswith(b"data: [DONE]\n\n")
    assert own.stop() == 0
    assert not ready(own)
    assert running.processes_of(own.home) == []
    assert not (own.home / "run" / "services.json").exists()


def a_killed_supervisor_leaves_no_orphan(own: running.Kora) -> None:
    assert own.process is not None
    own.kill("supervisor")
    own.process.wait(timeout=10)
    running.eventually(
        lambda: not running.processes_of(own.home), within_s=20, what="the end of every child"
    )


@pytest.mark.parametrize("name", ["postgres", "redis", "web", "cloud", "beat"])
def test_a_killed_child_comes_back(kora: running.Kora, name: str) -> None:
    kora.kill_and_wait(name)
    assert f"{name} was killed by SIGKILL; it starts again" in kora.terminal.read_text()
    running.eventually(lambda: ready(kora), within_s=40, what="readiness")


def test_new_credentials_on_request(kora: running.Kora) -> None:
    before = kora.api_key, kora.admin_key, kora.admin_password
    done = kora.manage("credentials", "--reset")
    assert done.returncode == 0, done.stderr
    assert not set(before) & {kora.api_key, kora.admin_key, kora.admin_password}
    assert kora.api_key in done.stdout


def test_others_services_are_used_and_left_running(tmp_path: Path) -> None:
    database = environment.services().database_url.replace("/kora?", "/outside?")
    with psycopg.connect(environment.services().database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE outside")
        kora = running.Kora(
            home=tmp_path / "home",
            variables={
                "KORA_DATABASE_URL": database,
                "KORA_REDIS_URL": environment.services().redis_url.replace("/0", "/7"),
            },
        )
        try:
            kora.start()
            assert set(kora.pids) == PARTS | {"supervisor"}
            assert kora.stop() == 0
        finally:
            connection.execute("DROP DATABASE outside WITH (FORCE)")
