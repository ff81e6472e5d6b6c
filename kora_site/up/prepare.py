"""Brings the database to this release and makes the first run's accounts: a child of `up`."""

from __future__ import annotations

import os
import sys

import django
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from kora_site import environment
from kora_site.up import schema

LOCK = 7_260_412
"""Two machines that start on one database migrate it one after the other."""


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kora_site.settings")
    django.setup()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        _migrate()
    except OperationalError as error:
        sys.exit(f"The database refused: {str(error).strip().splitlines()[0]}")
    _first_run(sys.argv[1])
    schema.remember(environment.services().database_url, environment.home())


def _migrate() -> None:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        print(f"Applying {len(plan)} migrations", flush=True)
        call_command("migrate", interactive=False, verbosity=0)


def _first_run(url: str) -> None:
    from kora_site import firstrun  # its models need django.setup()

    firstrun.ensure(url)


if __name__ == "__main__":
    main()
