"""Fixtures that every test may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings

from tests import running

settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
"""In this process only: a million rounds for every member that a test makes prove nothing."""


@pytest.fixture(scope="session")
def kora(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Kora]:
    """One running KORA for the whole session; a test that breaks it puts it right again."""
    started = running.Kora(
        home=tmp_path_factory.mktemp("kora") / "home",
        variables={
            "KORA_ALLOW_PRIVATE_UPSTREAMS": "127.0.0.1",
            "KORA_ALLOW_PRIVATE_WEBHOOKS": "127.0.0.1",
        },
    )
    try:
        started.start()
        yield started
    finally:
        started.stop()
