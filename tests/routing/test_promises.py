"""While an SLA burns, requests of its route are answered by who keeps it; the receipt says so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from analytics.models import Price, Sla, SlaState
from routing import purses, vitals
from routing.models import Backend
from routing.paces import Around
from teams.models import Organisation, Team
from tests.routing import inside
from tests.routing.test_ruled import Client, receipt

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def client(transactional_db: None) -> Iterator[Client]:
    """`slow` writes twenty tokens a second and is cheap, `fast` two hundred and is dear."""
    vitals._vitals.clear()
    purses.forget()
    for name, price, tps in (("slow", 1, 20), ("fast", 60, 200)):
        Price.objects.create(backend=name, price_in=1, price_out=price, price_cached_in=1)
        Backend.objects.create(name=name, kind="sandbox", model="toy", quality=0.8)
        for _ in range(20):
            vitals.streamed(
                name, first_s=0.3, tokens=200, writing_s=200 / tps, around=Around(crowd=0, read=9)
            )
    team = Team.objects.create(organisation=Organisation.objects.create(name="Acme"), name="red")
    with inside.opened() as opened:
        yield Client(opened, team)
    vitals._vitals.clear()


def promise(client: Client, verdict: str, **terms: object) -> Sla:
    made = Sla.objects.create(team=client.team, name="quick", route="auto", total_ms=4000, **terms)
    SlaState.objects.create(sla=made, verdict=verdict, burning=["total"])
    client.kora.refresh()
    return made


def test_a_burning_sla_brings_the_backend_that_keeps_it(client: Client) -> None:
    assert client.ask("before", model="auto").headers["x-kora-backend"] == "slow"
    promise(client, "fast")
    heard = client.ask("after", model="auto")
    assert heard.headers["x-kora-backend"] == "fast"
    told = receipt(heard).receipt
    assert told["sla"] == {
        "under": ["quick"],
        "burning": ["quick"],
        "weights": {"miss": 2.0, "deadline_s": 4.0},
    }
    assert told["prediction"]["backend"] == "fast"
    assert told["prediction"]["deadline_ms"] == 4000
    assert told["prediction"]["until_ms"] >= 4000
    late = {each["backend"]: each["p_miss"] for each in told["candidates"]}
    assert late["slow"] > 0.5 > late["fast"]
    assert told["attempts"][0]["began_ms"] >= told["attempts"][0]["started_ms"]


@pytest.mark.parametrize(
    ("verdict", "terms", "model"),
    [("calm", {}, "auto"), ("slow", {}, "auto"), ("fast", {"stricter": False}, "auto")],
)
def test_what_does_not_burn_fast_changes_nothing(
    client: Client, verdict: str, terms: dict[str, object], model: str
) -> None:
    promise(client, verdict, **terms)
    heard = client.ask(model=model)
    assert heard.headers["x-kora-backend"] == "slow"
    assert "weights" not in receipt(heard).receipt["sla"]


def test_other_routes_are_not_touched(client: Client) -> None:
    promise(client, "fast")
    assert "sla" not in receipt(client.ask(model="auto:cheap")).receipt
