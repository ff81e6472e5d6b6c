"""Answers by meaning through the whole of KORA, with the embedder that ships."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.journeys.test_cache import bare, chunks, said
from tests.journeys.world import World
from tests.running import eventually

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def book(world: World) -> Iterator[psycopg.Connection[Any]]:
    url = world.kora.services()["database_url"]
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def trusting(world: World, book: psycopg.Connection[Any]) -> Iterator[int]:
    """A team of its own, whose static threshold two wordings of one question reach."""
    name = f"answers-{uuid4().hex[:8]}"
    team_id: int = world.make("teams", name=name)["id"]
    world.keys[name] = world.make("keys", name=uuid4().hex, team=name, scopes=["infer"])["key"]
    world.teams[name] = team_id
    book.execute(
        "INSERT INTO caching_cacheterms (team_id, semantic, epsilon, static_threshold,"
        " shadow_share, shadow_usd_a_day, judge_model, scope, ttl_s, rows, bytes,"
        " automatic_patterns, routes)"
        " VALUES (%s, true, 0.02, 0.85, 0, 1, '', 'team', 600000, 1000, 10000000, false, '{}')",
        (team_id,),
    )
    eventually(lambda: _generation(book), within_s=90, what="a generation of vectors")
    yield team_id


def _generation(book: psycopg.Connection[Any]) -> bool:
    return (
        book.execute("SELECT FROM caching_generation WHERE state = 'live'").fetchone() is not None
    )


class Asker:
    """One team's key against one running KORA."""

    def __init__(self, world: World, book: psycopg.Connection[Any], team_id: int) -> None:
        self.world, self.book, self.team_id = world, book, team_id
        name = next(name for name, known in world.teams.items() if known == team_id)
        self.key = world.keys[name]

    def ask(self, text: str, **fields: Any) -> httpx.Response:
        extras = fields.pop("kora", {})
        return self.world.chat(text, key=self.key, kora=extras, **fields)

    def learn(self, text: str, **fields: Any) -> httpx.Response:
        answer = self.ask(text, **fields)
        assert answer.status_code == 200, answer.text
        eventually(self._placed, within_s=20, what="the vector of what was asked last")
        return answer

    def _placed(self) -> bool:
        """Not of all: what was asked while the embedder was being opened waits for an hour."""
        last = self.book.execute(
            "SELECT EXISTS (SELECT FROM caching_entryvector v WHERE v.entry_id = e.id)"
            "  FROM caching_entry e WHERE team_id = %s ORDER BY e.id DESC LIMIT 1",
            (self.team_id,),
        ).fetchone()
        return last is not None and bool(last[0])

    def say(self, answer: httpx.Response, **word: Any) -> httpx.Response:
        return httpx.post(
            f"{self.world.kora.url}/v1/feedback",
            json={"request_id": answer.headers["x-kora-request-id"], **word},
            headers={"authorization": f"Bearer {self.key}"},
        )


@pytest.fixture
def asker(world: World, book: psycopg.Connection[Any], trusting: int) -> Asker:
    made = Asker(world, book, trusting)
    # Terms reach the web process with its next look.
    eventually(lambda: made.ask("ping").status_code == 200, within_s=10, what="an answer")
    return made


def tier(answer: httpx.Response) -> str:
    kept = answer.headers.get("x-kora-tier", "")
    return kept if answer.status_code == 200 else str(answer.status_code)


def test_a_paraphrase_is_served_and_another_number_is_not(asker: Asker) -> None:
    first = asker.learn("How do I cancel an order within 14 days?")
    same = asker.ask("How can I cancel an order within 14 days?")
    other = asker.ask("How can I cancel an order within 30 days?")
    assert (tier(first), tier(same)) == ("cloud", "semantic")
    assert said(same) == said(first)
    assert float(same.headers["x-kora-similarity"]) > 0.85
    assert same.headers["x-kora-reason"] == "cache:semantic"
    assert tier(other) == "cloud"
    told = asker.world.receipt(other, asker.key)["receipt"]["meaning"]
    assert told["reason"].startswith("guard:")
    assert told["neighbours"][0]["question"]


def test_controls_only_ask_for_more(asker: Asker) -> None:
    asker.learn("How do I return a parcel?")
    like = "How can I return a parcel?"
    wanted = {
        "only": ({"cache": "only"}, "semantic"),
        "no-store": ({"cache": "no-store"}, "semantic"),
        "old": ({"cache": "only", "max_age": 0}, "422"),
        "nearer": ({"cache": "only", "similarity": 0.9999}, "422"),
        "looser": ({"cache": "only", "similarity": 0.1}, "semantic"),
        "no-cache": ({"cache": "no-cache"}, "cloud"),
    }
    found = {name: tier(asker.ask(like, kora=extras)) for name, (extras, _) in wanted.items()}
    assert found == {name: expected for name, (_, expected) in wanted.items()}


def test_no_other_team_is_served(asker: Asker) -> None:
    asker.learn("Where is the nearest office of the bank?")
    for text in ("Where is the nearest office of the bank?", "Where is the bank's nearest office?"):
        other = asker.world.chat(text, key=asker.world.keys["blue"], kora={"cache": "only"})
        assert other.status_code == 422


def test_a_streamed_replay_is_the_same_but_for_its_id(asker: Asker) -> None:
    fresh = asker.learn("How do I open a savings account?", stream=True)
    again = asker.ask("How can I open a savings account?", stream=True)
    assert tier(again) == "semantic"
    assert [bare(each) for each in chunks(again)] == [bare(each) for each in chunks(fresh)]


def test_a_complaint_is_heard_at_once(asker: Asker) -> None:
    asker.learn("How do I invite a colleague?")
    hit = asker.ask("How can I invite a colleague?")
    assert tier(hit) == "semantic"
    assert asker.say(hit, thumb="down").json()["stored"] is True
    only = {"cache": "only"}
    assert asker.ask("How can I invite a colleague?", kora=only).status_code == 422
    assert asker.ask("How do I invite a colleague?", kora=only).status_code == 422
    assert asker.say(hit, thumb="down").status_code == 200


def test_end_users_can_have_their_own(asker: Asker) -> None:
    asker.book.execute(
        "UPDATE caching_cacheterms SET scope = 'user' WHERE team_id = %s", (asker.team_id,)
    )
    only = {"cache": "only"}
    eventually(
        lambda: asker.ask("ping", kora=only).status_code == 422, within_s=10, what="the new terms"
    )
    asker.learn("How do I delete the account?", kora={"user": "ada"})
    like = "How can I delete the account?"
    assert tier(asker.ask(like, kora={"user": "ada"})) == "semantic"
    assert asker.ask(like, kora={"user": "bob", **only}).status_code == 422
    assert asker.ask(like, kora=only).status_code == 422


@pytest.mark.faults
def test_evidence_outlives_the_background_worker(asker: Asker) -> None:
    """Undecided when the worker is killed, decided by the next."""
    asker.learn("How do I renew a passport for a child?")
    asker.world.kora.kill("background")
    asker.ask("How do I renew a visa for a child abroad?")

    def rows() -> list[tuple[Any, ...]]:
        found = asker.book.execute(
            'SELECT "right", judged_by FROM caching_evidence WHERE team_id = %s', (asker.team_id,)
        )
        return found.fetchall()

    eventually(lambda: bool(rows()), within_s=20, what="evidence")
    eventually(
        lambda: all(right is not None and by for right, by in rows()),
        within_s=90,
        what="a decision",
    )
