"""Raw connections to the test database, as the data plane uses them, and words to fill the book."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from analytics.lookup import Connection
from tests.analytics import books
from tests.analytics.books import Book


@pytest.fixture
def connect(transactional_db: None) -> Iterator[Callable[[], Connection]]:
    """As many connections as a test wants; they end with it."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(books.connect())


@pytest.fixture
def connection(connect: Callable[[], Connection]) -> psycopg.Connection[Any]:
    return connect()


@pytest.fixture
def book(transactional_db: None) -> Book:
    return Book.open()
