"""From answers over HTTP to what is learned of them: rows, words that come late, versions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import orjson
import pytest

from analytics.models import Price
from routing import connections, lessons
from routing.learning import features, fitting, keeping, outcomes, taking_in, versions
from routing.models import Backend, Outcome, Policy, RouterMind
from teams import keys
from teams.models import Organisation, Scope, Team
from tests.routing import inside
from tests.routing.inside import Heard, Inside

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(taking_in, "EVERY_S", 0.0)
    yield
    lessons.forget()
    connections.drop()


@pytest.fixture
def team(transactional_db: None) -> Team:
    for name, quality in (("small", 0.5), ("big", 0.6)):
        Price.objects.create(backend=name, price_in=1, price_out=2, price_cached_in=1)
        Backend.objects.create(name=name, kind="sandbox", model="toy", quality=quality)
    organisation = Organisation.objects.create(name="Acme")
    return Team.objects.create(organisation=organisation, name="red")


class Client:
    def __init__(self, kora: Inside, team: Team) -> None:
        self.kora = kora
        text = keys.issue(team, name="app", scopes=[Scope.INFER]).text
        self.headers = [(b"authorization", f"Bearer {text}".encode())]

    def ask(self, text: str, model: str = "small", **extras: str) -> Heard:
        named = [(f"x-kora-{k.replace('_', '-')}".encode(), v.encode()) for k, v in extras.items()]
        body = {"model": model, "messages": [{"role": "user", "content": text}]}
        heard = self.kora.ask(orjson.dumps(body), headers=[*self.headers, *named])
        self.kora.settle()
        return heard

    def begin(self, text: str) -> Heard:
        """What is left to do after the reply is not waited for."""
        body = {"model": "small", "messages": [{"role": "user", "content": text}]}
        return self.kora.ask(orjson.dumps(body), headers=self.headers)

    def say(self, heard: Heard, **words: Any) -> Heard:
        body = {"request_id": heard.headers["x-kora-request-id"], **words}
        return self.kora.ask(orjson.dumps(body), headers=self.headers, path="/v1/feedback")


@pytest.fixture
def client(team: Team) -> Iterator[Client]:
    with inside.opened() as opened:
        yield Client(opened, team)


def row(heard: Heard) -> Outcome:
    return Outcome.objects.get(pk=heard.headers["x-kora-request-id"])


def test_an_answered_request_leaves_an_outcome_without_its_words(client: Client) -> None:
    heard = client.ask("What is the capital of Peru, my dear friend?")
    kept = row(heard)
    assert (kept.backend, kept.ok, kept.parts) == ("small", True, {})
    assert kept.completion_tokens > 0
    assert kept.cost > 0
    assert len(kept.features) == len(features.NAMES)
    assert kept.expected is not None
    said = orjson.dumps([f"{name}={value}" for name, value in vars(kept).items()], default=str)
    assert b"Peru" not in said
    assert b"friend" not in said


def test_a_stored_answer_and_an_aside_are_no_outcomes(client: Client) -> None:
    client.ask("How tall is it?")
    client.ask("How tall is it?")
    assert Outcome.objects.count() == 1


def test_a_word_adds_a_part_and_the_same_word_again_changes_nothing(client: Client) -> None:
    heard = client.ask("What is two plus two?")
    taking_in.take_in()
    assert row(heard).seen_at is not None
    client.say(heard, score=0.25, comment="meh")
    assert row(heard).parts == {"score": 0.25}
    assert row(heard).seen_at is None
    taking_in.take_in()
    client.say(heard, score=0.25)
    assert row(heard).seen_at is not None, "nothing new was said"
    client.say(heard, thumb="down")
    assert row(heard).parts == {"score": 0.25, "thumb": 0}


def test_asking_the_same_again_tells_of_the_answer_before(client: Client) -> None:
    first = client.ask("Write me a line.", session="s1")
    client.ask("Write me a line.", session="s1", cache="no-cache")
    assert row(first).parts == {"regenerated": 0}
    other = client.ask("Write me a line, please.", session="s2")
    client.ask("Tell me of boats.", session="s2")
    assert row(other).parts == {}


def test_a_failing_backend_is_told_apart_from_one_that_was_not_judged(client: Client) -> None:
    Backend.objects.filter(name="small").update(options={"fail": "server"})
    client.kora.refresh()
    heard = client.ask("Are you there?")
    assert heard.status == 502
    kept = Outcome.objects.get()
    assert (kept.ok, kept.parts) == (False, {"answered": 0})


def learn() -> int:
    made = taking_in.take_in()
    assert made is not None
    return made


def came(team_id: int, backend: str, reward: float | None, **more: Any) -> None:
    """An outcome as if it had just been written."""
    chance = np.random.default_rng(hash((backend, reward, str(more))) % 2**32)
    row = np.zeros(len(features.NAMES))
    row[0] = 1.0
    said = {
        "exchange_id": uuid4(), "team_id": team_id, "intent": "faq", "backend": backend,
        "features": row.tolist(), "parts": {} if reward is None else {"score": reward},
        "completion_tokens": 40, "vector": chance.normal(size=384).tolist(), "embedder": "mini",
        "expected": 0.5,
    }  # fmt: skip
    Outcome.objects.create(**{**said, **more})


def test_what_was_learned_is_published_and_found_by_web_processes(team: Team) -> None:
    for number in range(60):
        came(team.pk, "small", 0.1, at=f"2026-01-01T00:00:{number:02}Z")
        came(team.pk, "big", 0.9, at=f"2026-01-01T00:00:{number:02}Z")
    version = learn()
    lessons.look(connections.current(), every_s=0.0)
    assert lessons.mind().version == version
    mind = RouterMind.objects.get(pk=version)
    cell = mind.facts["strengths"][str(team.pk)]["small"]["faq"]
    assert cell["quality"] == pytest.approx(0.1)
    assert cell["enough"] is True
    assert mind.facts["outcomes"] == 120
    assert mind.facts["error"] == pytest.approx(0.4)
    assert taking_in.take_in() is None, "nothing is new"


def test_few_outcomes_are_not_enough_to_tell(team: Team) -> None:
    for _ in range(5):
        came(team.pk, "small", 1.0)
    taking_in.take_in()
    mind = RouterMind.objects.get()
    assert mind.facts["strengths"]["0"]["small"]["faq"]["enough"] is False


def test_a_late_word_corrects_what_was_learned_and_counts_once(team: Team) -> None:
    for _ in range(40):
        came(team.pk, "small", 1.0)
    taking_in.take_in()
    for kept in Outcome.objects.all():
        assert outcomes.note(connections.current(), kept.pk, team.pk, {"score": 0.0})
    version = learn()
    known = keeping.unpack_evidence(bytes(RouterMind.objects.get(pk=version).evidence))
    assert len(known.ring.rewards) == 40
    assert known.ring.rewards.max() == 0.0


def test_new_directions_are_found_once_there_are_vectors_enough(team: Team) -> None:
    for number in range(80):
        came(
            team.pk,
            "small",
            float(number % 2),
            at=f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z",
        )
    version = learn()
    mind = keeping.unpack(bytes(RouterMind.objects.get(pk=version).weights), 1)
    assert mind.quality.projection.embedder == "mini"
    assert mind.quality.remembered.places[:, len(features.NAMES) :].any()
    came(team.pk, "small", 1.0)
    taking_in.take_in()
    newest = RouterMind.objects.order_by("-id")[0]
    assert keeping.unpack_evidence(bytes(newest.evidence)).outcomes == 81


def test_a_version_that_predicts_clearly_worse_is_not_published(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(60):
        came(team.pk, "small", 0.9, vector=None)
    good = learn()
    for _ in range(60):
        came(team.pk, "small", 0.9, vector=None)

    def spoilt(known: Any, *_: Any, **__: Any) -> Any:
        ring = replace(known.ring, rewards=1.0 - known.ring.rewards)
        return fit(replace(known, ring=ring), {})

    fit = fitting.fit
    monkeypatch.setattr(fitting, "fit", spoilt)
    bad = learn()
    kept = RouterMind.objects.get(pk=bad)
    assert kept.withdrawn_by == "guard"
    assert "squared error" in kept.note
    lessons.look(connections.current(), every_s=0.0)
    assert lessons.mind().version == good


def test_a_team_s_weights_make_the_reward(team: Team) -> None:
    Policy.objects.create(
        team=team, number=1, state="published",
        content={"rules": [], "settings": {"rewards": {"thumb": 0, "score": 1}}},
    )  # fmt: skip
    came(team.pk, "small", None, parts={"score": 0.8, "thumb": 0.0})
    taking_in.take_in()
    assert RouterMind.objects.get().facts["strengths"]["0"]["small"]["faq"]["quality"] == 0.8


def test_checks_that_held_do_not_make_a_poor_backend_a_good_one(team: Team) -> None:
    for _ in range(12):
        came(team.pk, "small", None, parts={"verifier": 1.0}, expected=0.15)
    taking_in.take_in()
    told = RouterMind.objects.get().facts["strengths"]["0"]["small"]["faq"]
    assert told["seen"] > 11
    assert told["quality"] == pytest.approx(0.2, abs=0.01)


def test_only_the_newest_versions_are_kept(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking_in, "KEPT", 3)
    for _ in range(6):
        came(team.pk, "small", 1.0)
        taking_in.take_in()
    assert RouterMind.objects.count() == 3


def test_yesterday_s_and_the_last_hour_s_versions_can_still_be_gone_back_to(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking_in, "KEPT", 1)
    now = datetime.now(UTC)
    ages = [timedelta(days=20), timedelta(days=3), timedelta(hours=2), timedelta(0)]
    made = [RouterMind.objects.create(made_at=now - age, weights=b"") for age in ages]
    came(team.pk, "small", 1.0)
    newest = taking_in.take_in()
    kept = set(RouterMind.objects.values_list("pk", flat=True))
    assert kept == {made[1].pk, made[2].pk, newest}


@pytest.mark.parametrize("left", [0, 1, 200])
def test_a_version_that_was_cut_off_on_disk_is_learned_anew(team: Team, left: int) -> None:
    came(team.pk, "small", 1.0)
    taking_in.take_in()
    row = RouterMind.objects.get()
    RouterMind.objects.update(weights=row.weights[:left], evidence=row.evidence[:left])
    came(team.pk, "small", 1.0)
    assert taking_in.take_in()
    lessons.look(connections.current(), every_s=0.0)
    assert lessons.mind().version > row.pk


def test_the_version_in_force_outlives_any_number_that_the_guard_keeps_back(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking_in, "KEPT", 2)
    monkeypatch.setattr(taking_in, "_is_sound", lambda _: False)
    good = RouterMind.objects.create(made_at=datetime.now(UTC) - timedelta(days=30), weights=b"")
    for _ in range(4):
        came(team.pk, "small", 1.0)
        taking_in.take_in()
    assert versions.in_force() == good


def test_an_unknown_request_s_word_is_nobodys_outcome(team: Team) -> None:
    assert not outcomes.note(connections.current(), UUID(int=1), team.pk, {"score": 1.0})


def test_some_answers_are_marked_by_the_judge_that_a_team_names(client: Client, team: Team) -> None:
    Backend.objects.filter(name="big").update(options={"reply": "8"})
    judging = {"model": "big", "share": 1, "usd_a_day": 1}
    Policy.objects.create(
        team=team, number=1, state="published",
        content={"rules": [], "settings": {"judging": judging}},
    )  # fmt: skip
    client.kora.refresh()
    assert row(client.ask("Why is the sky blue?")).parts == {"judge": 0.8}
    assert row(client.ask("And the sea?", cache="no-store")).parts == {}


def test_outcomes_of_half_a_year_ago_are_forgotten(team: Team) -> None:
    came(team.pk, "small", 1.0, at="2020-01-01T00:00:00Z")
    came(team.pk, "small", 1.0)
    assert outcomes.forget() == 1
    assert Outcome.objects.count() == 1


def test_a_word_that_is_quicker_than_the_outcome_s_row_is_not_lost(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row waits for the word that is being stored, and has it then."""
    keep, waits, kept = outcomes.keep, threading.Event(), threading.Event()

    def late(connection: outcomes.Connection, came: outcomes.Came) -> None:
        waits.wait(10)
        keep(connection, came)
        kept.set()

    monkeypatch.setattr(outcomes, "keep", late)
    heard = client.begin("Is this slow?")
    note = outcomes.note

    def slow(*words: Any) -> bool:
        found = note(*words)
        waits.set()
        assert not kept.wait(0.3), "the row came between the word and its end"
        return found

    monkeypatch.setattr(outcomes, "note", slow)
    client.say(heard, score=0.5)
    client.kora.settle()
    assert row(heard).parts == {"score": 0.5}
