"""`manage.py answers`: what an operator does to a team's answers without a browser."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from caching.imports import importing
from caching.models import Entry, Import
from teams.models import AuditRow, Organisation, Team

FAQ = "question,answer\nHow do I return a parcel?,Within 30 days.\nWhen do you open?,At nine.\n"


@pytest.fixture
def team(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.setattr(importing, "ask_for", lambda _import_id: None)
    organisation = Organisation.objects.create(name="Acme")
    return Team.objects.create(organisation=organisation, name="red")


@pytest.fixture
def faq(tmp_path: Path) -> Path:
    path = tmp_path / "faq.csv"
    path.write_text(FAQ)
    return path


def say(*words: Any) -> str:
    out = io.StringIO()
    call_command("answers", *map(str, words), "--team", "red", stdout=out, stderr=out)
    return out.getvalue()


def complaint(*words: Any) -> CommandError:
    with pytest.raises(CommandError) as caught:
        say(*words)
    return caught.value


def test_a_file_is_brought_in_and_taken_out_again(team: Team, faq: Path) -> None:
    assert "2 of 2 answers are in." in say("import", faq)
    row = Import.objects.get()
    assert "done" in say("imports")
    listed = say("list", "--backend", "import:faq")
    assert "How do I return a parcel?" in listed
    assert "pinned" in listed
    assert say("undo", row.pk) == "2 answers are gone.\n"
    assert say("list") == "No stored answer is like that.\n"


def test_a_dry_run_keeps_nothing(team: Team, faq: Path) -> None:
    assert say("import", faq, "--dry-run") == "2 of 2 lines are fit to be taken.\n"
    assert not Import.objects.exists()
    assert not Entry.objects.exists()


def test_refused_lines_are_told_and_are_an_exit_code_of_their_own(team: Team, faq: Path) -> None:
    faq.write_text(FAQ + "Nothing?,\n")
    for words in (("import", faq, "--dry-run"), ("import", faq)):
        assert complaint(*words).returncode == 3
    assert Entry.objects.count() == 2
    faq.write_text("nonsense")
    bad = complaint("import", faq)
    assert bad.returncode == 1
    assert "`question` and `answer`" in str(bad)


def test_what_does_not_exist_is_a_sentence(team: Team, faq: Path) -> None:
    assert "No such file" in str(complaint("import", faq.with_name("other.csv")))
    assert "no import 7" in str(complaint("undo", 7))
    assert "no answer 7" in str(complaint("pin", 7))
    with pytest.raises(CommandError, match="No team is called blue"):
        call_command("answers", "list", "--team", "blue")


def test_a_try_tells_what_would_be_served(team: Team, faq: Path) -> None:
    say("import", faq)
    told = say("try", "when do you open?", "When do you open?", "Who are you?")
    assert "of 3 would be served without a model" in told
    (one,) = json.loads(say("try", "--json", "When do you open?"))
    assert (one["tier"], one["answer"]) == ("exact", "At nine.")
    (of_an_app,) = json.loads(say("try", "--json", "When do you open?", "--system", "Be brief."))
    assert not of_an_app["tier"], "it was brought for plain requests"
    assert "2 of 2" in say("try", "--file", faq)
    assert "questions" in str(complaint("try"))


def test_answers_are_dropped_by_what_they_share(team: Team, faq: Path) -> None:
    say("import", faq)
    assert "1 answers" in say("drop", "--pattern", "*parcel*", "--dry-run")
    assert Entry.objects.count() == 2
    assert "1 answers are dropped." in say("drop", "--pattern", "*parcel*")
    assert Entry.objects.get().question == "When do you open?"
    assert AuditRow.objects.filter(action="invalidate").count() == 1
    complaint("drop")
    assert Entry.objects.count() == 1


@pytest.mark.parametrize(
    "words",
    [
        ("list", "--limit", "-1"),
        ("list", "--limit", "many"),
        ("drop", "--older-than-days", "nan"),
        ("drop", "--older-than-days", "-1"),
    ],
)
def test_a_figure_that_is_none_is_told_and_drops_nothing(
    team: Team, faq: Path, words: tuple[str, ...]
) -> None:
    say("import", faq)
    assert "argument --" in str(complaint(*words))
    assert Entry.objects.count() == 2


def test_pins_and_quarantines_of_this_team_only(team: Team, faq: Path) -> None:
    say("import", faq)
    entry = Entry.objects.order_by("pk")[0]
    other = Team.objects.create(organisation=team.organisation, name="blue")
    foreign = Entry.objects.create(
        team=other, scope="t:2", fingerprint="f", model_asked="auto", backend="toy", answer=b"{}",
        cost=Decimal(0), exchange_id=uuid4(), expires_at=entry.expires_at,
    )  # fmt: skip
    say("quarantine", entry.pk, "--dry-run")
    entry.refresh_from_db()
    assert entry.quarantined_at is None
    say("quarantine", entry.pk)
    entry.refresh_from_db()
    assert entry.quarantine == "person"
    complaint("quarantine", entry.pk, foreign.pk)
    foreign.refresh_from_db()
    assert foreign.quarantined_at is None
    say("quarantine", "--undo", entry.pk)
    say("pin", "--undo", entry.pk)
    entry.refresh_from_db()
    assert (entry.quarantined_at, entry.pinned_at) == (None, None)


def test_stats_count_what_there_is(team: Team, faq: Path) -> None:
    assert "answers          0" in say("stats")
    say("import", faq)
    assert "imported         2" in say("stats")
    Entry.objects.update(cost="0.000123456789", hits=3)
    assert "usd_saved        0.000741" in say("stats")
