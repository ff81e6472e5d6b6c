"""The embedded services start again after anything that a crash can leave behind."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from kora_site.up.postgres import Postgres, buffers
from kora_site.up.redis import Redis
from tests import running


@pytest.fixture
def output() -> Iterator[int]:
    descriptor = os.open(os.devnull, os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def postgres(tmp_path: Path, output: int) -> Iterator[Postgres]:
    server = Postgres(home=tmp_path, durable=False)
    server.start(output)
    yield server
    server.stop()
    assert running.processes_of(tmp_path) == []


def ask(server: Postgres, query: str) -> object:
    with psycopg.connect(server.url) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def test_postgres_has_pgvector_and_needs_its_password(postgres: Postgres) -> None:
    found = "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'"
    assert ask(postgres, found) == 1
    without = postgres.url.replace(postgres.password_file.read_text(), "guess")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(without)


@pytest.mark.parametrize(
    ("memory", "taken"),
    [(256 << 20, 128 << 20), (4 << 30, 1 << 30), (64 << 30, 2 << 30)],
)
def test_postgres_caches_pages_in_a_quarter_of_the_memory_within_bounds(
    memory: int, taken: int
) -> None:
    assert buffers(memory) == taken


def test_only_the_owner_reaches_the_socket(postgres: Postgres) -> None:
    assert stat.S_IMODE(postgres.socket_folder.stat().st_mode) == 0o700
    assert ask(postgres, "SHOW listen_addresses") == ""


def test_a_killed_postgres_leaves_pid_file_and_socket_and_starts_again(
    postgres: Postgres, output: int
) -> None:
    postgres.process.kill()
    assert (postgres.folder / "postmaster.pid").exists()
    assert list(postgres.socket_folder.iterdir())
    postgres.start(output)
    assert ask(postgres, "SELECT 1") == 1


def test_a_pid_file_whose_number_is_somebody_elses_now(postgres: Postgres, output: int) -> None:
    pid_file = postgres.folder / "postmaster.pid"
    kept = pid_file.read_text().split("\n", 1)[1]
    postgres.process.kill()
    pid_file.write_text(f"{os.getpid()}\n{kept}")
    postgres.start(output)
    assert ask(postgres, "SELECT 1") == 1


def test_a_server_that_an_earlier_supervisor_left_is_ended_first(
    postgres: Postgres, output: int
) -> None:
    left = postgres.process
    again = Postgres(home=postgres.home, durable=False)
    again.start(output)
    assert not left.is_alive()
    assert ask(again, "SELECT 1") == 1
    again.stop()


def test_an_interrupted_first_start_is_made_anew(tmp_path: Path, output: int) -> None:
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18")
    server = Postgres(home=tmp_path, durable=False)
    server.start(output)
    assert ask(server, "SELECT current_database()") == "kora"
    server.stop()


def test_a_home_with_a_long_path_gets_a_short_socket(tmp_path: Path, output: int) -> None:
    home = tmp_path / ("long" * 30)
    home.mkdir()
    server = Postgres(home=home, durable=False)
    server.start(output)
    assert ask(server, "SELECT 1") == 1
    left = server.socket_folder
    server.process.kill()
    server.start(output)
    assert ask(server, "SELECT 1") == 1
    assert not left.exists()
    server.stop()
    assert not server.socket_folder.exists()


def test_redis_keeps_what_it_was_told_when_killed(tmp_path: Path, output: int) -> None:
    server = Redis(home=tmp_path)
    server.start(output)
    with redis.Redis.from_url(server.url) as client:
        client.set("kept", "yes")
    server.process.kill()
    server.start(output)
    with redis.Redis.from_url(server.url) as client:
        assert client.get("kept") == b"yes"
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    with (
        redis.Redis(port=server.port) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()
    server.stop()
    assert running.processes_of(tmp_path) == []


def test_a_home_with_an_awkward_name(tmp_path: Path, output: int) -> None:
    home = tmp_path / "my home, 100% ours"
    home.mkdir()
    database, bus = Postgres(home=home, durable=False), Redis(home=home)
    try:
        database.start(output)
        bus.start(output)
        assert ask(database, "SELECT 1") == 1
    finally:
        database.stop()
        bus.stop()
