"""`manage.py up`: everything in the foreground until Ctrl-C."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from kora_site import environment


class Command(BaseCommand):
    help = (
        "Starts Postgres, Redis, the web, the workers and beat, and stops them on Ctrl-C or "
        "SIGTERM. KORA_HOME, KORA_HOST and KORA_PORT say where; KORA_DATABASE_URL, "
        "KORA_REDIS_URL and KORA_BROKER_URL name services that run already."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", help="the address to listen on (KORA_HOST)")
        parser.add_argument("--port", help="the port to listen on (KORA_PORT)")

    def handle(self, *_args: Any, **options: Any) -> None:
        for name in ("host", "port"):
            if options[name]:
                os.environ[f"KORA_{name.upper()}"] = options[name]
        os.environ["KORA_HOME"] = str(environment.home())
        os.chdir(environment.ROOT)
        # Replaced, so that the supervisor does not carry Django's memory for its whole life.
        os.execv(sys.executable, [sys.executable, "-m", "kora_site.up"])  # noqa: S606
