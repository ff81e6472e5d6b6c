"""What a worker knows of a backend, and that it never calls an address inside the network."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from analytics.models import Exchange, Price
from inference.words import EngineError, Failure, Target
from routing import connections, targets
from routing.models import Backend
from teams import addresses, keys
from teams.models import Organisation, Scope, Team
from tests.routing import inside

pytestmark = pytest.mark.django_db(transaction=True)

PUBLIC, INSIDE = "93.184.215.14", "169.254.169.254"


class Names:
    """What names mean at the moment, and how often somebody asked."""

    def __init__(self) -> None:
        self.meaning = PUBLIC
        self.asked = 0

    def getaddrinfo(self, host: str, *_: Any, **__: Any) -> list[Any]:
        self.asked += 1
        return [(0, 0, 0, "", (self.meaning, 0))]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    made = Names()
    stand_in = SimpleNamespace(getaddrinfo=made.getaddrinfo, SOCK_STREAM=socket.SOCK_STREAM)
    monkeypatch.setattr(addresses, "socket", stand_in)
    return made


@pytest.fixture(autouse=True)
def nothing_known(transactional_db: None) -> Iterator[None]:
    targets._known.clear()
    yield
    targets._known.clear()
    connections.drop()


@pytest.fixture
def backend() -> Backend:
    return Backend.objects.create(
        name="out", kind="openai-compatible", model="m", api_base="https://api.example.com/v1"
    )


def test_a_name_that_comes_to_mean_an_inner_address_is_refused(
    names: Names, backend: Backend
) -> None:
    assert targets.load(backend.pk).api_base == backend.api_base
    names.meaning = INSIDE
    with pytest.raises(EngineError, match="inside this network") as refused:
        targets.load(backend.pk)
    assert refused.value.failure == Failure.KEY_PERMANENT
    assert backend.pk not in targets._known


def test_private_addresses_may_be_allowed(names: Names, backend: Backend, settings: Any) -> None:
    names.meaning = INSIDE
    settings.KORA_ALLOW_PRIVATE_UPSTREAMS = ("api.example.com",)
    assert targets.load(backend.pk).name == "out"


async def test_a_known_target_is_looked_at_again_after_a_minute(
    names: Names, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = backend.updated_at.isoformat()
    target = Target(name="out", kind="cloud", model="m", api_base=backend.api_base)
    targets._remember(backend.pk, version, target, ())
    assert await targets.find(backend.pk, version) is target
    assert names.asked == 1
    monkeypatch.setattr(targets, "load", None)  # the table need not be read again
    monkeypatch.setattr(targets, "CHECKED_FOR_S", -1.0)
    targets._remember(backend.pk, version, target, ())
    assert await targets.find(backend.pk, version) is target
    assert names.asked == 3
    names.meaning = INSIDE
    with pytest.raises(EngineError, match="inside this network"):
        await targets.find(backend.pk, version)


def test_the_next_backend_is_tried(names: Names, backend: Backend) -> None:
    names.meaning = INSIDE
    Backend.objects.create(name="toy", kind="sandbox", model="toy")
    for name, usd in (("out", 1), ("toy", 2)):
        Price.objects.create(backend=name, price_in=usd, price_out=usd, price_cached_in=usd)
    team = Team.objects.create(organisation=Organisation.objects.create(name="Acme"), name="red")
    key = keys.issue(team, name="app", scopes=[Scope.INFER]).text
    body = {"model": "auto", "messages": [{"role": "user", "content": "hello"}]}
    headers = [(b"authorization", f"Bearer {key}".encode())]
    with inside.opened() as kora:
        assert kora.ask(orjson.dumps(body), headers=headers).status == 200
    receipt = Exchange.objects.get().receipt
    tried = [(each["backend"], each["outcome"]) for each in receipt["attempts"]]
    assert tried == [("out", "key_permanent"), ("toy", "answered")]
