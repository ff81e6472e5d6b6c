"""`manage.py books --check`: does every figure agree with the rows it stands for?"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError

from analytics import ledger, tasks


class Command(BaseCommand):
    help = "Look at the books: windows, receipts and attempts against the ledger."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="print every figure that is wrong; exit 1 if any"
        )

    def handle(self, *_args: Any, check: bool, **_options: Any) -> None:
        if not check:
            raise CommandError("Say what to do with the books: --check")
        try:
            with tasks.connect() as connection:
                wrong = ledger.checks(connection)
        except psycopg.OperationalError as error:
            raise CommandError("KORA's database does not answer; is `make up` running?") from error
        for sentence in wrong:
            self.stdout.write(sentence)
        if wrong:
            raise CommandError(f"{len(wrong)} figures are wrong")
        self.stdout.write("The books balance.")
