"""`manage.py credentials`: shows where the first run's are, or makes new ones."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from kora_site import firstrun


class Command(BaseCommand):
    help = "Makes a new administrator password and new keys for a running KORA (--reset)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--reset",
            action="store_true",
            help="revoke the keys of the first run and set a new administrator password",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if not options["reset"]:
            self.stdout.write(f"The credentials of the first run are in {firstrun.path()}.")
            return
        try:
            made = firstrun.reset(firstrun.known_url())
        except OperationalError as error:
            raise CommandError("KORA's database does not answer; is `make up` running?") from error
        for name, value in made.items():
            self.stdout.write(f"{name:<15} {value}")
        self.stdout.write(f"Kept in {firstrun.path()}, readable by you only.")
