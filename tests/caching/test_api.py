"""Stored answers, terms, sharing, imports and patterns through the control plane."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from caching.models import CacheTerms, Entry, Import, Sharing
from routing.models import Backend
from teams.models import AuditRow, Member, Membership, Organisation, Team
from tests.caching import furniture

pytestmark = pytest.mark.django_db


@pytest.fixture
def teams(db: None) -> list[Team]:
    organisation = Organisation.objects.create(name="Acme")
    return [Team.objects.create(organisation=organisation, name=name) for name in ("red", "blue")]


@pytest.fixture
def red(teams: list[Team]) -> Team:
    return teams[0]


def speaking_as(team: Team, role: str) -> APIClient:
    client = APIClient()
    member = Member.objects.create_user(f"{uuid4().hex}@kora.test")
    Membership.objects.create(member=member, team=team, role=role)
    client.force_login(member)
    return client


@pytest.fixture
def owner(red: Team) -> APIClient:
    return speaking_as(red, "owner")


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.data
    return [row["question"] for row in answer.data["results"]]


def test_entries_are_listed_and_narrowed(owner: APIClient, red: Team) -> None:
    furniture.furnish(red)
    assert len(names(owner.get("/api/cache/entries/"))) == 10
    assert len(names(owner.get("/api/cache/entries/?pinned=true"))) == 1
    assert len(names(owner.get("/api/cache/entries/?pinned=false"))) == 9
    assert len(names(owner.get("/api/cache/entries/?quarantined=true"))) == 1
    assert len(names(owner.get("/api/cache/entries/?q=canada"))) == 2
    assert names(owner.get("/api/cache/entries/?scope=t:0")) == []


def test_one_entry_tells_its_answer_and_its_standing(owner: APIClient, red: Team) -> None:
    entry = furniture.furnish(red)[5]
    shown = owner.get(f"/api/cache/entries/{entry.pk}/").data
    assert shown["answer"] == "Monday to Friday, 9:00 to 17:00."
    assert (shown["state"], shown["pinned"], shown["quarantined"]) == ("pinned", True, False)
    assert (shown["hits"], shown["cost"], shown["saved"]) == (77, "0.00213", "0.16401")


def test_an_answer_is_corrected_under_the_tag_that_was_read(owner: APIClient, red: Team) -> None:
    entry = furniture.entry(red, "How do I get a refund?", "Never.")
    place = f"/api/cache/entries/{entry.pk}/"
    tag = owner.get(place)["ETag"]
    Entry.objects.update(hits=7)
    changed = owner.patch(place, {"answer": "Under Orders."}, format="json", HTTP_IF_MATCH=tag)
    assert (changed.status_code, changed.data["answer"]) == (200, "Under Orders.")
    assert changed.data["pinned"] is True
    stale = owner.patch(place, {"pinned": False}, format="json", HTTP_IF_MATCH=tag)
    assert stale.status_code == 412
    row = AuditRow.objects.get(subject="entry")
    assert (row.before["answer"], row.after["answer"]) == ("Never.", "Under Orders.")


def test_an_entry_is_quarantined_released_and_dropped(owner: APIClient, red: Team) -> None:
    entry = furniture.entry(red, "How do I get a refund?")
    place = f"/api/cache/entries/{entry.pk}/"
    assert owner.patch(place, {"quarantined": True}, format="json").data["state"] == "quarantined"
    assert owner.patch(place, {"quarantined": False}, format="json").data["state"] == "live"
    assert owner.patch(place, {"question": "?"}, format="json").status_code == 200  # read-only
    entry.refresh_from_db()
    assert entry.question == "How do I get a refund?"
    assert owner.delete(place).status_code == 204
    assert not Entry.objects.exists()


def test_another_teams_entries_do_not_exist(teams: list[Team]) -> None:
    entry = furniture.entry(teams[0], "How do I get a refund?")
    stranger = speaking_as(teams[1], "owner")
    assert names(stranger.get("/api/cache/entries/")) == []
    assert stranger.get(f"/api/cache/entries/{entry.pk}/").status_code == 404
    assert stranger.delete(f"/api/cache/entries/{entry.pk}/").status_code == 404
    asked = {"pattern": "*", "team": "red"}
    assert stranger.post("/api/cache/entries/invalidate/", asked, format="json").status_code == 404
    stranger.post("/api/cache/entries/invalidate/", {"pattern": "*"}, format="json")
    assert Entry.objects.count() == 1


def test_invalidating_looks_first_if_it_is_told_to(owner: APIClient, red: Team) -> None:
    furniture.furnish(red)
    asked: dict[str, Any] = {"pattern": "*CANADA*", "dry_run": True}
    found = owner.post("/api/cache/entries/invalidate/", asked, format="json")
    assert (found.data["count"], found.data["dropped"]) == (2, 0)
    assert {row["question"] for row in found.data["sample"]} == {
        "Do you ship to Canada?",
        "How long does shipping to Canada take?",
    }
    asked["dry_run"] = False
    gone = owner.post("/api/cache/entries/invalidate/", asked, format="json")
    assert (gone.data["dropped"], Entry.objects.count()) == (2, 8)
    assert AuditRow.objects.get(action="invalidate").after["pattern"] == "*CANADA*"


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"dry_run": True},
        {"intent": "none"},
        {"olderthan": 3},
        {"ids": []},
        {"ids": [], "model": "auto"},
    ],
)
def test_criteria_that_name_nothing_are_refused(
    owner: APIClient, red: Team, asked: dict[str, Any]
) -> None:
    furniture.entry(red, "How do I get a refund?")
    answer = owner.post("/api/cache/entries/invalidate/", asked, format="json")
    assert answer.status_code == 400
    assert Entry.objects.count() == 1


def test_a_drop_takes_the_look_that_a_dry_run_told(owner: APIClient, red: Team) -> None:
    furniture.entry(red, "How do I get a refund?")
    place, asked = "/api/cache/entries/invalidate/", {"pattern": "*"}
    seen = owner.post(place, {**asked, "dry_run": True}, format="json").data
    furniture.entry(red, "How do I pay?")
    gone = owner.post(place, {**asked, "as_of": seen["as_of"]}, format="json").data
    assert (seen["count"], gone["dropped"]) == (1, 1)
    assert Entry.objects.get().question == "How do I pay?"
    wrong = owner.post(place, {**asked, "as_of": "then"}, format="json")
    assert (wrong.status_code, wrong.data["error"]["param"]) == (400, "as_of")


def test_terms_are_the_defaults_until_they_are_written(owner: APIClient, red: Team) -> None:
    place = f"/api/cache/terms/{red.pk}/"
    assert owner.get("/api/cache/terms/").data["results"][0]["epsilon"] == 0.02
    tag = owner.get(place)["ETag"]
    changed = {"epsilon": 0.01, "routes": {"auto:best": {"epsilon": 0.005}}}
    written = owner.patch(place, changed, format="json", HTTP_IF_MATCH=tag)
    assert (written.status_code, written.data["epsilon"]) == (200, 0.01)
    assert CacheTerms.objects.get().routes == {"auto:best": {"epsilon": 0.005}}
    assert AuditRow.objects.get().before["epsilon"] == 0.02
    stale = owner.patch(place, {"epsilon": 0.1}, format="json", HTTP_IF_MATCH=tag)
    assert stale.status_code == 412


@pytest.mark.parametrize(
    "wrong",
    [
        {"epsilon": 0},
        {"epsilon": 0.9},
        {"static_threshold": 0.2},
        {"scope": "world"},
        {"routes": {"auto": {"rows": 3}}},
        {"routes": {"auto": {"epsilon": 0}}},
        {"routes": {"auto": {"epsilon": "much"}}},
        {"epsilom": 0.1},
    ],
)
def test_terms_that_make_no_sense_are_refused(
    owner: APIClient, red: Team, wrong: dict[str, Any]
) -> None:
    answer = owner.patch(f"/api/cache/terms/{red.pk}/", wrong, format="json")
    assert answer.status_code == 400
    assert not CacheTerms.objects.exists()


def test_a_judge_that_nobody_could_ask_is_refused_by_its_name(owner: APIClient, red: Team) -> None:
    Backend.objects.create(name="careful", kind="sandbox", model="careful")
    vectors = ["embeddings"]
    Backend.objects.create(name="minilm", kind="local", model="minilm", capabilities=vectors)
    place = f"/api/cache/terms/{red.pk}/"
    for wrong in ("nobody", "minilm", "auto"):
        refused = owner.patch(place, {"judge_model": wrong}, format="json")
        assert (refused.status_code, refused.data["error"]["param"]) == (400, "judge_model")
        at_route = {"routes": {"auto:best": {"judge_model": wrong}}}
        refused = owner.patch(place, at_route, format="json")
        assert (refused.status_code, refused.data["error"]["param"]) == (400, "routes")
    for right in ("careful", ""):
        asked = {"judge_model": right, "routes": {"auto:best": {"judge_model": right}}}
        assert owner.patch(place, asked, format="json").data["judge_model"] == right


def test_both_sides_say_that_they_share(teams: list[Team]) -> None:
    red, blue = (speaking_as(team, "owner") for team in teams)
    said = {"word": "create", "group": "support"}
    assert red.post("/api/cache/sharing/", said, format="json").status_code == 204
    said = {"word": "invite", "group": "support", "other": "blue"}
    assert red.post("/api/cache/sharing/", said, format="json").status_code == 204
    shown = blue.get("/api/cache/sharing/").data["results"]
    assert [(row["group"], row["accepted_at"]) for row in shown] == [("support", None)]
    accepted = {"word": "accept", "group": "support"}
    assert blue.post("/api/cache/sharing/", accepted, format="json").status_code == 204
    assert Sharing.objects.filter(accepted_at__isnull=False).count() == 2
    assert set(AuditRow.objects.values_list("action", flat=True)) >= {"create", "invite", "accept"}
    unknown = {"word": "accept", "group": "another"}
    assert blue.post("/api/cache/sharing/", unknown, format="json").status_code == 400


def test_a_text_is_imported_and_undone(
    owner: APIClient, red: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caching.imports.importing.ask_for", lambda import_id: None)
    said = {"content": "question,answer\nWhy?,Because.\n", "name": "faq.csv"}
    made = owner.post("/api/cache/imports/", said, format="json")
    assert (made.status_code, made.data["state"]) == (201, "waiting")
    undone = owner.post(f"/api/cache/imports/{made.data['id']}/undo/")
    assert undone.data["state"] == "undone"
    for wrong in ({}, {"content": "x,y\n1,2\n"}):
        assert owner.post("/api/cache/imports/", wrong, format="json").status_code == 400
    assert Import.objects.count() == 1


def test_a_pattern_is_moved_only_as_it_was_read(owner: APIClient, red: Team) -> None:
    place = f"/api/patterns/{furniture.pattern(red).pk}/"
    read = owner.get(place)["ETag"]
    moved = owner.post(f"{place}approve/", {}, format="json", headers={"If-Match": read})
    again = owner.post(f"{place}approve/", {}, format="json", headers={"If-Match": read})
    assert (moved.data["state"], again.status_code) == ("canary", 412)
    assert owner.get(place)["ETag"] == moved["ETag"] != read
    assert owner.post(f"{place}approve/", {}, format="json").data["state"] == "active"
    assert owner.post(f"{place}approve/", {}, format="json").status_code == 400


def test_a_pattern_is_moved_and_tells_its_steps(owner: APIClient, red: Team) -> None:
    place = f"/api/patterns/{furniture.pattern(red).pk}/"
    shown = owner.get(place).data
    assert (shown["state"], shown["evidence"]["held_out"]["right"]) == ("proposed", 138)
    canary = owner.post(f"{place}canary/", {"share": 0.25, "why": "try"}, format="json")
    assert (canary.data["state"], canary.data["share"]) == ("canary", 0.25)
    assert canary.data["steps"][0]["why"] == "try"
    assert owner.post(f"{place}approve/", {}, format="json").data["state"] == "active"
    assert owner.post(f"{place}rollback/", {}, format="json").data["state"] == "rolled-back"
    assert owner.post(f"{place}rollback/", {}, format="json").status_code == 400
    assert owner.post(f"{place}reject/", {}, format="json").data["state"] == "rejected"
    assert owner.get("/api/patterns/?state=rejected").data["results"][0]["name"] == shown["name"]
    assert AuditRow.objects.filter(subject="pattern").count() == 4
