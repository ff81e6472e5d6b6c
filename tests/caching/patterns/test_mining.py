"""Mining and moving patterns on a real Postgres: once, whoever and however often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import numpy as np
import pytest
from pgvector import HalfVector

from analytics.models import Exchange
from caching import intents
from caching.errors import Unfit
from caching.models import CacheTerms, Entry, EntryVector, Generation, Intent, Pattern, PatternCheck
from caching.patterns import gathering, loading, mining, rounds, steps, watching
from teams.models import Organisation, Team
from teams.values import Actor
from tests.caching.patterns import traffic

pytestmark = pytest.mark.django_db(transaction=True)
ADA = Actor(name="ada", address="127.0.0.1")


@pytest.fixture
def team() -> Team:
    rounds._mined.clear()
    made = Team.objects.create(organisation=Organisation.objects.create(name="Acme"), name="red")
    CacheTerms.objects.create(team=made, epsilon=0.1)
    return made


def mined(team: Team) -> Pattern:
    traffic.store(team, "s", traffic.products(90, first=100))
    mining.mine(team.pk)
    return Pattern.objects.get(team=team, action="fill")


def test_a_second_run_proposes_nothing_twice(team: Team) -> None:
    pattern = mined(team)
    mining.mine(team.pk)
    assert Pattern.objects.count() == 1
    assert [step.became for step in steps.history(pattern)] == ["proposed"]
    assert pattern.scope == f"t:{team.pk}"
    assert pattern.evidence["prompts"] == 90


def test_answers_of_end_users_and_what_people_pinned_teach_nothing(team: Team) -> None:
    traffic.store(team, "s", traffic.products(90, first=100), scope=f"u:{team.pk}:ada")
    traffic.store(team, "s", traffic.products(90, first=300), pinned_at=datetime.now(UTC))
    assert gathering.rows(team.pk) == []
    assert mining.mine(team.pk) == []


def test_another_teams_answers_are_not_read(team: Team) -> None:
    other = Team.objects.create(organisation=team.organisation, name="blue")
    traffic.store(other, "s", traffic.products(90, first=100))
    assert mining.mine(team.pk) == []


def test_from_proposal_to_service_and_back(team: Team) -> None:
    pattern = mined(team)
    assert loading.standing() == {}
    steps.move(ADA, pattern, "approve", {})
    assert (pattern.state, pattern.share) == ("canary", 0.1)
    steps.move(ADA, pattern, "approve", {})
    assert (pattern.state, pattern.share) == ("active", 0.9)
    (standing,) = loading.standing()[team.pk]
    assert standing.name == pattern.name
    steps.move(ADA, pattern, "rollback", {"why": "odd"})
    assert loading.standing() == {}
    told = [(step.became, step.actor, step.why) for step in steps.history(pattern)]
    assert told[0] == ("rolled-back", "ada", "odd")
    assert [became for became, _, _ in told] == ["rolled-back", "active", "canary", "proposed"]


def test_a_rule_that_people_go_by_is_seen_while_there_is_traffic(team: Team) -> None:
    rule = mined(team)
    long_ago = datetime.now(UTC) - timedelta(days=20)
    Pattern.objects.update(action="rule", state="active", share=0, seen_at=long_ago)
    mining._see(team.pk, gathering.rows(team.pk))
    rule.refresh_from_db()
    assert rule.seen_at > long_ago
    assert watching.move(team.pk) == 0


def test_of_two_who_move_a_pattern_one_is_told(team: Team) -> None:
    pattern = mined(team)
    other = Pattern.objects.get(pk=pattern.pk)
    steps.approve(pattern, "ada")
    with pytest.raises(Unfit):
        steps.reject(other, "ken")
    with pytest.raises(Unfit):
        steps.move(ADA, other, "explode", {})
    assert Pattern.objects.get(pk=pattern.pk).state == "canary"


def test_what_was_taken_back_comes_again_only_with_another_answer(team: Team) -> None:
    pattern = mined(team)
    steps.canary(pattern, 1.0, "ada")
    steps.roll_back(pattern, "wrong", "ada")
    mining.mine(team.pk)
    assert Pattern.objects.get().state == "rolled-back"
    Entry.objects.all().delete()
    changed = [(asked, f"New: {told}") for asked, told in traffic.products(90, first=100)]
    traffic.store(team, "s", changed)
    mining.mine(team.pk)
    again = Pattern.objects.get()
    assert (again.state, again.wrongs) == ("proposed", 0)
    assert again.recipe["answer"][0].startswith("New: ")


def test_a_rejected_one_stays_rejected_and_an_approved_one_word_for_word(team: Team) -> None:
    pattern = mined(team)
    steps.canary(pattern, 0.5, "ada")
    recipe = Pattern.objects.get().recipe
    traffic.store(team, "s", traffic.products(90, first=1_000))
    mining.mine(team.pk)
    assert Pattern.objects.get().recipe == recipe
    assert Pattern.objects.get().evidence["prompts"] > 90
    steps.reject(Pattern.objects.get(), "ada")
    mining.mine(team.pk)
    assert Pattern.objects.get().state == "rejected"


def test_proposals_begin_by_themselves_where_the_team_lets_them(team: Team) -> None:
    pattern = mined(team)
    assert watching.move(team.pk) == 0
    CacheTerms.objects.update(automatic_patterns=True)
    assert watching.move(team.pk) == 1
    pattern.refresh_from_db()
    assert (pattern.state, steps.history(pattern)[0].actor) == ("canary", "kora")


def test_live_comparisons_make_a_canary_active_and_take_it_back(team: Team) -> None:
    pattern = mined(team)
    steps.approve(pattern, "ada")
    checks(pattern, right=True, count=20)
    assert rounds.watch() == 1
    pattern.refresh_from_db()
    assert (pattern.state, pattern.rights) == ("active", 20)
    checks(pattern, right=False, count=1)
    rounds.watch()
    pattern.refresh_from_db()
    assert pattern.state == "canary"
    checks(pattern, right=False, count=3)
    rounds.watch()
    pattern.refresh_from_db()
    assert pattern.state == "rolled-back"
    assert loading.standing() == {}


def checks(pattern: Pattern, *, right: bool, count: int) -> None:
    said = "yes" if right else "no 7"
    for _ in range(count):
        PatternCheck.objects.create(pattern=pattern, exchange_id=uuid4(), said=said, heard="Yes.")


def test_receipts_are_counted_once(team: Team) -> None:
    pattern = mined(team)
    steps.canary(pattern, 1.0, "ada")
    Pattern.objects.update(created_at=datetime.now(UTC) - timedelta(hours=1))
    for age_s in (60, 30, 1):
        served(pattern, age_s=age_s)
    watching.count(team.pk)
    watching.count(team.pk)
    pattern.refresh_from_db()
    assert (pattern.served, pattern.saved_usd) == (2, Decimal(1))


def test_what_a_pattern_served_until_it_was_taken_back_is_counted(team: Team) -> None:
    """Its newest receipts are settled only after that."""
    pattern = mined(team)
    steps.canary(pattern, 1.0, "ada")
    steps.roll_back(pattern, "drift", "kora")
    served(pattern, age_s=30)
    Pattern.objects.update(
        counted_until=datetime.now(UTC) - timedelta(seconds=60),
        changed_at=datetime.now(UTC) - timedelta(seconds=20),
    )
    rounds.watch()
    rounds.watch()
    pattern.refresh_from_db()
    assert (pattern.served, pattern.state) == (1, "rolled-back")


def served(pattern: Pattern, *, age_s: float) -> None:
    Exchange.objects.create(
        team_id=pattern.team_id, team_name="red", model_asked="auto", tier="pattern",
        saved=Decimal("0.5"), reason=f"pattern:{pattern.name}", state="answered",
        at=datetime.now(UTC) - timedelta(seconds=age_s), receipt={"pattern": {"id": pattern.pk}},
    )  # fmt: skip


def test_a_round_begins_with_who_waited_longest_and_survives_a_broken_team(team: Team) -> None:
    traffic.store(team, "s", traffic.products(90, first=100))
    assert rounds.mine(turn_s=20) == 1
    assert Pattern.objects.count() == 1
    assert rounds.mine(turn_s=20) == 0


def placed(team: Team, axis: int, count: int, first: int = 0) -> list[Entry]:
    """Questions of one kind: vectors around one axis."""
    generation, _ = Generation.objects.get_or_create(embedder="toy", dimensions=8, state="live")
    words = ("reset the password", "cancel the order", "ship the parcel")[axis % 3]
    rows = traffic.store(
        team, "", [(f"How to {words} {n}?", "So.") for n in range(first, first + count)],
        surroundings="r",
    )  # fmt: skip
    for number, row in enumerate(rows):
        chance = np.random.default_rng([axis, first + number])
        vector = np.eye(8)[axis] + chance.normal(0, 0.05, 8)
        EntryVector.objects.create(
            entry=row, generation=generation, partition=uuid4(),
            vector=HalfVector((vector / np.linalg.norm(vector)).astype(np.float32)),
        )  # fmt: skip
    return rows


def test_intents_are_born_grow_and_keep_apart(team: Team) -> None:
    placed(team, 0, 12)
    placed(team, 1, 8)
    placed(team, 2, 2)
    assert intents.gather(team.pk) == 20
    assert sorted(Intent.objects.values_list("name", flat=True)) == [
        "cancel order", "reset password"
    ]  # fmt: skip
    assert intents.gather(team.pk) == 0
    later = placed(team, 0, 3, first=20)
    assert intents.gather(team.pk) == 3
    intent = Intent.objects.get(name="reset password")
    assert set(Entry.objects.filter(pk__in=[row.pk for row in later]).values_list("intent_id")) == {
        (intent.pk,)
    }
    assert (intent.facts["members"], intent.facts["prompts"]) == (15, 15)
    assert intent.weight == pytest.approx(15, rel=0.01)
    assert 0 < intent.spread < 0.1


def test_an_intent_that_nobody_asks_fades_away(team: Team) -> None:
    placed(team, 0, 6)
    intents.gather(team.pk)
    Entry.objects.all().delete()
    intents.gather(team.pk)
    intent = Intent.objects.get()
    facts = {**intent.facts, "weighed_at": datetime.now(UTC).timestamp() - 90 * 86_400}
    Intent.objects.update(facts=facts)
    intents.gather(team.pk)
    assert not Intent.objects.exists()
