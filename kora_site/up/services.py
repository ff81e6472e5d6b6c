"""The services KORA stands on: the embedded ones it runs, or others' that it checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from kora_site import environment
from kora_site.up.children import Child
from kora_site.up.logs import LogFile, Terminal
from kora_site.up.postgres import Postgres
from kora_site.up.redis import Redis

Embedded = TypeVar("Embedded", Postgres, Redis)


@dataclass(kw_only=True)
class Services:
    """`postgres` and `redis` are None where the environment names others'."""

    home: Path
    terminal: Terminal
    others: environment.Services = field(default_factory=environment.others_services)
    postgres: Postgres | None = None
    redis: Redis | None = None
    children: list[Child] = field(default_factory=list)

    def prepare(self) -> None:
        self._check_others()
        if not self.others.database_url:
            if not (self.home / "postgres").exists():
                self.terminal.say("Making the database")
            self.postgres = self._embed("postgres", Postgres(home=self.home))
        if not self.others.redis_url:
            self.redis = self._embed("redis", Redis(home=self.home))

    def _embed(self, name: str, service: Embedded) -> Embedded:
        service.prepare()
        self.children.append(
            Child(
                name=name,
                process=service.process,
                log=LogFile(path=self.home / "logs" / f"{name}.log"),
                terminal=self.terminal,
                shown=False,
                recover=service.recover,
            )
        )
        return service

    def _check_others(self) -> None:
        if self.others == environment.Services():
            return
        from kora_site.up import external  # its libraries would slow the usual start

        for url, check in (
            (self.others.database_url, external.check_database),
            (self.others.redis_url, external.check_redis),
            (self.others.broker_url, external.check_broker),
        ):
            if url:
                check(url)

    def are_ready(self) -> bool:
        return all(service.is_ready() for service in (self.postgres, self.redis) if service)

    def database_url(self) -> str:
        return self.postgres.url if self.postgres else self.others.database_url

    def redis_url(self) -> str:
        return self.redis.url if self.redis else self.others.redis_url

    def stop(self) -> None:
        for service in (self.redis, self.postgres):
            if service is not None:
                service.stop()
