"""The book of a KORA that a benchmark runs, read as an auditor would: in SQL, beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import processes

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Book:
    home: Path

    @property
    def services(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.home / "run" / "services.json").read_text())
        return found

    def rows(self, query: str, *parameters: Any) -> list[Row]:
        url = self.services["database_url"]
        with psycopg.connect(url, row_factory=psycopg.rows.dict_row) as connection:
            return connection.execute(query, parameters).fetchall()

    def exchange(self, session: str) -> Row | None:
        """The request that named this session, with its attempts and what was charged."""
        found = self.rows("SELECT * FROM analytics_exchange WHERE session = %s", session)
        if len(found) != 1:
            return None
        (one,) = found
        mine = "WHERE exchange_id = %s"
        return {
            **one,
            "attempts": self.rows(
                f"SELECT * FROM analytics_attempt {mine} ORDER BY number", one["id"]
            ),
            "charged": self.rows(
                f"SELECT * FROM analytics_ledgerrow {mine} ORDER BY id", one["id"]
            ),
        }

    def spent(self, backends: Sequence[str]) -> dict[str, Decimal]:
        query = (
            "SELECT backend, sum(cost) AS usd FROM analytics_ledgerrow "
            "WHERE backend = ANY(%s) GROUP BY backend"
        )
        return {row["backend"]: row["usd"] for row in self.rows(query, list(backends))}

    def open_holds(self) -> int:
        query = "SELECT count(*) AS n FROM analytics_attempt WHERE state IN ('held', 'running')"
        return int(self.rows(query)[0]["n"])

    def check(self) -> str:
        """Empty when every figure agrees with every other."""
        done = self.manage("books", "--check")
        return "" if done.returncode == 0 else done.stdout + done.stderr

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=processes.ROOT,
            env={**os.environ, "KORA_HOME": str(self.home)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
