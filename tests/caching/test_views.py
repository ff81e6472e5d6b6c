"""The console's pages about stored answers and patterns: whole, bounded, and only one's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from caching import meaning
from caching.faces import contents
from caching.models import CacheTerms, Entry, Evidence, Import, Pattern, Sharing
from caching.patterns import steps
from teams.models import AuditRow, Member, Membership, Organisation, Team
from tests.caching import furniture

pytestmark = pytest.mark.django_db

PAGES = (
    "/answers/",
    "/answers/?state=pinned&tag=app=shop&intent=x&model=auto&backend=b&q=refund",
    "/answers/?like=refund",
    "/answers/quality/",
    "/answers/quality/?range=30d",
    "/answers/try/",
    "/answers/rehearsal/",
    "/answers/terms/",
    "/answers/sharing/",
    "/answers/invalidate/",
    "/answers/imports/",
    "/patterns/",
    "/patterns/?state=proposed&action=fill",
)


@pytest.fixture(autouse=True)
def _words() -> Iterator[None]:
    before = meaning._opener
    meaning.use(furniture.Words)
    yield
    meaning._opener = before


@pytest.fixture
def red(db: None) -> Team:
    organisation = Organisation.objects.create(name="Acme")
    Team.objects.create(name="blue", organisation=organisation)
    return Team.objects.create(name="red", organisation=organisation)


def speaking_as(team: Team, role: str) -> Client:
    member = Member.objects.create_user(f"{role}-{uuid4().hex[:6]}@{team.name}.test")
    Membership.objects.create(member=member, team=team, role=role)
    client = Client()
    client.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def engineer(red: Team) -> Client:
    return speaking_as(red, "engineer")


@pytest.fixture
def owner(red: Team) -> Client:
    return speaking_as(red, "owner")


@pytest.fixture
def viewer(red: Team) -> Client:
    return speaking_as(red, "viewer")


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return str(answer.content.decode())


def test_pages_are_whole_when_empty_and_when_not(engineer: Client, red: Team) -> None:
    made: list[Entry] = []
    for _ in range(2):
        one = [f"/answers/{each.pk}/" for each in made]
        patterns = [f"/patterns/{each.pk}/" for each in Pattern.objects.all()]
        imports = [f"/answers/imports/{each.pk}/" for each in Import.objects.all()]
        for path in (*PAGES, *one, *patterns, *imports):
            html = text(engineer, path)
            assert html.count("<h1") == 1
            assert "</html>" in html
            assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:", html), path
        made = made or furniture.furnish(red)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_the_database_little(
    path: str, engineer: Client, red: Team, django_assert_max_num_queries: Any
) -> None:
    """Two of them are the session and the person."""
    furniture.furnish(red)
    with django_assert_max_num_queries(10):
        engineer.get(path)


def test_another_teams_things_are_not_there(red: Team) -> None:
    stranger = speaking_as(Team.objects.get(name="blue"), "owner")
    entry, pattern = furniture.furnish(red)[0], Pattern.objects.get()
    brought = Import.objects.first()
    assert brought
    listed = text(stranger, "/answers/") + text(stranger, "/answers/?team=red&like=refund")
    assert entry.question not in listed
    for path in (
        f"/answers/{entry.pk}/",
        f"/patterns/{pattern.pk}/",
        f"/answers/imports/{brought.pk}/",
        "/answers/terms/?team=red",
        "/answers/quality/?team=red",
    ):
        assert stranger.get(path).status_code == 404, path
    assert stranger.post(f"/answers/{entry.pk}/pin/").status_code == 404
    assert stranger.post(f"/patterns/{pattern.pk}/reject/").status_code == 404


def test_who_only_reads_is_offered_no_change(viewer: Client, red: Team) -> None:
    entry = furniture.furnish(red)[0]
    html = text(viewer, f"/answers/{entry.pk}/")
    assert "Quarantine" not in html
    assert "Edit" not in html
    assert "Approve" not in text(viewer, f"/patterns/{Pattern.objects.get().pk}/")
    assert viewer.post(f"/answers/{entry.pk}/pin/").status_code == 403


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("state=quarantined", ["How do I get a refund for 2 orders?"]),
        ("state=pinned", ["What are your opening hours in Vienna?"]),
        ("state=expired", ["How long does shipping to Canada take?"]),
        ("q=invoice", ["Can I pay by invoice?"]),
        ("tag=app=shop&q=CANADA", ["How long does shipping", "Do you ship to Canada?"]),
        ("tag=app=other", []),
    ],
)
def test_filters_find_what_they_say(
    engineer: Client, red: Team, asked: str, found: list[str]
) -> None:
    furniture.furnish(red)
    html = text(engineer, f"/answers/?{asked}")
    for question in found:
        assert question in html
    assert html.count('data-label="Hits"') == len(found)


def test_pages_turn_by_key(engineer: Client, red: Team) -> None:
    for number in range(53):
        furniture.entry(red, f"Question number {number}?")
    first = text(engineer, "/answers/")
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older
    second = text(engineer, "/answers/" + older.group(1))
    assert "Question number 2?" in second
    assert "Question number 3?" not in second


def test_by_meaning_the_nearest_comes_first(engineer: Client, red: Team) -> None:
    furniture.furnish(red)
    html = text(engineer, "/answers/?like=how+do+i+get+a+refund")
    assert html.index("How do I get a refund?") < html.index("Can I pay by invoice?")
    assert "1.000" in html


def test_without_an_embedder_the_list_says_so(engineer: Client) -> None:
    meaning._opener = None
    assert "Nothing can make vectors" in text(engineer, "/answers/?like=refund")


def test_a_neighbour_tells_why_it_would_not_be_served(engineer: Client, red: Team) -> None:
    entry = furniture.furnish(red)[0]
    html = text(engineer, f"/answers/{entry.pk}/")
    assert "one of them says the opposite" in html
    assert "the numbers differ" in html


@pytest.mark.django_db(transaction=True)
def test_a_trial_shows_the_verdict_and_asks_nobody(engineer: Client, red: Team) -> None:
    furniture.furnish(red)
    html = text(engineer, "/answers/try/?question=how+do+i+get+a+refund")
    assert "answered without a model" in html
    html = text(engineer, "/answers/try/?question=how+do+i+get+a+refund+for+3+orders")
    assert "a model would be asked" in html
    assert "guard:numbers" in html
    samples = {"questions": "how do i get a refund\nWhere are you?", "model": "auto"}
    html = engineer.post("/answers/rehearsal/", samples).content.decode()
    assert "1 of 2 would be served" in html


def test_a_fragment_is_only_the_fragment(engineer: Client, red: Team) -> None:
    furniture.furnish(red)
    for path, target in (("/answers/", "rows"), ("/patterns/", "rows"), ("/answers/try/", "trial")):
        asked = {"HX-Request": "true", "HX-Target": target}
        html = engineer.get(path, headers=asked).content.decode()
        assert html.strip().startswith(f'<div id="{target}"')
        assert "<html" not in html


@pytest.mark.parametrize(
    ("verb", "pinned", "held"),
    [("pin", True, False), ("quarantine", False, True), ("release", False, False)],
)
def test_a_verb_does_what_it_says_and_is_audited(
    engineer: Client, red: Team, verb: str, pinned: bool, held: bool
) -> None:
    entry = furniture.entry(red, "How do I get a refund?")
    engineer.post(f"/answers/{entry.pk}/{verb}/")
    entry.refresh_from_db()
    assert (entry.pinned_at is not None, entry.quarantined_at is not None) == (pinned, held)
    assert AuditRow.objects.get(subject="entry").action == verb


def test_an_edited_answer_is_pinned_and_forgets_what_was_found_of_the_old(
    engineer: Client, red: Team
) -> None:
    entry = furniture.entry(red, "How do I get a refund?", "Never.", rights=4, wrongs=1)
    waiting = Evidence.objects.create(
        team=red, entry=entry, question="q", exchange_id=uuid4(), source="miss", similarity=0.9
    )
    engineer.post(f"/answers/{entry.pk}/edit/", {"answer": "Under Orders."})
    entry.refresh_from_db()
    assert contents.text(entry.answer) == "Under Orders."
    assert (entry.rights, entry.wrongs, entry.chunks) == (0, 0, None)
    assert entry.pinned_at is not None
    assert not Evidence.objects.filter(pk=waiting.pk).exists()
    row = AuditRow.objects.get(action="edit")
    assert (row.before["answer"], row.after["answer"]) == ("Never.", "Under Orders.")


def test_dropping_asks_first(engineer: Client, red: Team) -> None:
    entry = furniture.entry(red, "How do I get a refund?")
    assert "Drop this answer?" in text(engineer, f"/answers/{entry.pk}/drop/")
    engineer.post(f"/answers/{entry.pk}/drop/")
    assert not Entry.objects.exists()
    assert AuditRow.objects.get(action="delete").before["question"] == "How do I get a refund?"


TERMS = {
    "semantic": "on",
    "epsilon": "1",
    "static_threshold": "98",
    "shadow_share": "5",
    "shadow_usd_a_day": "2",
    "judge_model": "",
    "scope": "team",
    "ttl_days": "2",
    "rows": "1000",
    "megabytes": "10",
    "routes": "auto:best 0.5\n",
}


def test_terms_are_kept_in_shares_seconds_and_bytes(engineer: Client, red: Team) -> None:
    engineer.post("/answers/terms/", TERMS)
    kept = CacheTerms.objects.get(team=red)
    assert (kept.epsilon, kept.static_threshold, kept.ttl_s) == (0.01, 0.98, 172_800)
    assert (kept.bytes, kept.routes) == (10_000_000, {"auto:best": {"epsilon": 0.005}})
    assert AuditRow.objects.get(action="update").after["epsilon"] == 0.01
    assert "auto:best 0.5" in text(engineer, "/answers/terms/")


@pytest.mark.parametrize(
    ("name", "value"),
    [("epsilon", "0"), ("epsilon", "70"), ("routes", "best of all"), ("rows", "")],
)
def test_terms_that_make_no_sense_are_refused_at_their_field(
    engineer: Client, name: str, value: str
) -> None:
    html = engineer.post("/answers/terms/", {**TERMS, name: value}).content.decode()
    assert "errorlist" in html
    assert not CacheTerms.objects.exists()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("epsilon", "0.001", "equal to 0.01."),
        ("static_threshold", "10", "equal to 50."),
        ("megabytes", "1e9", "equal to 10000000."),
        ("routes", "auto 0", "from 0.01 to 50."),
    ],
)
def test_what_terms_may_be_is_told_in_the_units_of_the_page(
    engineer: Client, name: str, value: str, told: str
) -> None:
    assert told in engineer.post("/answers/terms/", {**TERMS, name: value}).content.decode()
    assert not CacheTerms.objects.exists()


def test_a_judge_that_is_no_backend_is_told_at_its_field(engineer: Client) -> None:
    html = engineer.post("/answers/terms/", {**TERMS, "judge_model": "nobody"}).content.decode()
    assert "No backend is called “nobody”" in html
    assert not CacheTerms.objects.exists()


def test_what_is_dropped_was_shown_before(engineer: Client, red: Team) -> None:
    furniture.furnish(red)
    html = engineer.post("/answers/invalidate/", {"pattern": "*canada*"}).content.decode()
    assert "Drop 2 answers" in html
    assert 'type="hidden" name="pattern" value="*canada*"' in html
    assert Entry.objects.count() == 10
    seen = re.search(r'name="as_of" value="([^"]+)"', html)
    assert seen
    furniture.entry(red, "Is Canada far?")
    engineer.post("/answers/invalidate/", {"pattern": "*canada*", "drop": "yes"})
    assert Entry.objects.count() == 11
    sent = {"pattern": "*canada*", "drop": "yes", "as_of": seen[1]}
    engineer.post("/answers/invalidate/", sent)
    assert Entry.objects.filter(question__icontains="canada").get().question == "Is Canada far?"
    assert Entry.objects.count() == 9
    assert AuditRow.objects.get(action="invalidate").after["invalidated"] == 2


def test_nothing_named_drops_nothing(engineer: Client, red: Team) -> None:
    furniture.entry(red, "How do I get a refund?")
    html = engineer.post("/answers/invalidate/", {"drop": "yes"}).content.decode()
    assert "at least one field" in html
    assert Entry.objects.count() == 1


def test_a_pattern_shows_its_template_and_is_moved(engineer: Client, red: Team) -> None:
    pattern = furniture.pattern(red)
    html = text(engineer, f"/patterns/{pattern.pk}/")
    assert re.search(r"<mark[^>]*>colour</mark>", html)
    assert "138 of 140" in html
    engineer.post(f"/patterns/{pattern.pk}/canary/", {"share": "25", "why": "try it"})
    pattern.refresh_from_db()
    assert (pattern.state, pattern.share) == ("canary", 0.25)
    assert "try it" in text(engineer, f"/patterns/{pattern.pk}/")
    answer = engineer.post(f"/patterns/{pattern.pk}/nonsense/")
    assert answer.status_code == 404


def test_a_rule_is_shown_to_be_pasted_and_has_no_canary(engineer: Client, red: Team) -> None:
    recipe = {"text": "Sell this", "rule": {"name": "cheap", "then": {"use": "small"}}}
    pattern = furniture.pattern(red, action="rule", recipe=recipe, name="rule-sell")
    html = text(engineer, f"/patterns/{pattern.pk}/")
    assert "&quot;use&quot;: &quot;small&quot;" in html
    assert "Share of a canary" not in html
    refused = engineer.post(f"/patterns/{pattern.pk}/canary/", {"share": "25"}, follow=True)
    assert "answers nothing by itself" in refused.content.decode()
    engineer.post(f"/patterns/{pattern.pk}/approve/")
    pattern.refresh_from_db()
    assert (pattern.state, pattern.share) == ("active", 0)


def test_a_second_click_does_not_skip_the_canary(engineer: Client, red: Team) -> None:
    pattern = furniture.pattern(red)
    found = re.search(r'name="mark" value="(\w+)"', text(engineer, f"/patterns/{pattern.pk}/"))
    assert found
    for _ in range(2):
        engineer.post(f"/patterns/{pattern.pk}/approve/", {"mark": found[1]})
    pattern.refresh_from_db()
    assert pattern.state == "canary"


def test_an_active_pattern_has_nothing_to_approve(engineer: Client, red: Team) -> None:
    pattern = furniture.pattern(red, state="active", share=0.9)
    html = text(engineer, f"/patterns/{pattern.pk}/")
    assert "Approve" not in html
    assert "Back to a share" in html
    engineer.post(f"/patterns/{pattern.pk}/approve/")
    pattern.refresh_from_db()
    assert pattern.state == "active"


def test_what_was_taken_back_of_late_stays_in_sight_with_its_reason(
    engineer: Client, red: Team
) -> None:
    pattern = furniture.pattern(red, state="active", share=0.9)
    steps.roll_back(pattern, "drift: 2 of the newest 2 comparisons were wrong", "kora")
    html = text(engineer, "/patterns/")
    assert "drift: 2 of the newest 2" in html
    Pattern.objects.update(changed_at=datetime.now(UTC) - timedelta(days=8))
    assert pattern.name not in text(engineer, "/patterns/")


def test_a_move_that_cannot_be_is_told(engineer: Client, red: Team) -> None:
    pattern = furniture.pattern(red, state="rejected")
    answer = engineer.post(f"/patterns/{pattern.pk}/rollback/", follow=True)
    assert "cannot become" in answer.content.decode()


def test_an_import_that_nobody_reads_says_that_it_waits(engineer: Client, red: Team) -> None:
    row = Import.objects.create(team=red, name="faq.csv", state="running", total=900, lines=410)
    assert "this page may be left" in text(engineer, f"/answers/imports/{row.pk}/")
    Import.objects.update(changed_at=datetime.now(UTC) - timedelta(seconds=15))
    assert "waits for the background worker" in text(engineer, f"/answers/imports/{row.pk}/")


def test_a_group_is_made_and_another_team_invited(owner: Client, red: Team) -> None:
    owner.post("/answers/sharing/", {"word": "create", "group": "support"})
    owner.post("/answers/sharing/", {"word": "invite", "group": "support", "other": "blue"})
    assert "has not accepted yet" in text(owner, "/answers/sharing/")
    blue = speaking_as(Team.objects.get(name="blue"), "owner")
    blue.post("/answers/sharing/", {"word": "accept", "group": "support"})
    assert Sharing.objects.filter(accepted_at__isnull=False).count() == 2
    stranger = owner.post("/answers/sharing/", {"word": "leave", "group": "other"}, follow=True)
    assert "is in no group" in stranger.content.decode()


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"question,answer\nWhy?,Because.\n", "waiting"), (b"x,y\n1,2\n", "errorlist")],
)
def test_a_file_is_taken_in_or_refused_at_once(
    engineer: Client, monkeypatch: pytest.MonkeyPatch, content: bytes, said: str
) -> None:
    monkeypatch.setattr("caching.imports.importing.ask_for", lambda import_id: None)
    file = SimpleUploadedFile("faq.csv", content)
    asked = {"file": file, "model_asked": "*", "system_prompt": "*"}
    html = engineer.post("/answers/imports/", asked, follow=True).content.decode()
    assert said in html
