"""Answers served for their meaning: to whom, under which terms, and what a request may demand."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.test import Client as Browser

from analytics import ledger
from analytics.models import Exchange, Feedback, LedgerRow, Price
from caching.models import CacheTerms, Entry, EntryVector, Evidence, Pattern
from caching.vectors import generations
from inference.words import EngineError, Failure
from routing import comparisons, embedders, judges
from routing.models import Backend
from teams import keys
from teams.models import Organisation, Scope, Team
from tests.analytics import books
from tests.routing import inside
from tests.routing.inside import Heard, Inside
from tests.routing.meaning import Words
from tests.running import eventually

pytestmark = pytest.mark.django_db(transaction=True)

ASKED = "How do I reset my password?"
SAME = "Please, how can I reset my password?"


@pytest.fixture
def words() -> Iterator[Words]:
    embedders._house = made = Words()
    yield made
    embedders.close()


@pytest.fixture
def team(words: Words) -> Team:
    organisation = Organisation.objects.create(name="Acme")
    made = Team.objects.create(organisation=organisation, name="red")
    Price.objects.create(backend="toy", price_in=1, price_out=2, price_cached_in=1)
    Backend.objects.create(
        name="toy", kind="sandbox", model="toy", options={"token_ms": 0, "first_token_ms": 0}
    )
    with books.connect() as connection:
        generations.begin(connection, words)
    return made


class Client:
    """Speaks as one team's key."""

    def __init__(self, kora: Inside, team: Team) -> None:
        self.kora = kora
        text = keys.issue(team, name="app", scopes=[Scope.INFER]).text
        self._headers = [(b"authorization", f"Bearer {text}".encode())]

    def ask(self, text: str = ASKED, *, stream: bool = False, **extras: Any) -> Heard:
        body = {"model": "toy", "messages": [{"role": "user", "content": text}], "stream": stream}
        return self.kora.ask(orjson.dumps({**body, "kora": extras}), headers=self._headers)

    def say(self, **word: Any) -> Heard:
        return self.kora.ask(orjson.dumps(word), headers=self._headers, path="/v1/feedback")

    def learn(self, text: str = ASKED, **extras: Any) -> Heard:
        """Asked, answered, stored, and findable."""
        before = EntryVector.objects.count()
        heard = self.ask(text, **extras)
        assert heard.status == 200, heard.body
        eventually(lambda: EntryVector.objects.count() > before, within_s=5, what="a vector")
        return heard


@pytest.fixture
def kora(team: Team) -> Iterator[Inside]:
    with inside.opened() as opened:
        yield opened
        assert not opened.room.flights._flying, "somebody would wait for ever"
    with books.connect() as connection:
        assert ledger.checks(connection) == []


@pytest.fixture
def client(kora: Inside, team: Team) -> Client:
    return Client(kora, team)


def tier(heard: Heard) -> str:
    return heard.headers["x-kora-tier"] if heard.status == 200 else str(heard.status)


def said(heard: Heard) -> Any:
    return heard.json()["choices"]


def receipt(heard: Heard) -> dict[str, Any]:
    kept: dict[str, Any] = Exchange.objects.get(pk=heard.headers["x-kora-request-id"]).receipt
    return kept


def test_a_question_that_means_the_same_is_answered_from_the_store(client: Client) -> None:
    first = client.learn()
    again = client.ask(SAME)
    assert (tier(first), tier(again)) == ("cloud", "semantic")
    assert again.headers["x-kora-reason"] == "cache:semantic"
    assert float(again.headers["x-kora-similarity"]) > 0.97
    assert int(again.headers["x-kora-cache-age"]) >= 0
    assert (again.headers["x-kora-backend"], again.headers["x-kora-attempts"]) == ("toy", "0")
    assert Decimal(again.headers["x-kora-saved"]) > 0
    assert said(again) == said(first)
    told = receipt(again)["meaning"]
    assert told["verdict"]["served"] is True
    assert told["neighbours"][0]["question"] == ASKED
    assert LedgerRow.objects.get(exchange_id=again.headers["x-kora-request-id"]).tier == "semantic"


