"""Whether the database has this release's tables, told in milliseconds, without Django."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import psycopg

from kora_site import environment
from kora_site.up import home as homes

STAMP = "prepared.json"


def is_current(url: str, home: Path) -> bool:
    """Only when the last `prepare` saw these migration files and these rows."""
    try:
        stored = json.loads((home / STAMP).read_text())
    except (OSError, ValueError):
        return False
    return bool(stored == {"files": _files(), "rows": _rows(url)})


def remember(url: str, home: Path) -> None:
    homes.write_private(home / STAMP, {"files": _files(), "rows": _rows(url)})


def _files() -> str:
    """The lock stands for the migrations that libraries bring."""
    seen = hashlib.sha256()
    for path in sorted(environment.ROOT.glob("*/migrations/*.py")):
        seen.update(path.relative_to(environment.ROOT).as_posix().encode() + path.read_bytes())
    lock = environment.ROOT / "requirements.lock"
    seen.update(lock.read_bytes() if lock.exists() else b"")
    return seen.hexdigest()


def _rows(url: str) -> list[int]:
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            row = connection.execute(
                "SELECT count(*), coalesce(max(id), 0) FROM django_migrations"
            ).fetchone()
    except psycopg.Error:
        return []
    return list(row or [])
