"""Which programs of ours run beside the services, and how each is started."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kora_site import environment
from kora_site.up.process import Process

DRAIN_S = 25
"""How long running requests may go on after SIGTERM; `settings.KORA_DRAIN_S` says the same."""
WEB_GRACE_S = DRAIN_S + 5
WORKER_GRACE_S = 15
WORKERS = {"cloud": 8, "local": 2, "background": 2}
"""Queue and threads: a thread only hands its call to the worker's loop or engine."""

CELERY = ("celery", "--quiet", "-A", "kora_site.celery")
LEVEL = ("--loglevel", "WARNING")
NICE = ("nice", "-n", "5")
"""What nobody waits for leaves the processor to the rest, at the start above all."""
QUIET = {"PYTHONWARNINGS": "ignore:::celery.platforms"}
"""Celery warns about root in six lines at each start of each worker."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    name: str
    command: tuple[str, ...]
    worker: str = ""
    inherited: tuple[int, ...] = ()
    patient: bool = False

    def process(self, variables: Mapping[str, str]) -> Process:
        extra = {"KORA_WORKER": self.worker, **QUIET} if self.worker else {}
        return Process(
            command=[*(NICE if self.patient else ()), sys.executable, "-m", *self.command],
            environment={**variables, **extra},
            folder=environment.ROOT,
            inherited=self.inherited,
        )


def all_of(door: int, home: Path) -> list[Program]:
    return [
        _web(door),
        *(_worker(queue, threads) for queue, threads in WORKERS.items()),
        _beat(home),
    ]


def _web(door: int) -> Program:
    return Program(name="web", command=("kora_site.up.web", str(door)), inherited=(door,))


def _worker(queue: str, threads: int) -> Program:
    options = ("-Q", queue, "-n", f"{queue}@%h", "-P", "threads", "-c", str(threads))
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    command = (*CELERY, "worker", *options, *quiet, *LEVEL)
    return Program(name=queue, command=command, worker=queue, patient=queue == "background")


def _beat(home: Path) -> Program:
    command = (*CELERY, "beat", "-s", str(home / "run" / "beat"), "--pidfile", "", *LEVEL)
    return Program(name="beat", command=command, patient=True)
