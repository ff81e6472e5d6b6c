"""What settings may say of choosing, where a mistake stands, and what comes of both scopes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from routing.policy import settings, wanting
from routing.policy.terms import Alias, Explore, Sticky
from routing.policy.wanting import Circumstances
from routing.publishing import in_force
from routing.publishing.in_force import InForce
from routing.questions import Constraints, Prompt
from routing.rules.values import Effects
from routing.signals import reading

WHOLE: dict[str, Any] = {
    "weights": {"auto": {"usd": 10, "floor": 0.2}},
    "aliases": {
        "support": {
            "use": "auto:fast",
            "only": ["a", "b"],
            "avoid": ["b"],
            "weights": {"miss": 2},
            "constraints": {"max_cost": "0.01", "min_quality": 0.4, "region": "eu"},
        }
    },
    "explore": {"mode": "apply", "share": 0.1, "usd_a_day": 3, "routes": {"support": "bypass"}},
    "sticky": {"minutes": 5},
}

MISTAKES = [
    ({"weights": 3}, "weights: must be an object"),
    ({"weights": {"auto": {"usd": -1}}}, "weights.auto.usd: must be a number of 0 or more"),
    ({"weights": {"auto": {"usd": True}}}, "weights.auto.usd: must be a number"),
    ({"weights": {"auto": {"euros": 1}}}, "weights.auto.euros: is none of usd, miss"),
    ({"weights": {"auto": {"floor": 1.5}}}, "weights.auto.floor: must be a number from 0 to 1"),
    ({"weights": {"auto": {"deadline_s": 0}}}, "weights.auto.deadline_s: must be more than 0"),
    ({"aliases": {"x": {"use": "gpt"}}}, "aliases.x.use: must be one of auto, auto:cheap"),
    ({"aliases": {"x": {"only": "a"}}}, "aliases.x.only: must be a list"),
    ({"aliases": {"x": {"only": []}}}, "aliases.x.only: must name at least one"),
    ({"aliases": {"x": {"then": 1}}}, "aliases.x.then: is none of use, only"),
    ({"aliases": {"x": {"constraints": {"max_cost": "much"}}}}, "aliases.x.constraints.max_cost"),
    ({"aliases": {"auto:mine": {}}}, "aliases.auto:mine: is the name of a model already"),
    ({"aliases": {"taken": {}}}, "aliases.taken: is the name of a model already"),
    ({"explore": {"mode": "wild"}}, "explore.mode: must be one of apply, observe, bypass"),
    ({"explore": {"share": 0.9}}, "explore.share: must be a number from 0 to 0.5"),
    ({"explore": {"routes": {"auto": "often"}}}, "explore.routes.auto.mode: must be one of"),
    ({"sticky": {"minutes": 0}}, "sticky.minutes: must be a number from 1 to"),
    ({"sticky": {"enabled": "yes"}}, "sticky.enabled: must be true or false"),
]


@pytest.mark.parametrize(("said", "words"), MISTAKES)
def test_a_mistake_is_named_with_its_place(said: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match="^" + words.replace(".", r"\.")):
        settings.read(said, backends=["taken"])


def test_what_is_said_is_what_is_aimed_at() -> None:
    terms = settings.read(WHOLE)
    plain, mine = terms.aim("auto"), terms.aim("support")
    assert (plain.goal, plain.weights.usd, plain.weights.floor) == ("best-value", 10, 0.2)
    assert (plain.explore.mode, plain.explore.share) == ("apply", 0.1)
    assert (mine.goal, mine.weights.miss, mine.explore.mode) == ("fastest-feasible", 2, "bypass")
    assert mine.sticky == Sticky(minutes=5)
    assert terms.aim("some-backend").goal == "named-model"


def test_nothing_said_observes_and_stays() -> None:
    aim = settings.read({}).aim("auto")
    assert (aim.explore, aim.sticky) == (Explore(mode="observe"), Sticky(enabled=True))


@pytest.mark.parametrize(
    ("said", "mode", "share", "usd"),
    [
        ({"explore": False}, "bypass", 0.1, 10),
        ({"explore": {"share": 0.3}}, "apply", 0.3, 10),
        ({"weights": {"usd": 1}}, "apply", 0.1, 1),
        ({"weights": {"auto": {"usd": 2}, "support": {"usd": 3}}}, "apply", 0.1, 2),
    ],
)
def test_a_rule_may_say_otherwise(
    said: dict[str, Any], mode: str, share: float, usd: float
) -> None:
    aim = settings.read(WHOLE).aim("auto", said)
    assert (aim.explore.mode, aim.explore.share, aim.weights.usd) == (mode, share, usd)
    assert not settings.read(WHOLE).aim("auto", {"sticky": False}).sticky.enabled


def test_a_teams_settings_stand_over_everyones_name_by_name() -> None:
    everyone = InForce(
        number=3, settings={**WHOLE, "weights": {"auto": {"usd": 1}, "auto:best": {"usd": 2}}}
    )
    own = InForce(number=2, settings={"weights": {"auto": {"usd": 7}}, "aliases": {"mine": {}}})
    both = in_force.of({None: everyone, 9: own}, 9)
    assert both.number == 3
    assert set(both.terms.aliases) == {"support", "mine"}
    assert both.terms.aim("auto").weights.usd == 7
    assert both.terms.aim("auto:best").weights.usd == 2
    assert both is in_force.of({None: everyone, 9: own}, 9), "put together once"
    assert in_force.of({None: everyone}, 9) is everyone


def test_what_cannot_be_read_any_more_is_left_out_and_the_rest_stands() -> None:
    standing = InForce(settings={"weights": {"auto": {"usd": 7}}, "explore": {"mode": "wild"}})
    assert standing.terms.aim("auto").weights.usd == 7
    assert standing.terms.explore == Explore()


def prompt(model: str = "auto", **limits: Any) -> Prompt:
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    return Prompt(
        body=body, model=model, stream=False, max_tokens=None, choices=1,
        constraints=Constraints(**limits),
    )  # fmt: skip


def asked(around: Circumstances, model: str = "support", **limits: Any) -> Any:
    given = prompt(model, **limits)
    return wanting.wants(given, reading.read(given), around)


def test_aliases_and_rules_together_only_narrow() -> None:
    alias = settings.read(WHOLE).aliases["support"]
    effects = Effects(
        only=frozenset({"b", "c"}), avoid=frozenset({"x"}), constraints={"data_class": "health"}
    )
    found = asked(Circumstances(model="auto:fast", alias=alias, effects=effects))
    assert (found.model, found.only, found.avoid) == ("auto:fast", {"b"}, {"b", "x"})
    assert (found.data_class, found.region) == ("health", "eu")


def test_the_stricter_of_the_caller_and_the_alias_counts() -> None:
    alias = settings.read(WHOLE).aliases["support"]
    mine = wanting.narrowed(Constraints(min_quality=0.9, max_cost=Decimal(5)), alias)
    assert (mine.min_quality, mine.max_cost) == (0.9, Decimal("0.01"))
    found = asked(Circumstances(alias=alias), min_quality=0.9, max_cost=Decimal("0.01"))
    assert found.fixed == {"max-cost"}, "the caller may lower the quality, but not raise the cost"


@pytest.mark.parametrize(
    ("allowed", "left"), [({"support"}, set()), ({"a"}, {"a"}), (set(), set())]
)
def test_a_key_that_may_use_the_alias_may_use_what_it_chooses_from(
    allowed: set[str], left: set[str]
) -> None:
    around = Circumstances(alias=Alias(), model="auto", allowed=frozenset(allowed))
    assert asked(around).allowed == left
