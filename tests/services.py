"""A pytest plugin: one real Postgres and one real Redis for the whole run, in a home of their own.

Loaded with `-p tests.services`, because settings read the environment when they are imported.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from kora_site.up.postgres import Postgres
from kora_site.up.redis import Redis

HOME = Path(tempfile.gettempdir())


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """A wrapper, so that it runs before pytest-django loads the settings in the same hook."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what follows is cleaned up
    _start()
    return (yield)


def _start() -> None:
    global HOME
    HOME = Path(tempfile.mkdtemp(prefix="kora-tests-"))
    (HOME / "static").mkdir()  # WhiteNoise warns of an absent folder
    postgres, redis = Postgres(home=HOME, durable=False), Redis(home=HOME)
    atexit.register(shutil.rmtree, HOME, ignore_errors=True)
    log = os.open(HOME / "services.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for service in (postgres, redis):
        service.start(log)
        atexit.register(service.stop)
    _announce(postgres.url, redis.url)


def _announce(database_url: str, redis_url: str) -> None:
    for name in [name for name in os.environ if name.startswith("KORA_")]:
        del os.environ[name]
    os.environ["KORA_HOME"] = str(HOME)
    os.environ["KORA_DATABASE_URL"] = database_url
    os.environ["KORA_REDIS_URL"] = redis_url
    os.environ["KORA_SECRET_KEY"] = "a secret that only tests use"
