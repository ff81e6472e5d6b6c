"""Evidence counts once, whoever asks how often, and condemns what is wrong again and again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from analytics.lookup import Connection
from caching.judge import evidence
from caching.judge.comparing import Finding
from caching.judge.evidence import Counted, Seen
from caching.models import Entry, Evidence
from caching.values import Verdict
from tests.caching import shelves

RIGHT, WRONG = Finding(right=True, by="equal"), Finding(right=False, by="embedding")


def seen(team_id: int, entry_id: int, question: str = "q?", **facts: Any) -> Seen:
    verdict = Verdict(
        served=facts.get("source") == "shadow",
        reason=facts.pop("reason", "below-bound"),
        entry_id=entry_id,
        similarity=facts.pop("similarity", 0.9),
        p=0.9,
        lower=0.8,
        score=1.5,
        features=(0.9, 0.1),
    )
    plain = Seen(
        team_id=team_id,
        question=question,
        verdict=verdict,
        exchange_id=uuid4(),
        source="miss",
        answer=b"{}",
    )
    return replace(plain, **facts)


@pytest.fixture
def entry_id(connection: Connection, team_id: int) -> int:
    return shelves.stored(connection, shelves.fresh(team_id))


def decided(connection: Connection, finding: Finding) -> Counted | None:
    (waiting,) = evidence.undecided(connection, at_most=10)
    return evidence.decide(connection, waiting.evidence_id, finding, stored=waiting.stored)


def test_the_same_question_counts_once_an_hour(
    connection: Connection, team_id: int, entry_id: int
) -> None:
    assert [evidence.note(connection, seen(team_id, entry_id)) for _ in range(3)] == [
        True,
        False,
        False,
    ]
    assert evidence.note(connection, seen(team_id, entry_id, "another?"))
    assert evidence.note(connection, seen(team_id, entry_id, source="shadow"))
    assert evidence.was_seen(connection, entry_id, "q?")
    assert not evidence.was_seen(connection, entry_id, "another?")
    connection.execute("UPDATE caching_evidence SET at = at - interval '2 hours'")
    assert evidence.note(connection, seen(team_id, entry_id))


def test_of_an_entry_that_is_gone_there_is_none(connection: Connection, team_id: int) -> None:
    assert not evidence.note(connection, seen(team_id, 10**9))


def test_deciding_twice_counts_once_and_forgets_the_answer(
    connection: Connection, team_id: int, entry_id: int
) -> None:
    evidence.note(connection, seen(team_id, entry_id))
    (waiting,) = evidence.undecided(connection, at_most=10)
    assert (waiting.fresh, waiting.team_id) == (b"{}", team_id)
    assert evidence.decide(connection, waiting.evidence_id, RIGHT, stored=waiting.stored)
    assert evidence.decide(connection, waiting.evidence_id, WRONG) is None
    row = Evidence.objects.get()
    assert (row.right, row.judged_by, row.answer) == (True, "equal", None)
    entry = Entry.objects.get()
    assert (entry.rights, entry.wrongs) == (1, 0)


def test_older_findings_weigh_less(connection: Connection, team_id: int, entry_id: int) -> None:
    for number, finding in enumerate((RIGHT, RIGHT, WRONG)):
        evidence.note(connection, seen(team_id, entry_id, f"q{number}"))
        decided(connection, finding)
    entry = Entry.objects.get()
    assert entry.rights == pytest.approx((1 * 0.95 + 1) * 0.95)
    assert entry.wrongs == 1


@pytest.mark.parametrize(
    "facts", [{"reason": "guard:numbers"}, {"similarity": 0.6}], ids=["guarded", "far"]
)
def test_what_is_another_question_says_nothing_of_the_entry(
    connection: Connection, team_id: int, entry_id: int, facts: dict[str, Any]
) -> None:
    evidence.note(connection, seen(team_id, entry_id, **facts))
    assert decided(connection, WRONG) is not None
    entry = Entry.objects.get()
    assert (entry.rights, entry.wrongs) == (0, 0)


def test_answers_that_say_the_same_are_of_one_class(
    connection: Connection, team_id: int, entry_id: int
) -> None:
    late = shelves.fresh(team_id, "another wording", "an answer in other words")
    shelves.stored(connection, late)
    evidence.note(connection, seen(team_id, entry_id, exchange_id=late.exchange_id))
    decided(connection, Finding(right=True, by="embedding"))
    classes = {bytes(each) for each in Entry.objects.values_list("answer_class", flat=True)}
    assert len(classes) == 1


def test_a_served_answer_that_is_wrong_twice_is_served_no_more(
    connection: Connection, team_id: int, entry_id: int
) -> None:
    states = []
    for number in range(2):
        evidence.note(connection, seen(team_id, entry_id, f"q{number}", source="shadow"))
        decided(connection, WRONG)
        states.append(Entry.objects.get().quarantine)
    assert states == ["", "shadow"]


@pytest.mark.parametrize("why", ["pinned", "mostly right", "a miss"])
def test_but_not_one_that(connection: Connection, team_id: int, entry_id: int, why: str) -> None:
    if why == "pinned":
        connection.execute("UPDATE caching_entry SET pinned_at = now()")
    if why == "mostly right":
        connection.execute("UPDATE caching_entry SET rights = 10")
    source = "miss" if why == "a miss" else "shadow"
    for number in range(2):
        evidence.note(connection, seen(team_id, entry_id, f"q{number}", source=source))
        decided(connection, WRONG)
    assert Entry.objects.get().quarantined_at is None


def test_what_waits_for_a_model_is_taken_by_one(
    connection: Connection, team_id: int, entry_id: int
) -> None:
    evidence.note(connection, seen(team_id, entry_id))
    (waiting,) = evidence.undecided(connection, at_most=10)
    evidence.want_model(connection, waiting.evidence_id)
    assert evidence.undecided(connection, at_most=10) == []
    taken = evidence.take(connection)
    assert taken is not None
    assert taken[0].evidence_id == waiting.evidence_id
    assert evidence.take(connection) is None
    evidence.tell(connection, waiting.evidence_id, "same")
    assert [each.judged_by for each in evidence.undecided(connection, at_most=10)] == ["same"]
    connection.execute("UPDATE caching_evidence SET judged_by = 'asked'")
    assert evidence.undecided(connection, at_most=10) == []
    connection.execute("UPDATE caching_evidence SET at = at - interval '2 hours'")
    (again,) = evidence.undecided(connection, at_most=10)
    assert again.waited_too_long, "its process may have died while it asked"


def test_a_complaint_reaches_what_one_s_own_request_made_or_was_served(
    connection: Connection, team_id: int
) -> None:
    mine = shelves.fresh(team_id)
    entry_id = shelves.stored(connection, mine)
    other_team = team_id + 10**6
    assert evidence.complain(connection, other_team, mine.exchange_id, None) == []
    assert evidence.complain(connection, team_id, UUID(int=7), entry_id) == []
    assert evidence.complain(connection, team_id, mine.exchange_id, entry_id) == [entry_id]
    entry = Entry.objects.get()
    assert (entry.quarantine, entry.wrongs) == ("complaint", 1)


def test_only_the_newest_are_kept(connection: Connection, team_id: int, entry_id: int) -> None:
    for number in range(6):
        evidence.note(connection, seen(team_id, entry_id, f"q{number}"))
    assert evidence.prune(connection, team_id, kept=4) == 2
    assert evidence.prune(connection, team_id, kept=4) == 0
    kept = set(Evidence.objects.values_list("question", flat=True))
    assert kept == {"q2", "q3", "q4", "q5"}


def alike(connection: Connection, team_id: int, number: int) -> list[int]:
    """So many questions with one answer."""
    return [
        shelves.stored(connection, shelves.fresh(team_id, fingerprint=f"f{each}"))
        for each in range(number)
    ]


def found(
    connection: Connection, team_id: int, entry_id: int, finding: Finding, **facts: Any
) -> None:
    evidence.note(connection, seen(team_id, entry_id, f"q{uuid4()}", **facts))
    assert decided(connection, finding) is not None


def test_one_that_seemed_sure_and_was_wrong_puts_all_that_say_the_same_in_doubt(
    connection: Connection, team_id: int
) -> None:
    first, *others = alike(connection, team_id, 3)
    found(connection, team_id, first, WRONG)
    assert set(Entry.objects.values_list("doubts", flat=True)) == {1}
    found(connection, team_id, others[0], RIGHT)
    assert set(Entry.objects.values_list("doubts", flat=True)) == {0}


def test_an_answer_that_is_wrong_again_and_again_has_changed_everywhere(
    connection: Connection, team_id: int
) -> None:
    entries = alike(connection, team_id, 4)
    pinned = entries[3]
    connection.execute("UPDATE caching_entry SET pinned_at = now() WHERE id = %s", (pinned,))
    for entry_id in entries[: evidence.CHANGED]:
        found(connection, team_id, entry_id, WRONG)
    why = dict(Entry.objects.values_list("pk", "quarantine"))
    assert why == {**dict.fromkeys(entries[:3], "changed"), pinned: ""}


@pytest.mark.parametrize(
    ("finding", "facts"),
    [
        (Finding(right=None, by="unsure"), {}),
        (WRONG, {"reason": "guard:numbers"}),
    ],
    ids=["nobody could tell", "another question"],
)
def test_what_tells_nothing_raises_no_doubt(
    connection: Connection, team_id: int, finding: Finding, facts: dict[str, Any]
) -> None:
    (entry_id,) = alike(connection, team_id, 1)
    found(connection, team_id, entry_id, finding, **facts)
    assert Entry.objects.get().doubts == 0
