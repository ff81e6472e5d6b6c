"""What kind of request it is, on a request's way: what its receipt says and what it never costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from analytics.models import Exchange, Price
from caching.models import CacheTerms
from caching.vectors import generations
from routing import embedders, tasks
from routing.intents import knowing, teaching
from routing.models import Backend, IntentMind, TeamIntent
from teams import keys
from teams.models import Organisation, Scope, Team
from tests.analytics import books
from tests.routing import inside
from tests.routing.inside import Heard, Inside
from tests.routing.meaning import Words

pytestmark = pytest.mark.django_db(transaction=True)

REFUNDS = (
    "refund my order",
    "want money back order",
    "return product get refund",
    "refund not arrived",
    "money back broken product",
    "order refund status",
)
PARKING = (
    "park car office",
    "parking space visitors",
    "garage parking permit",
    "where park bicycle office",
    "parking permit office garage",
    "visitors car garage",
)


@pytest.fixture
def words() -> Iterator[Words]:
    embedders._house = made = Words()
    knowing.forget()
    yield made
    knowing.forget()
    embedders.close()


@pytest.fixture
def team(words: Words) -> Team:
    made = Team.objects.create(organisation=Organisation.objects.create(name="Acme"), name="red")
    Price.objects.create(backend="toy", price_in=1, price_out=2, price_cached_in=1)
    Backend.objects.create(
        name="toy", kind="sandbox", model="toy", options={"token_ms": 0, "first_token_ms": 0}
    )
    with books.connect() as connection:
        generations.begin(connection, words)
    return made


@pytest.fixture
def kora(team: Team) -> Iterator[Inside]:
    with inside.opened() as opened:
        yield opened


class Client:
    def __init__(self, kora: Inside, team: Team) -> None:
        text = keys.issue(team, name="app", scopes=[Scope.INFER]).text
        self._kora, self._headers = kora, [(b"authorization", f"Bearer {text}".encode())]

    def ask(self, text: str, **fields: Any) -> Heard:
        body = {"model": "auto", "messages": [{"role": "user", "content": text}], **fields}
        heard = self._kora.ask(orjson.dumps(body), headers=self._headers)
        assert heard.status == 200, heard.body
        self._kora.settle()
        return heard

    def intent_of(self, text: str, **fields: Any) -> dict[str, Any]:
        request_id = self.ask(text, **fields).headers["x-kora-request-id"]
        found: dict[str, Any] = Exchange.objects.get(pk=request_id).receipt["intent"]
        return found


@pytest.fixture
def client(kora: Inside, team: Team) -> Client:
    return Client(kora, team)


def learn(embedder: Words) -> None:
    """As the worker's turn and the web process's watch do."""
    tasks.teach_intents()
    with books.connect() as connection:
        knowing.look(connection, embedder.name, every_s=0)


def teach(team: Team) -> None:
    for name, examples in (("refund", REFUNDS), ("parking", PARKING)):
        TeamIntent.objects.create(team=team, name=name, examples=list(examples))


def not_by_meaning(kora: Inside, team: Team) -> None:
    CacheTerms.objects.create(team=team, semantic=False)
    kora.refresh()


def test_before_anything_is_learned_rules_speak_and_nobody_else(
    client: Client, words: Words
) -> None:
    assert client.intent_of("Hello!")["intent"] == "greeting"
    said = client.intent_of("parking permit for the garage?")
    assert (said["intent"], said["complexity"], said["why"]) == ("", None, "untaught")


def test_a_team_s_own_intents_are_in_receipts_once_learned(
    client: Client, team: Team, words: Words
) -> None:
    teach(team)
    learn(words)
    said = client.intent_of("please refund the order, money back")
    assert (said["intent"], said["by"]) == ("refund", "examples")
    assert said["confidence"] > 0.6
    assert client.intent_of("office garage parking?")["intent"] == "parking"


def test_what_no_intent_is_stays_without_one(client: Client, team: Team, words: Words) -> None:
    teach(team)
    learn(words)
    said = client.intent_of("quantum chromodynamics lattice gluons")
    assert said["intent"] not in {"refund", "parking"}


def test_a_team_s_intents_are_nobody_else_s(
    client: Client, kora: Inside, team: Team, words: Words
) -> None:
    teach(team)
    learn(words)
    blue = Team.objects.create(organisation=team.organisation, name="blue")
    kora.refresh()
    assert Client(kora, blue).intent_of("refund my order")["intent"] != "refund"


def test_a_busy_embedder_is_not_waited_for(client: Client, team: Team, words: Words) -> None:
    teach(team)
    learn(words)
    words.wait_s = 9.0
    asked = len(words.asked)
    said = client.intent_of("please refund the order, money back")
    assert (said["intent"], said["why"]) == ("", "embedder-busy")
    assert len(words.asked) == asked
    said = client.intent_of("Translate to German: refund")
    assert (said["intent"], said["by"], said["complexity"]) == ("translation", "rules", None)


def test_of_a_named_model_only_what_is_free_is_told(
    client: Client, kora: Inside, team: Team, words: Words
) -> None:
    not_by_meaning(kora, team)
    teach(team)
    learn(words)
    asked = len(words.asked)
    said = client.intent_of("please refund the order, money back", model="toy")
    assert (said["intent"], said["why"]) == ("", "not-needed")
    assert len(words.asked) == asked


def test_the_vector_is_made_of_the_user_s_own_words_where_no_question_is_compared(
    client: Client, kora: Inside, team: Team, words: Words
) -> None:
    teach(team)
    learn(words)
    not_by_meaning(kora, team)
    noise = "<system-reminder>parking garage permit visitors</system-reminder>"
    said = client.intent_of(f"{noise}please refund the order, money back")
    assert said["intent"] == "refund"
    assert words.asked[-1][0] == ("please refund the order, money back",)


def test_one_vector_serves_the_stored_answers_and_the_intent(
    client: Client, team: Team, words: Words
) -> None:
    teach(team)
    learn(words)
    before = len(words.asked)
    client.intent_of("please refund the order, money back")
    assert len(words.asked) == before + 1


def test_a_mind_of_another_embedder_says_nothing(client: Client, team: Team, words: Words) -> None:
    teach(team)
    learn(words)
    words.name = "words:other"
    said = client.intent_of("please refund the order, money back")
    assert (said["intent"], said["why"]) == ("", "untaught")


def test_minds_are_made_once_and_again_when_intents_change(team: Team, words: Words) -> None:
    teach(team)
    assert tasks.teach_intents() == 2
    assert tasks.teach_intents() == 0
    TeamIntent.objects.filter(name="parking").delete()
    assert teaching.due(words.name) == [team.pk]
    assert tasks.teach_intents() == 1
    TeamIntent.objects.all().delete()
    assert tasks.teach_intents() == 1
    learn(words)
    assert not knowing.of(team.pk, words.name).own.classifier
    assert knowing.of(team.pk, words.name).shipped.classifier


def test_two_workers_do_not_make_the_same_mind(team: Team, words: Words) -> None:
    teach(team)
    with books.connect() as other:
        other.execute(teaching.LOCK, (teaching.LOCK_KIND, team.pk))
        assert not teaching.teach(team.pk, words)
    assert teaching.teach(team.pk, words)  # the other worker has gone
    assert IntentMind.objects.filter(team=team).count() == 1


def test_few_minds_are_kept(team: Team, words: Words) -> None:
    teach(team)
    for number in range(teaching.KEPT + 2):
        intent = TeamIntent.objects.get(name="refund")
        intent.examples = [*REFUNDS, f"refund {number}"]
        intent.save()
        assert teaching.teach(team.pk, words)
    assert IntentMind.objects.filter(team=team).count() == teaching.KEPT
