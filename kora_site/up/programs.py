"""Which programs of ours run beside the services, and how each is started."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kora_site import environment
from kora_site.up.process import Process

DRAIN_S = 25
"""How long running requests may go on after SIGTERM; `settings.KORA_DRAIN_S` says the same."""
WEB_GRACE_S = DRAIN_S + 5
WORKER_GRACE_S = 15
WORKERS = {"cloud": 8, "local": 2, "background": 4}
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
    told: Mapping[str, str] = field(default_factory=dict)
    """Variables of its own."""

    def process(self, variables: Mapping[str, str]) -> Process:
        extra = {"KORA_WORKER": self.worker, **QUIET} if self.worker else self.told
        return Process(
            command=[*(NICE if self.patient else ()), sys.executable, "-m", *self.command],
            environment={**variables, **extra},
            folder=environment.ROOT,
            inherited=self.inherited,
        )


def all_of(door: int, home: Path, webs: int = 1) -> list[Program]:
    return [
        *(_web(door, name, _metrics(home, webs)) for name in web_names(webs)),
        *(_worker(queue, threads) for queue, threads in WORKERS.items()),
        _beat(home),
    ]


def web_names(webs: int) -> list[str]:
    """The first is `web` however many there are."""
    return ["web", *(f"web-{number}" for number in range(2, webs + 1))]


def _web(door: int, name: str, told: Mapping[str, str]) -> Program:
    command = ("kora_site.up.web", str(door))
    return Program(name=name, command=command, inherited=(door,), told=told)


def _metrics(home: Path, webs: int) -> dict[str, str]:
    """Several count together in files, which begin anew with each start of KORA."""
    if webs == 1:
        return {}
    return {environment.METRICS_FOLDER: str(metrics_folder(home))}


def metrics_folder(home: Path) -> Path:
    return home / "run" / "metrics"


def _worker(queue: str, threads: int) -> Program:
    options = ("-Q", queue, "-n", f"{queue}@%h", "-P", "threads", "-c", str(threads))
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    command = (*CELERY, "worker", *options, *quiet, *LEVEL)
    return Program(name=queue, command=command, worker=queue, patient=queue == "background")


def _beat(home: Path) -> Program:
    command = (*CELERY, "beat", "-s", str(home / "run" / "beat"), "--pidfile", "", *LEVEL)
    return Program(name="beat", command=command, patient=True)
