"""When a key was last used is known within seconds, and using one costs no query."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from routing import catalog, connections
from teams import keys
from teams.errors import InvalidKey
from teams.models import ApiKey, KeyUse, Team
from tests.analytics import books
from tests.running import eventually
from tests.teams.conftest import as_member, member_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    keys._used.clear()
    keys.forget_all()
    yield
    keys._used.clear()
    keys.forget_all()
    connections.drop()


def stopped() -> threading.Event:
    stop = threading.Event()
    stop.set()
    return stop


def test_the_console_shows_when_a_key_was_last_used(red: Team) -> None:
    issued, unused = keys.issue(red, name="app"), keys.issue(red, name="other")
    began = datetime.now(UTC)
    keys.recognise(issued.text)
    catalog.watch(stopped())
    owner = as_member(member_of(red, "owner"))
    shown = {each["id"]: each["last_used_at"] for each in owner.get("/api/keys/").json()["results"]}
    assert shown[unused.key.pk] is None
    assert began <= datetime.fromisoformat(shown[issued.key.pk]) <= datetime.now(UTC)


def test_what_changed_is_written_while_the_watch_runs(
    red: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "POLL_S", 0.01)
    monkeypatch.setattr(catalog, "USES_EVERY_S", 0.02)
    issued, stop = keys.issue(red, name="app"), threading.Event()
    watching = threading.Thread(target=catalog.watch, args=(stop,))
    watching.start()
    try:
        keys.recognise(issued.text)
        eventually(KeyUse.objects.exists, within_s=5, what="a note")
        first = KeyUse.objects.get().last_used_at
        keys.recognise(issued.text)
        later = KeyUse.objects.filter(last_used_at__gt=first)
        eventually(later.exists, within_s=5, what="a later note")
    finally:
        stop.set()
        watching.join(5)


def test_a_key_in_use_costs_no_query(red: Team, django_assert_num_queries: Any) -> None:
    issued = keys.issue(red, name="app")
    keys.trust_until(time.monotonic() + 5)
    keys.recognise(issued.text)
    with django_assert_num_queries(0):
        keys.recognise(issued.text)


def test_the_latest_use_counts_whoever_saw_it_and_deleted_keys_are_none(red: Team) -> None:
    kept, gone = keys.issue(red, name="kept").key, keys.issue(red, name="gone").key
    gone_id = gone.pk
    ApiKey.objects.filter(pk=gone_id).delete()
    with books.connect() as connection:
        for at in (1_800_000_000.5, 1_700_000_000.0):
            keys._used.update({kept.pk: at, gone_id: at})
            keys.write_uses(connection)
    assert KeyUse.objects.get().last_used_at.timestamp() == 1_800_000_000.5


def test_uses_that_could_not_be_written_are_written_later(red: Team) -> None:
    issued = keys.issue(red, name="app")
    keys.recognise(issued.text)
    with books.connect() as connection:
        connection.close()
        with pytest.raises(psycopg.OperationalError):
            keys.write_uses(connection)
    assert not KeyUse.objects.exists()
    catalog.watch(stopped())
    assert KeyUse.objects.get().key_id == issued.key.pk


def test_a_wrong_secret_is_no_use(red: Team) -> None:
    issued = keys.issue(red, name="app")
    with pytest.raises(InvalidKey):
        keys.recognise(issued.text[:-1] + ("a" if issued.text[-1] != "a" else "b"))
    assert keys._used == {}