def test_a_guard_that_keeps_them_apart_is_on_the_receipt(client: Client) -> None:
    client.learn("Send 20 euros to Anna")
    other = client.ask("Send 30 euros to Anna")
    assert tier(other) == "cloud"
    told = receipt(other)["meaning"]
    assert told["reason"].startswith("guard:") or told["reason"] == "below-threshold"
    assert told["verdict"]["served"] is False
    assert client.ask("To Anna, kindly send 20 euros").headers["x-kora-tier"] in {
        "semantic",
        "cloud",
    }


def test_the_vector_is_made_once_and_only_where_it_is_needed(client: Client, words: Words) -> None:
    client.learn()
    assert len(words.asked) == 1
    assert tier(client.ask()) == "exact"
    assert len(words.asked) == 1


@pytest.mark.parametrize(
    ("extras", "expected"),
    [
        ({}, "semantic"),
        ({"cache": "only"}, "semantic"),
        ({"cache": "no-cache"}, "cloud"),
        ({"cache": "no-store"}, "semantic"),
        ({"max_age": 0}, "cloud"),
        ({"max_age": 3600}, "semantic"),
        ({"similarity": 0.5}, "semantic"),
        ({"locality": "local", "cache": "only"}, "422"),
        ({"min_quality": 0.1, "cache": "only"}, "422"),
    ],
)
def test_a_request_may_only_ask_for_more(
    client: Client, extras: dict[str, Any], expected: str
) -> None:
    client.learn()
    assert tier(client.ask(SAME, **extras)) == expected


def test_who_asks_for_a_closer_likeness_gets_it(client: Client, team: Team) -> None:
    CacheTerms.objects.create(team=team, static_threshold=0.5, shadow_share=0)
    client.kora.refresh()
    client.learn("open the large garden gate slowly today")
    near = "open the large garden gate slowly"
    found = client.ask(near, similarity=0.99, cache="only")
    assert found.status == 422
    assert Entry.objects.count() <= 1


def test_nothing_is_stored_that_should_not_be(client: Client) -> None:
    client.ask("What does the fox say?", cache="no-store")
    assert not Entry.objects.exists()


@pytest.mark.parametrize("trouble", ["hangs", "missing", "truncates"])
def test_without_a_vector_a_model_is_asked(client: Client, words: Words, trouble: str) -> None:
    client.learn()
    words.hangs = trouble == "hangs"
    words.truncates = trouble == "truncates"
    if trouble == "missing":
        words.trouble = EngineError(Failure.SERVER, "there is no such model")
    heard = client.ask(SAME)
    expected = {"hangs": "embedder-busy", "missing": "no-embedder", "truncates": "too-long"}
    assert tier(heard) == "cloud"
    assert receipt(heard)["misses"]["semantic"] == expected[trouble]


def test_other_teams_have_their_own(client: Client, kora: Inside, team: Team) -> None:
    client.learn()
    other = Team.objects.create(organisation=team.organisation, name="blue")
    assert Client(kora, other).ask(SAME, cache="only").status == 422


def test_end_users_have_their_own_where_the_team_says_so(client: Client, team: Team) -> None:
    CacheTerms.objects.create(team=team, scope="user")
    client.kora.refresh()
    client.learn(user="ada")
    assert tier(client.ask(user="ada")) == "exact"
    assert tier(client.ask(SAME, user="ada")) == "semantic"
    assert client.ask(user="bob", cache="only").status == 422
    assert client.ask(SAME, user="bob", cache="only").status == 422
    assert client.ask(cache="only").status == 422
    assert tier(client.ask()) == "cloud"
    assert tier(client.ask()) == "cloud", "what nobody in particular asks is not stored"
    assert set(Entry.objects.values_list("scope", flat=True)) == {f"u:{team.pk}:ada"}


def test_a_team_may_switch_it_off(client: Client, team: Team) -> None:
    CacheTerms.objects.create(team=team, semantic=False)
    client.kora.refresh()
    client.ask()
    heard = client.ask(SAME)
    assert (tier(heard), receipt(heard)["misses"]["semantic"]) == ("cloud", "switched-off")


