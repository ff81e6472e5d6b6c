"""A worker that gives up a call for which somebody still waits: as if it had died, never a 500."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator

import pytest

from analytics.models import Attempt, Price
from inference.words import Call, EngineError, Event, Failure, Target
from routing import gauges, vitals
from routing.models import Backend
from teams.models import Organisation, Team
from tests.routing import inside
from tests.routing.hosting import Engines, Hosted
from tests.routing.test_ruled import Client
from tests.running import eventually

pytestmark = pytest.mark.django_db(transaction=True)


class Fickle(Hosted):
    """Gives up so many calls before it answers one."""

    gives_up = 0

    async def run(self, target: Target, call: Call) -> AsyncGenerator[Event, None]:
        if self.gives_up > 0:
            self.gives_up -= 1
            raise EngineError(Failure.CANCELLED, "the call was cancelled")
        async for event in super().run(target, call):
            yield event


@pytest.fixture
def host() -> Fickle:
    made = Fickle(slots=4)
    made.running["one:q8_0"] = 0
    return made


@pytest.fixture
def client(transactional_db: None, host: Fickle) -> Iterator[Client]:
    vitals._vitals.clear()
    gauges.forget()
    Price.objects.create(backend="one", price_in=1, price_out=9, price_cached_in=1)
    Backend.objects.create(name="one", kind="local", model="one:q8_0", quality=0.9)
    team = Team.objects.create(organisation=Organisation.objects.create(name="Acme"), name="red")
    with inside.opened(Engines(host)) as opened:
        eventually(lambda: gauges.of("one:q8_0").places is not None, within_s=5, what="gauges")
        yield Client(opened, team)


@pytest.mark.parametrize("stream", [False, True])
def test_it_is_asked_once_more(client: Client, host: Fickle, stream: bool) -> None:
    host.gives_up = 1
    answer = client.ask("hello", model="one", stream=stream)
    assert answer.status == 200
    assert answer.headers["x-kora-attempts"] == "2"


def test_where_it_never_answers_the_client_is_told_who_failed(client: Client, host: Fickle) -> None:
    host.gives_up = 99
    answer = client.ask("hello", model="one")
    assert (answer.status, answer.error["code"]) in {(502, "upstream_failed"), (503, "unavailable")}
    client.kora.settle()
    assert not Attempt.objects.filter(state__in=["held", "running"]).exists()
