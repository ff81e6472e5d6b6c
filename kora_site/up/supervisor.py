"""Starts everything in order, keeps it running, and takes it down in the opposite order."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kora_site import environment
from kora_site.up import door, errors, home, programs, schema, shipped
from kora_site.up.children import Child
from kora_site.up.logs import LogFile, Terminal
from kora_site.up.programs import Program
from kora_site.up.services import Services
from kora_site.up.watch import Watch

SERVICES_START_S = 120.0
READY_S = 180.0
FIRST_RUN = "first-run.json"
TRIES = 3
"""A child that dies this often before KORA is ready will not do better later."""


class StoppedError(Exception):
    """Asked to stop while starting."""


@dataclass(kw_only=True)
class Supervisor:
    folder: Path
    terminal: Terminal
    watch: Watch
    services: Services
    door: socket.socket

    def run(self) -> None:
        """Until a signal; whatever happens, nothing that was started stays."""
        self.watch.listen_to_signals()
        self.watch.on_start = self._record
        try:
            self._start()
            while not self.watch.stopping:
                self.watch.turn()
                if not self.watch.stopping:
                    self.watch.revive()
        except StoppedError:
            pass
        finally:
            self._stop()

    def _start(self) -> None:
        self._start_services()
        variables = self._variables()
        first = not (self.folder / FIRST_RUN).exists()
        if shipped.is_due():
            self._place_shipped_models(variables)
        if not schema.is_current(self.services.database_url(), self.folder):
            self._prepare(variables)
        self.terminal.say("Starting the web, the workers and beat")
        for program in self._programs():
            self.watch.add(self._child(program, variables))
        self._await_ready()
        if first:
            self._show_first_run()
        self.terminal.say(f"KORA is ready at {door.url(self.door)}")

    def _programs(self) -> list[Program]:
        webs, counted = environment.web_processes(), programs.metrics_folder(self.folder)
        shutil.rmtree(counted, ignore_errors=True)
        if webs > 1:
            counted.mkdir(parents=True)
        return programs.all_of(self.door.fileno(), self.folder, webs)

    def _show_first_run(self) -> None:
        path = self.folder / FIRST_RUN
        if path.exists():
            for name, value in json.loads(path.read_text()).items():
                self.terminal.say(f"  {name:<15} {value}")
            self.terminal.say(f"  (kept in {path}, readable by you only)")

    def _start_services(self) -> None:
        self.services.prepare()
        for child in self.services.children:
            self.watch.add(child)
        self._reach(self.services.are_ready, within_s=SERVICES_START_S)
        urls = {
            "database_url": self.services.database_url(),
            "redis_url": self.services.redis_url(),
            "url": door.url(self.door),
        }
        home.write_private(environment.services_file(), {**urls})

    def _variables(self) -> dict[str, str]:
        return {
            **os.environ,
            "KORA_HOME": str(self.folder),
            "KORA_DATABASE_URL": self.services.database_url(),
            "KORA_REDIS_URL": self.services.redis_url(),
            "DJANGO_SETTINGS_MODULE": "kora_site.settings",
            "PYTHONUNBUFFERED": "1",
            # LiteLLM would otherwise fetch its price map from the network when imported.
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }

    def _place_shipped_models(self, variables: dict[str, str]) -> None:
        """KORA is of use without it, so a failure is said and passed over."""
        self.terminal.say("Putting the models that come with KORA into the store")
        child = self._finished("models", ("kora_site.up.shipped",), variables)
        if child.process.exit_status():
            self.terminal.say(f"Not all of them are there; see {child.log.path}")

    def _prepare(self, variables: dict[str, str]) -> None:
        self.terminal.say("Preparing the database")
        command = ("kora_site.up.prepare", door.url(self.door))
        child = self._finished("prepare", command, variables)
        if child.process.exit_status():
            raise errors.StartError(f"The database could not be prepared; see {child.log.path}.")

    def _finished(self, name: str, command: tuple[str, ...], variables: dict[str, str]) -> Child:
        """Runs what is done once before the rest begins, to its end."""
        child = self._child(Program(name=name, command=command), variables)
        self.watch.add(child)
        self.watch.until(lambda: not child.process.is_alive(), within_s=3600)
        self.watch.children.remove(child)
        child.process.kill()
        while child.pump():
            self.watch.turn(0.0)
        if self.watch.stopping:
            raise StoppedError
        return child

    def _child(self, program: Program, variables: dict[str, str]) -> Child:
        return Child(
            name=program.name,
            process=program.process(variables),
            log=LogFile(path=self.folder / "logs" / f"{program.name}.log"),
            terminal=self.terminal,
        )

    def _await_ready(self) -> None:
        address = door.url(self.door)
        self._reach(lambda: door.answers(address), within_s=READY_S)

    def _reach(self, done: Callable[[], bool], *, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while not done():
            self.watch.turn(0.05)
            if self.watch.stopping:
                raise StoppedError
            self.watch.revive()
            self._give_up_on(deadline)

    def _give_up_on(self, deadline: float) -> None:
        for child in self.watch.children:
            if child.deaths >= TRIES:
                raise errors.StartError(
                    f"{child.name} does not start ({child.how_it_ended()}); see {child.log.path}."
                )
        if time.monotonic() > deadline:
            raise errors.StartError(
                f"KORA did not become ready in time; see {self.folder / 'logs'} and /readyz."
            )

    def _record(self) -> None:
        """For tests and for the curious; a full disk must not end KORA for it."""
        pids = {child.name: child.process.pid for child in self.watch.children}
        path = self.folder / "run" / "processes.json"
        with contextlib.suppress(OSError):
            home.write_private(path, {"supervisor": os.getpid(), **pids})

    def _stop(self) -> None:
        """No new requests; running ones finish while their workers still live; then the rest."""
        self.terminal.say("Stopping; running requests may finish")
        self.door.close()
        started = {child.name: child for child in self.watch.children}
        webs = programs.web_names(environment.web_processes())
        self._end(
            [started[name] for name in (*webs, "beat", "prepare", "models") if name in started],
            within_s=programs.WEB_GRACE_S,
        )
        self._end(
            [started[name] for name in programs.WORKERS if name in started],
            within_s=programs.WORKER_GRACE_S,
        )
        self.services.stop()
        home.forget(environment.services_file(), self.folder / "run" / "processes.json")
        self.terminal.say("KORA has stopped")

    def _end(self, children: list[Child], *, within_s: float) -> None:
        for child in children:
            child.process.ask_to_stop()
        self.watch.until(
            lambda: not any(child.process.is_alive() for child in children), within_s=within_s
        )
        for child in children:
            child.process.kill()
