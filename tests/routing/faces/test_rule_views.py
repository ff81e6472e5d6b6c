"""The console's pages about rules: written, ordered, refused with their place, published."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from routing.models import Policy, Rule
from routing.publishing import versions
from teams.models import AuditRow, Team
from tests.routing.faces import people
from tests.routing.faces.people import words

pytestmark = pytest.mark.django_db

SECRETS = {"when": {"signal": "code", "is": True}, "then": {"deny": "No code here."}}


@pytest.fixture
def red(db: None) -> Team:
    return people.team()


@pytest.fixture
def engineer(red: Team) -> Client:
    return people.speaking_as(red, "engineer")


def sent(name: str = "no-code", **said: Any) -> dict[str, str]:
    parts = {**SECRETS, **said}
    return {"name": name, "enabled": "on", **{key: json.dumps(v) for key, v in parts.items()}}


def write(client: Client, name: str, **said: Any) -> Rule:
    answer = client.post("/routing/rules/new/?team=red", sent(name, **said))
    assert answer.status_code == 302, words(answer)
    return Rule.objects.get(name=name)


def names() -> list[str]:
    return list(Rule.objects.order_by("position").values_list("name", flat=True))


def test_an_empty_list_says_what_rules_are_for(engineer: Client) -> None:
    page = words(engineer.get("/routing/rules/"))
    assert "No rules of this team yet" in page
    assert "Write the first rule" in page


def test_a_rule_is_written_read_in_words_and_leaves_an_audit_row(engineer: Client) -> None:
    write(engineer, "no-code")
    page = words(engineer.get("/routing/rules/"))
    assert "code is yes" in page
    assert "refuse: “No code here.”" in page
    assert "Nothing was published yet; this draft differs from it in 1 place" in page
    assert AuditRow.objects.get(action="create", subject="rule").subject_name == "no-code"


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"when": {"all": [{"signal": "code", "is": True}, {"signal": "turns", "more_than": "x"}]}},
         "when.all[1]"),
        ({"then": {"only": []}}, "then.only"),
        ({"then": {}}, "at least one of"),
    ],
)  # fmt: skip
def test_a_mistake_is_shown_at_its_place_and_nothing_is_kept(
    engineer: Client, said: dict[str, Any], place: str
) -> None:
    answer = engineer.post("/routing/rules/new/?team=red", sent(**said))
    assert answer.status_code == 200
    assert place in words(answer)
    assert names() == []


def test_no_json_says_in_which_line(engineer: Client) -> None:
    answer = engineer.post("/routing/rules/new/?team=red", {**sent(), "when": '{\n"all": }'})
    assert "line 2, column 8" in words(answer)


def test_two_who_edit_the_same_rule_do_not_overwrite_each_other(engineer: Client) -> None:
    rule = write(engineer, "no-code")
    seen = people.hidden(engineer.get(f"/routing/rules/{rule.pk}/"), "seen")
    place = f"/routing/rules/{rule.pk}/"
    assert engineer.post(place, {**sent("first"), "seen": seen}).status_code == 302
    late = engineer.post(place, {**sent("second"), "seen": seen})
    assert "Somebody changed this since you looked at it" in words(late)
    assert names() == ["first"]


def test_rules_move_switch_and_go_without_a_script(engineer: Client) -> None:
    rules = [write(engineer, name) for name in ("one", "two", "three")]
    engineer.post(f"/routing/rules/{rules[2].pk}/up/")
    assert names() == ["one", "three", "two"]
    engineer.post(f"/routing/rules/{rules[0].pk}/up/")
    assert names() == ["one", "three", "two"]
    engineer.post(f"/routing/rules/{rules[0].pk}/switch/")
    assert not Rule.objects.get(name="one").enabled
    engineer.post(f"/routing/rules/{rules[1].pk}/remove/")
    assert names() == ["one", "three"]


def test_a_rule_of_an_older_kora_that_is_no_rule_any_more_says_so(
    engineer: Client, red: Team
) -> None:
    rule = Rule.objects.create(team=red, name="old", then={"gone": 1})
    assert "there is no such effect" in words(engineer.get("/routing/rules/"))
    place = f"/routing/rules/{rule.pk}/switch/"
    assert "old stays as it is: then.gone" in words(engineer.post(place, follow=True))
    asked = engineer.post(place, HTTP_HX_REQUEST="true")
    assert asked.headers["HX-Redirect"] == f"/routing/rules/{rule.pk}/"


def test_dragging_gives_the_whole_order_and_an_old_list_is_not_obeyed(engineer: Client) -> None:
    one, two = write(engineer, "one"), write(engineer, "two")
    place = "/routing/rules/order/?team=red"
    moved = engineer.post(place, {"ids": f"{two.pk},{one.pk}"}, HTTP_HX_REQUEST="true")
    assert 'data-say="The new order is kept."' in moved.content.decode()
    assert names() == ["two", "one"]
    write(engineer, "three")
    stale = engineer.post(place, {"ids": f"{one.pk},{two.pk}"}, follow=True)
    assert "Somebody changed the list meanwhile" in words(stale)
    assert names() == ["two", "one", "three"]


def test_settings_are_refused_with_their_place_and_kept_otherwise(engineer: Client) -> None:
    place = "/routing/settings/?team=red"
    seen = people.hidden(engineer.get(place), "seen")
    wrong = {"weights": {"auto": {"usd": -1}}}
    answer = engineer.post(place, {"settings": json.dumps(wrong), "seen": seen})
    assert "weights.auto.usd" in words(answer)
    fine = {"weights": {"auto": {"usd": 10}}}
    assert engineer.post(place, {"settings": json.dumps(fine), "seen": seen}).status_code == 302
    stale = engineer.post(place, {"settings": "{}", "seen": seen})
    assert "Somebody changed this" in words(stale)


def test_publishing_shows_first_what_changes_and_one_press_brings_back(
    engineer: Client, red: Team
) -> None:
    write(engineer, "no-code")
    page = engineer.get("/routing/versions/?team=red")
    assert "new rule no-code" in words(page)
    said = {"seen": people.hidden(page, "seen"), "based_on": "0", "note": "First"}
    engineer.post("/routing/versions/publish/?team=red", said)
    first = Policy.objects.get(team=red, state="published")
    rule = Rule.objects.get()
    engineer.post(f"/routing/rules/{rule.pk}/remove/")
    page = engineer.get("/routing/versions/?team=red")
    said = {"seen": people.hidden(page, "seen"), "based_on": str(first.number), "note": ""}
    engineer.post("/routing/versions/publish/?team=red", said)
    compared = words(engineer.get(f"/routing/versions/{first.pk}/"))
    assert "No code here." in compared
    back = engineer.post(f"/routing/versions/{first.pk}/rollback/", follow=True)
    assert f"What version {first.number} says is in force again" in words(back)
    assert f"To undo this, bring version {(first.number or 0) + 1} back" in words(back)
    standing = versions.standing(red.pk)
    assert standing is not None
    assert (standing.restores, names()) == (first.number, ["no-code"])


def test_a_draft_that_changed_meanwhile_is_not_published_unseen(
    engineer: Client, red: Team
) -> None:
    write(engineer, "one")
    seen = people.hidden(engineer.get("/routing/versions/?team=red"), "seen")
    write(engineer, "two")
    answer = engineer.post("/routing/versions/publish/?team=red", {"seen": seen}, follow=True)
    assert "look again before you publish" in words(answer)
    assert versions.standing(red.pk) is None


def test_who_only_reads_sees_and_is_refused(engineer: Client, red: Team) -> None:
    rule = write(engineer, "no-code")
    viewer = people.speaking_as(red, "viewer")
    for place in ("/routing/rules/", f"/routing/rules/{rule.pk}/", "/routing/versions/"):
        page = viewer.get(place)
        assert page.status_code == 200
        assert not {"New rule", "Publish", "Keep in the draft"} & set(words(page).split("  "))
    assert viewer.post(f"/routing/rules/{rule.pk}/", sent()).status_code == 403
    assert viewer.post("/routing/versions/publish/?team=red").status_code == 403


def test_everyones_are_the_operators(engineer: Client) -> None:
    assert engineer.get("/routing/rules/?everyone=true").status_code == 200
    assert engineer.get("/routing/rules/new/?everyone=true").status_code == 403
    operator = people.operator()
    assert operator.post("/routing/rules/new/?everyone=true", sent()).status_code == 302
    assert Rule.objects.get().team is None


def test_another_teams_rule_is_not_there(engineer: Client) -> None:
    blue = people.speaking_as(people.team("blue"), "engineer")
    rule = write(engineer, "no-code")
    assert blue.get(f"/routing/rules/{rule.pk}/").status_code == 404
    assert blue.post(f"/routing/rules/{rule.pk}/up/").status_code == 404
