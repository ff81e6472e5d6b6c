"""Asks services that someone else runs whether they are what KORA needs, before relying on them."""

from __future__ import annotations

import psycopg
import redis
from kombu.connection import Connection

from kora_site.up import errors


def check_database(url: str) -> None:
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            row = connection.execute(
                "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"
            ).fetchone()
    except psycopg.ProgrammingError as error:  # its text repeats the URL, and so the password
        raise errors.StartError("KORA_DATABASE_URL is not a Postgres URL.") from error
    except psycopg.Error as error:
        raise errors.StartError(
            f"KORA cannot use the database of KORA_DATABASE_URL: {_first_line(error)}"
        ) from error
    if row is None:
        raise errors.StartError(
            "The Postgres of KORA_DATABASE_URL has no pgvector; install it there."
        )


def check_redis(url: str) -> None:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=10, socket_timeout=10) as client:
            client.ping()
    except (redis.RedisError, ValueError, OSError) as error:
        raise errors.StartError(
            f"KORA cannot use the Redis of KORA_REDIS_URL: {_first_line(error)}"
        ) from error


def check_broker(url: str) -> None:
    try:
        with Connection(url, connect_timeout=10) as connection:  # type: ignore[no-untyped-call]
            connection.ensure_connection(max_retries=1, timeout=10)
    except Exception as error:  # each transport raises classes of its own library
        raise errors.StartError(
            f"KORA cannot use the broker of KORA_BROKER_URL: {_first_line(error)}"
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".") + "."