def test_a_streamed_answer_is_replayed_byte_for_byte(client: Client) -> None:
    def chunks(heard: Heard) -> list[dict[str, Any]]:
        lines = heard.body.decode().split("\n\n")
        return [orjson.loads(line[6:]) for line in lines if line.startswith("data: {")]

    first, again = client.learn(stream=True), client.ask(SAME, stream=True)
    assert tier(again) == "semantic"
    bare = [
        [{k: v for k, v in chunk.items() if k not in {"id", "usage"}} for chunk in chunks(heard)]
        for heard in (first, again)
    ]
    assert bare[0] == bare[1]


def test_what_was_not_served_becomes_evidence_and_is_decided(client: Client, team: Team) -> None:
    client.learn("where is the blue parcel office")
    client.ask("where is the blue parcel office now located")
    eventually(lambda: Evidence.objects.filter(source="miss").exists(), within_s=5, what="evidence")
    row = Evidence.objects.get()
    assert (row.right, row.team_id, row.served) == (None, team.pk, False)
    assert row.answer
    comparisons.run()
    decided = Evidence.objects.exclude(right=None).get()
    assert decided.judged_by
    assert decided.answer is None
    assert comparisons.run() == 0


def test_a_hit_is_asked_again_on_a_tier_of_its_own(client: Client, team: Team) -> None:
    CacheTerms.objects.create(team=team, shadow_share=1, shadow_usd_a_day="0.5")
    client.kora.refresh()
    client.learn()
    hit = client.ask(SAME)
    assert tier(hit) == "semantic"
    eventually(
        lambda: Evidence.objects.filter(source="shadow").exists(), within_s=5, what="evidence"
    )
    row = Evidence.objects.get()
    assert (row.served, row.weight, str(row.exchange_id)) == (
        True,
        1,
        hit.headers["x-kora-request-id"],
    )
    asked_again = LedgerRow.objects.get(tier="judge")
    assert asked_again.kind == "settlement"
    assert asked_again.cost > 0
    own = Exchange.objects.get(pk=asked_again.exchange_id)
    assert (own.tier, own.reason, own.state) == ("judge", "judge:shadow", "answered")
    assert own.receipt["aside"]["about"] == hit.headers["x-kora-request-id"]
    assert Entry.objects.count() == 1
    client.ask(SAME)
    with books.connect() as connection:
        spent = ledger.spent_today(connection, team.pk, "judge")
    assert spent == asked_again.cost, "the same hit is not asked again within the hour"


def test_no_hit_is_asked_again_beyond_the_day_s_money(client: Client, team: Team) -> None:
    CacheTerms.objects.create(team=team, shadow_share=1, shadow_usd_a_day="0.000000001")
    client.kora.refresh()
    client.learn()
    assert tier(client.ask(SAME)) == "semantic"
    client.kora.settle()
    assert not LedgerRow.objects.filter(tier="judge").exists()
    assert not Exchange.objects.filter(tier="judge").exists()


@pytest.mark.parametrize(
    "said", [{"judge_model": "toy"}, {"routes": {"toy": {"judge_model": "toy"}}}]
)
def test_a_model_compares_where_only_a_model_can(
    client: Client, team: Team, said: dict[str, Any]
) -> None:
    CacheTerms.objects.create(team=team, shadow_share=0, **said)
    client.kora.refresh()
    client.learn("where is the blue parcel office")
    client.ask("where is the blue parcel office now located")
    eventually(Evidence.objects.exists, within_s=5, what="evidence")
    Evidence.objects.update(judged_by="wanted")
    assert client.kora.run(judges.look(client.kora.room)) is True
    assert client.kora.run(judges.look(client.kora.room)) is False
    assert comparisons.run() == 1
    row = Evidence.objects.get()
    assert row.right is not None
    assert row.judged_by in {"model", "unsure"}
    assert LedgerRow.objects.filter(tier="judge").count() == 1


