"""A connection as the hot path has it, a team, and indexes that know nothing of other tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from analytics.lookup import Connection
from caching.vectors import index
from tests.analytics import books
from tests.analytics.books import Book


@pytest.fixture
def connection(transactional_db: None) -> Iterator[Connection]:
    index.close()
    with books.connect() as opened:
        yield opened
    index.close()


@pytest.fixture
def team_id(transactional_db: None) -> int:
    return Book.open().team.pk
