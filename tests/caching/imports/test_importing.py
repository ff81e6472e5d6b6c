"""An FAQ brought along: who is answered from it, what is refused, what a kill or an undo leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import orjson
import pytest
from celery import Celery

from analytics.lookup import Connection
from analytics.models import Exchange
from caching import lookup, matching, tasks
from caching.errors import Unfit
from caching.faces import curating
from caching.imports import importing
from caching.imports.importing import Wanted
from caching.judge import minds
from caching.models import CacheTerms, Entry, Import
from caching.question import questions
from caching.values import Asked, Match, NoMatch, Question
from caching.vectors import generations, index
from kora_site import celery as _celery  # noqa: F401  the app that tasks are of
from teams.models import AuditRow, Team
from teams.values import Actor
from tests.analytics import books
from tests.analytics.books import Book
from tests.caching import shelves

QUEUES = pytest.mark.filterwarnings("ignore:(?s).*'queue' task attribute")
ADA = Actor(name="ada", operates=True)
FAQ = "question,answer\nHow do I return a parcel?,Within 30 days.\nWhen do you open?,At nine.\n"


@pytest.fixture
def connection(transactional_db: None) -> Iterator[Connection]:
    with books.connect() as opened:
        yield opened


@pytest.fixture
def team(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.setattr(importing, "ask_for", lambda _import_id: None)
    return Book.open().team


def brought(team: Team, content: str = FAQ, **words: Any) -> Import:
    made = importing.begin(
        ADA, team, Wanted(name="shop faq.csv", content=content.encode(), **words)
    )
    assert not importing.carry_on(made.pk)
    return Import.objects.get(pk=made.pk)


def asked(team: Team, words: str, system: str = "", **fields: Any) -> Asked:
    messages = [{"role": "user", "content": words}]
    if system:
        messages.insert(0, {"role": "system", "content": system})
    body = {"model": "auto", "messages": messages, **fields}
    question = questions.read(body, form="chat", model=str(body["model"]))
    assert isinstance(question, Question)
    return Asked(team_id=team.pk, fingerprint=uuid4().hex, question=question)


def said(connection: Connection, wanted: Asked) -> str:
    match = matching.exact(connection, wanted)
    if isinstance(match, NoMatch):
        return match.reason
    return str(orjson.loads(match.answer)["choices"][0]["message"]["content"])


def heard_of_long_ago(row: Import) -> None:
    Import.objects.filter(pk=row.pk).update(changed_at=datetime.now(UTC) - timedelta(seconds=11))


def test_whatever_app_of_the_team_asks_is_answered(connection: Connection, team: Team) -> None:
    row = brought(team, system="*")
    assert (row.state, row.taken, row.lines, row.total) == ("done", 2, 2, 2)
    assert row.message == "2 of 2 answers are in."
    assert bytes(row.content) == b""
    question = "How do I return a parcel?"
    assert said(connection, asked(team, question)) == "Within 30 days."
    assert said(connection, asked(team, question, "Be brief.", temperature=0)) == "Within 30 days."
    assert said(connection, asked(team, question, model="auto:best")) == "Within 30 days."
    form = {"type": "json_object"}
    assert said(connection, asked(team, question, response_format=form)) == "nothing-stored"
    assert said(connection, asked(Book.open().team, question)) == "nothing-stored"


def test_an_app_with_a_prompt_of_its_own_has_to_be_opted_in(
    connection: Connection, team: Team
) -> None:
    question, prompt = "When do you open?", "Translate the user's sentence into French."
    brought(team)
    assert said(connection, asked(team, question)) == "At nine."
    assert said(connection, asked(team, question, "Be brief.")) == "nothing-stored"
    brought(team, system="*")
    assert said(connection, asked(team, question, "Be brief.")) == "At nine."
    assert said(connection, asked(team, question, prompt)) == "nothing-stored"
    brought(team, system=prompt)
    assert said(connection, asked(team, question, prompt)) == "At nine."


def test_it_can_be_for_one_model_and_one_system_prompt(connection: Connection, team: Team) -> None:
    brought(team, model="auto:best", system="You are the shop.")
    question = "When do you open?"
    assert said(connection, asked(team, question)) == "nothing-stored"
    assert said(connection, asked(team, question, model="auto:best")) == "nothing-stored"
    assert said(connection, asked(team, question, "You are  the shop.\n")) == "nothing-stored"
    right = asked(team, question, "You are  the shop.\n", model="auto:best")
    assert said(connection, right) == "At nine."


def test_what_is_served_is_a_whole_answer_that_says_where_it_is_from(
    connection: Connection, team: Team
) -> None:
    brought(team)
    match = matching.exact(connection, asked(team, "When do you open?"))
    assert isinstance(match, Match)
    whole = orjson.loads(match.answer)
    assert match.backend == whole["model"] == "import:shop-faq"
    assert whole["object"] == "chat.completion"
    assert whole["choices"][0]["finish_reason"] == "stop"
    usage = whole["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 4
    assert (match.prompt_tokens, match.completion_tokens) == (
        usage["prompt_tokens"],
        usage["completion_tokens"],
    )
    assert "id" not in whole


def test_a_pinned_answer_outlives_its_date_and_the_sweep(
    connection: Connection, team: Team
) -> None:
    brought(team)
    Entry.objects.update(expires_at=datetime(2000, 1, 1, tzinfo=UTC))
    lookup.forget_expired(connection, at_most=100)
    assert said(connection, asked(team, "When do you open?")) == "At nine."


def test_serving_one_saves_what_an_answer_of_that_model_cost_of_late(
    connection: Connection, team: Team
) -> None:
    for model, cost in (("auto", "0.002"), ("auto", "0.004"), ("auto:best", "0.9")):
        Exchange.objects.create(
            team=team, team_name=team.name, model_asked=model, state="answered", tier="cloud",
            completion_tokens=5, cost=Decimal(cost),
        )  # fmt: skip
    brought(team, model="auto")
    assert set(Entry.objects.values_list("cost", flat=True)) == {Decimal("0.003")}
    brought(team, "question,answer\nElsewhere?,No.\n", model="never-asked")
    assert Entry.objects.get(model_asked="never-asked").cost == 0


def test_what_was_refused_is_told_by_line(team: Team) -> None:
    content = FAQ + "Nothing?,\nWhen do you open?,At ten.\nHow?,\0\n"
    row = brought(team, content)
    assert (row.taken, row.rejections, row.lines) == (2, 3, 5)
    assert [each["line"] for each in row.rejected] == [4, 5, 6]
    assert row.rejected[1]["why"] == "asks what line 3 asked already"
    assert row.message == "2 of 5 answers are in. 3 were refused."


def test_the_first_of_a_file_stands_also_over_batches(
    connection: Connection, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 1)
    row = brought(team, FAQ + "When do you open?,At ten.\n")
    assert row.rejected == [{"line": 4, "why": "asks what line 3 asked already"}]
    assert said(connection, asked(team, "When do you open?")) == "At nine."


def test_a_newer_import_takes_an_older_ones_place_and_says_so(
    connection: Connection, team: Team
) -> None:
    old = brought(team)
    new = brought(team, "question,answer\nWhen do you open?,At ten.\n")
    assert new.replaced == 1
    assert "1 of them took the place" in new.message
    assert said(connection, asked(team, "When do you open?")) == "At ten."
    assert importing.undo(ADA, old) == "1 answer is gone."
    assert said(connection, asked(team, "When do you open?")) == "At ten."


def test_an_undo_removes_what_it_brought_and_nothing_else(
    connection: Connection, team: Team
) -> None:
    brought(team, "question,answer\nKept?,Yes.\n")
    row = brought(team)
    assert importing.undo(ADA, row) == "2 answers are gone."
    row.refresh_from_db()
    assert row.state == "undone"
    assert said(connection, asked(team, "When do you open?")) == "nothing-stored"
    assert said(connection, asked(team, "Kept?")) == "Yes."
    assert importing.undo(ADA, row) == "2 answers are gone."
    actions = list(AuditRow.objects.order_by("at").values_list("action", flat=True))
    assert actions == ["import", "import", "undo"]
    assert not importing.carry_on(row.pk)


def test_an_undo_leaves_what_a_person_has_made_of_it(connection: Connection, team: Team) -> None:
    row = brought(team)
    curating.edit(ADA, Entry.objects.get(question="When do you open?"), "At eight now.")
    told = importing.undo(ADA, row)
    assert told == "1 answer is gone. 1 answer is kept, edited by somebody since."
    assert said(connection, asked(team, "When do you open?")) == "At eight now."
    assert said(connection, asked(team, "How do I return a parcel?")) == "nothing-stored"


def test_a_killed_workers_successor_goes_on_where_it_was(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 1)
    content = "question,answer\n" + "".join(f"Question {n}?,Answer {n}.\n" for n in range(5))
    made = importing.begin(ADA, team, Wanted(name="f.csv", content=content.encode()))
    assert importing.carry_on(made.pk, batches=2)
    assert Entry.objects.count() == 2

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying, pytest.raises(KeyboardInterrupt):
        dying.setattr(importing, "_note", dies)
        importing.carry_on(made.pk)
    assert Entry.objects.count() == 2
    heard_of_long_ago(made)
    assert made.pk in importing.standing_still()
    assert not importing.carry_on(made.pk)
    made.refresh_from_db()
    assert (made.state, made.taken, made.rejections) == ("done", 5, 0)
    heard_of_long_ago(made)
    assert importing.standing_still() == []


def test_two_workers_do_not_take_the_same_lines(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 1)
    made = importing.begin(ADA, team, Wanted(name="f.csv", content=FAQ.encode()))
    seen_before = Import.objects.get(pk=made.pk)
    assert importing.carry_on(made.pk, batches=1)
    assert not importing._take(seen_before, [])
    importing.carry_on(made.pk)
    made.refresh_from_db()
    assert (made.taken, made.rejections) == (2, 0)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"question,answer\n", "no line beneath"),
        (b"a,b\nc,d\n", "`question` and `answer`"),
        (b"\x81\x8d", "no text"),
        (b"x" * 2000, "2,000 bytes; 1,000 are the most"),
    ],
)
def test_a_file_that_will_not_do_is_refused_at_once(
    team: Team, settings: Any, content: bytes, why: str
) -> None:
    settings.KORA_IMPORT_LIMIT_BYTES = 1000
    with pytest.raises(Unfit, match=why):
        importing.begin(ADA, team, Wanted(name="f", content=content))
    assert not Import.objects.exists()


def test_more_than_the_team_may_keep_is_refused_by_line(team: Team) -> None:
    CacheTerms.objects.create(team=team, rows=1)
    row = brought(team)
    assert (row.taken, row.rejections) == (1, 1)
    assert "no room" in row.rejected[0]["why"]
    again = brought(team, "question,answer\nHow do I return a parcel?,Never.\n")
    assert (again.taken, again.replaced) == (1, 1)


def test_a_model_of_a_line_goes_before_the_files(connection: Connection, team: Team) -> None:
    brought(team, "question,answer,model\nWho?,We.,auto:best\n", model="auto")
    wanted = asked(team, "Who?", model="auto:best")
    assert said(connection, wanted) == "We."
    assert said(connection, replace(wanted, question=asked(team, "Who?").question)) != "We."


def test_a_question_that_is_like_one_is_answered_by_its_meaning(
    connection: Connection, team: Team
) -> None:
    brought(team, system="*")
    Entry.objects.update(created_at=datetime(2026, 1, 1, tzinfo=UTC))
    embedder = shelves.Hashing()
    generation = generations.begin(connection, embedder)
    while generations.fill(connection, generation, embedder):
        pass
    index.close()
    near = shelves.near(embedder.vector("How do I return a parcel?"), 0.99)

    def found(wanted: Asked) -> Match | NoMatch:
        return matching.semantic(
            connection, replace(wanted, vector=near), minds.UNTAUGHT, generation.id
        )

    words = "How can I return a parcel, please?"
    match = found(asked(team, words, "Be brief.", temperature=0.2))
    assert isinstance(match, Match)
    assert match.backend == "import:shop-faq"
    assert b"Within 30 days." in match.answer
    own = replace(asked(team, words), scopes=(f"u:{team.pk}:ada",))
    assert isinstance(found(own), Match)
    assert isinstance(found(asked(team, "How do I not return my parcel?")), NoMatch)
    assert isinstance(found(asked(Book.open().team, words)), NoMatch)
    structured = asked(team, words, response_format={"type": "json_object"})
    assert isinstance(found(structured), NoMatch)
    importing.undo(ADA, Import.objects.get())
    assert isinstance(found(asked(team, words)), NoMatch)


@QUEUES
def test_the_worker_goes_on_with_what_is_left_and_then_has_vectors_made(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: list[tuple[str, tuple[Any, ...]]] = []
    for name in ("bring_in", "keep_generations"):
        task = getattr(tasks, name)
        monkeypatch.setattr(
            task, "delay", lambda *words, name=name: asked_for.append((name, words))
        )
    monkeypatch.setattr(importing, "BATCH", 1)
    monkeypatch.setattr(tasks, "BATCHES", 1)
    made = importing.begin(ADA, team, Wanted(name="f.csv", content=FAQ.encode()))
    tasks.bring_in(made.pk)
    assert asked_for == [("bring_in", (made.pk,))]
    tasks.bring_in(made.pk)
    tasks.bring_in(made.pk)
    assert asked_for[-1] == ("keep_generations", ())
    made.refresh_from_db()
    assert made.state == "done"


@QUEUES
def test_a_file_that_kora_fails_at_is_not_tried_for_ever(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = importing.begin(ADA, team, Wanted(name="f.csv", content=FAQ.encode()))

    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(importing, "_made", fails)
    tasks.bring_in(made.pk)
    made.refresh_from_db()
    assert made.state == "failed"
    assert "log" in made.message
    heard_of_long_ago(made)
    assert importing.standing_still() == []


def test_without_a_broker_the_beat_finds_it(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    lost = Celery("lost", broker="redis://127.0.0.1:1/0", set_as_current=False)  # type: ignore[no-untyped-call]
    monkeypatch.setattr(importing, "current_app", lost)
    made = importing.begin(ADA, team, Wanted(name="f.csv", content=FAQ.encode()))
    assert importing.standing_still() == []
    heard_of_long_ago(made)
    assert importing.standing_still() == [made.pk]
    made.refresh_from_db()
    assert importing.waits(made)
    importing.carry_on(made.pk, batches=1)
    made.refresh_from_db()
    assert not importing.waits(made)