def test_a_complaint_takes_a_served_answer_out_of_service_at_once(client: Client) -> None:
    client.learn()
    hit = client.ask(SAME)
    request_id = hit.headers["x-kora-request-id"]
    for _ in range(2):
        assert client.say(request_id=request_id, thumb="down", comment="no").status == 200
    assert tier(client.ask(SAME, cache="only")) == "422"
    entry = Entry.objects.get()
    assert (entry.quarantine, entry.wrongs) == ("complaint", 1)
    row = Evidence.objects.get(source="feedback")
    assert (row.right, row.judged_by, row.entry_id) == (False, "person", entry.pk)
    assert Feedback.objects.get().comment == "no"
    assert tier(client.ask()) == "cloud"
    assert tier(client.ask(SAME)) in {"semantic", "cloud"}


def test_a_complaint_about_a_fresh_answer_takes_what_it_left(client: Client) -> None:
    fresh = client.learn()
    answer_id = fresh.json()["id"]
    assert client.say(request_id=answer_id, wrong_answer=True).status == 200
    assert client.ask(cache="only").status == 422
    assert not Evidence.objects.exists()


def test_praise_is_kept_and_proves_nothing(client: Client, team: Team) -> None:
    CacheTerms.objects.create(team=team, shadow_share=0)  # being asked again does prove something
    client.kora.refresh()
    client.learn()
    request_id = client.ask(SAME).headers["x-kora-request-id"]
    client.say(request_id=request_id, thumb="up")
    client.say(request_id=request_id, score=0.75, correction="Ask Anna.")
    kept = Feedback.objects.get()
    assert (kept.thumb, kept.score, kept.correction, kept.acted_at) == (1, 0.75, "Ask Anna.", None)
    assert not Evidence.objects.exists()
    assert tier(client.ask(SAME)) == "semantic"


def test_feedback_is_about_one_s_own_requests(client: Client, kora: Inside, team: Team) -> None:
    request_id = client.learn().headers["x-kora-request-id"]
    other = Client(kora, Team.objects.create(organisation=team.organisation, name="blue"))
    assert other.say(request_id=request_id, thumb="down").error["code"] == "not_found"
    assert client.say(request_id=str(uuid4()), thumb="down").status == 404
    assert client.say(request_id="nonsense", thumb="down").status == 404
    assert not Feedback.objects.exists()


@pytest.mark.parametrize(
    ("word", "param"),
    [
        ({}, "request_id"),
        ({"request_id": 7}, "request_id"),
        ({"score": 2}, "score"),
        ({"score": True}, "score"),
        ({"thumb": "sideways"}, "thumb"),
        ({"thumb": 1}, "thumb"),
        ({"wrong_answer": "yes"}, "wrong_answer"),
        ({"comment": "\0"}, "comment"),
        ({"stars": 5}, "stars"),
        ({"request_id": str(uuid4())}, "score"),
    ],
)
def test_feedback_that_is_none_says_what_is_wrong(
    client: Client, word: dict[str, Any], param: str
) -> None:
    heard = client.say(**{"request_id": str(uuid4()), **word} if word else {})
    assert (heard.status, heard.error["param"]) == (400, param)
    assert ("is missing" in heard.error["message"]) == (not word)


def test_a_complaint_about_a_pattern_counts_against_it(client: Client, team: Team) -> None:
    fresh = client.learn()
    pattern = Pattern.objects.create(team=team, name="resets", action="fill", scope="t:1")
    exchange = Exchange.objects.get(pk=fresh.headers["x-kora-request-id"])
    exchange.tier, exchange.receipt["pattern"] = "pattern", {"id": pattern.pk}
    exchange.save(update_fields=["tier", "receipt"])
    for _ in range(2):
        client.say(request_id=str(exchange.pk), wrong_answer=True)
    assert Pattern.objects.get().complaints == 1


def test_the_receipt_s_page_tells_it_in_words(client: Client, django_user_model: Any) -> None:
    client.learn()
    hit = client.ask(SAME)
    person = django_user_model.objects.create_superuser(email="op@acme.test", password="p" * 12)
    browser = Browser()
    browser.force_login(person)
    page = browser.get(f"/requests/{hit.headers['x-kora-request-id']}/")
    text = page.content.decode()
    assert "Questions like this one" in text
    assert ASKED in text
    assert "static threshold" in text or "few enough are wrong" in text
