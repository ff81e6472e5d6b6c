"""A running KORA as the fault tests see it: its control plane, its processes, and its book."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg

from kora_site.up.privileges import launcher
from tests import running

LEASE_S = 6.0
WRITE_TIMEOUT_S = 2.0
SWEEP_EVERY_S = 10.0
SLACK_S = 15.0
"""What a busy machine may add to a promised time before a test calls it broken."""
BACK_WITHIN_S = 15.0
VARIABLES = {
    "KORA_LEASE_S": str(LEASE_S),
    "KORA_WRITE_TIMEOUT_S": str(WRITE_TIMEOUT_S),
    "KORA_ALLOW_PRIVATE_UPSTREAMS": "127.0.0.1",
}
TEN_WORDS = "alpha bravo carol delta eagle fudge grape house india joker"
SIXTY_WORDS = " ".join([TEN_WORDS] * 6)
DEAR = {"price_in": "100", "price_out": "1000"}
CHEAPER = {"price_in": "50", "price_out": "500"}


@dataclass(frozen=True, kw_only=True)
class Booked:
    """One request in the book: its row, its attempts, its ledger rows."""

    state: str
    status: int
    error_code: str
    cost: Decimal
    attempts: Sequence[Mapping[str, Any]]
    charged: Sequence[Mapping[str, Any]]

    @property
    def states(self) -> list[str]:
        return [attempt["state"] for attempt in self.attempts]

    @property
    def failures(self) -> list[str]:
        return [attempt["failure"] for attempt in self.attempts]


@dataclass(kw_only=True)
class Plant:
    kora: running.Kora
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        headers = {"authorization": f"Bearer {self.kora.admin_key}"}
        self.http = httpx.Client(
            base_url=f"{self.kora.url}/api",
            headers=headers,
            timeout=30,
            limits=httpx.Limits(max_keepalive_connections=0),  # the web process may be another
        )

    def equip(self) -> None:
        """The backends that most tests ask; each is asked for by name."""
        self.sandbox("steady", reply=TEN_WORDS, first_token_ms=100)
        self.sandbox("talker", reply=SIXTY_WORDS, first_token_ms=50, token_ms=100)
        self.sandbox("thinker", CHEAPER, reply=TEN_WORDS, first_token_ms=2500)
        self.await_models("steady", "talker", "thinker")

    # Control plane

    def sandbox(self, name: str, fields: Mapping[str, Any] = DEAR, **options: Any) -> None:
        self.backend(name, kind="sandbox", model=name, options=options, **fields)

    def backend(self, name: str, **fields: Any) -> None:
        common = {"name": name, "context": 100_000, "max_output": 1000, "max_parallel": 1000}
        self.post("backends", {**common, **fields})

    def budget(self, name: str, *, tag: str, limit_usd: Decimal) -> None:
        """Counts at once: holds ask the table; a web process learns of a new one by polling."""
        scope = {"scope": "tag", "scope_id": tag}
        self.post(
            "budgets", {"name": name, **scope, "limit_usd": str(limit_usd), "window": "total"}
        )

    def key(self, name: str, *models: str) -> str:
        return str(self.post("keys", {"name": name, "models": list(models)})["key"])

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = self.http.post(f"/{path}/", json=body)
        assert answer.status_code == 201, f"{path}: {answer.status_code} {answer.text}"
        made: dict[str, Any] = answer.json()
        return made

    def await_models(self, *names: str) -> None:
        running.eventually(
            lambda: set(names) <= set(self._models()), within_s=10, what=f"serving {names}"
        )

    def _models(self) -> list[str]:
        headers = {"authorization": f"Bearer {self.kora.api_key}"}
        answer = httpx.get(f"{self.kora.url}/v1/models", headers=headers, timeout=10)
        return [model["id"] for model in answer.json()["data"]]

    # Processes

    def kill(self, name: str) -> None:
        """One that waits for its restart already is as dead as it can be."""
        with contextlib.suppress(ProcessLookupError):
            self.kora.kill(name)

    def descendants(self, name: str) -> list[int]:
        """A process of the supervisor with all its children, youngest last."""
        found = [self.kora.pids[name]]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in task.read_text().split()]
        return found

    def kill_all(self, name: str) -> None:
        for pid in self.descendants(name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def memory_mb(self, name: str) -> float:
        status = Path(f"/proc/{self.kora.pids[name]}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    # The book

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        url = self.kora.services()["database_url"]
        with psycopg.connect(url, row_factory=psycopg.rows.dict_row) as connection:
            return connection.execute(query, parameters).fetchall()

    def booked(self, session: str) -> Booked | None:
        """What the book says of the request that named this session."""
        found = self.rows("SELECT * FROM analytics_exchange WHERE session = %s", session)
        assert len(found) <= 1, f"{len(found)} receipts for one request"
        if not found:
            return None
        one = found[0]
        mine = "WHERE exchange_id = %s"
        return Booked(
            state=one["state"],
            status=one["status"],
            error_code=one["error_code"],
            cost=one["cost"],
            attempts=self.rows(
                f"SELECT * FROM analytics_attempt {mine} ORDER BY number", one["id"]
            ),
            charged=self.rows(f"SELECT * FROM analytics_ledgerrow {mine} ORDER BY id", one["id"]),
        )

    def live(self, *states: str) -> int:
        wanted = list(states or ("held", "running"))
        found = self.rows(
            "SELECT count(*) AS n FROM analytics_attempt WHERE state = ANY(%s)", wanted
        )
        return int(found[0]["n"])

    # After a fault

    def recovers(self) -> None:
        """Answers again in time; then no hold outlives its lease, and every figure agrees."""
        running.eventually(self.answers, within_s=BACK_WITHIN_S, what="an answer after the fault")
        self.is_in_order()

    def answers(self) -> bool:
        body = {
            "model": "steady",
            "messages": [{"role": "user", "content": f"still there? {uuid.uuid4()}"}],
            "max_tokens": 3,
        }
        headers = {"authorization": f"Bearer {self.kora.api_key}"}
        try:
            url = f"{self.kora.url}/v1/chat/completions"
            return httpx.post(url, json=body, headers=headers, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def is_in_order(self) -> None:
        running.eventually(
            lambda: self.live() == 0,
            within_s=LEASE_S + SWEEP_EVERY_S + SLACK_S,
            what="the end of every hold",
        )
        checked = self.kora.manage("books", "--check")
        assert checked.returncode == 0, checked.stdout + checked.stderr


@dataclass(kw_only=True)
class ExtraWorker:
    """A second cloud worker, which the test itself kills and starts again."""

    kora: running.Kora
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        celery = ("-m", "celery", "--quiet", "-A", "kora_site.celery", "worker", "-Q", "cloud")
        options = ("-P", "threads", "-c", "2", "-n", f"extra-{uuid.uuid4().hex[:6]}@%h")
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
        environment = running.environment(self.kora.home, self.kora.port, self.kora.variables)
        with (self.kora.home / "logs" / "extra.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *launcher(death_signal=signal.SIGKILL),
                    sys.executable,
                    *celery,
                    *options,
                    *quiet,
                ],
                cwd=running.ROOT,
                env={
                    **environment,
                    "KORA_WORKER": "cloud",
                    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                },
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
