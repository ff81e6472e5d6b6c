"""The policies in force as web processes hold them in memory, compiled once for each version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from routing.policy import settings as policy_settings
from routing.policy.terms import Terms
from routing.rules import reading
from routing.rules.judging import NO_RULES, Rules
from routing.signals import houses

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class InForce:
    """What decides one team's requests: everyone's rules first, then its own."""

    number: int = 0
    """The newest of the versions that it is made of; receipts and `x-kora-policy` name it."""
    everyone: Rules = NO_RULES
    own: Rules = NO_RULES
    settings: Mapping[str, Any] = field(default_factory=dict)
    terms: Terms = field(init=False)
    """What the settings say of choosing; one that cannot be read is as if it were not there."""

    def __post_init__(self) -> None:
        terms, broken = policy_settings.forgiving(self.settings)
        for why in broken:
            log.error("settings.unreadable", policy=self.number, why=why)
        object.__setattr__(self, "terms", terms)


NOTHING = InForce()


def of(policies: Mapping[int | None, InForce], team_id: int) -> InForce:
    everyone, own = policies.get(None, NOTHING), policies.get(team_id)
    if own is None:
        return everyone
    known = _together.get(team_id)
    if known is None or known[0] is not everyone or known[1] is not own:
        known = _together[team_id] = (everyone, own, _both(everyone, own))
    return known[2]


_together: dict[int, tuple[InForce, InForce, InForce]] = {}
"""By team, what was made of which two: they are put together once, not for each request."""


def _both(everyone: InForce, own: InForce) -> InForce:
    return InForce(
        number=max(everyone.number, own.number),
        everyone=everyone.everyone,
        own=own.own,
        settings=policy_settings.merged(everyone.settings, own.settings),
    )


def compiled(content: Mapping[str, Any], team_id: int | None, *, number: int = 0) -> InForce:
    """One scope's part; what cannot be read any more is left out and logged."""
    rules = reading.compiled(content.get("rules", ()), number=number, own=houses.words())
    for name, why in rules.broken.items():
        log.error("rule.unreadable", policy=number, rule=name, why=why)
    mine = {"everyone": rules} if team_id is None else {"own": rules}
    return InForce(number=number, settings=content.get("settings", {}), **mine)


def under(
    policies: Mapping[int | None, InForce], scope: int | None, part: InForce, team_id: int
) -> InForce:
    """What would decide a team's requests, were this part in force in its scope."""
    everyone, own = policies.get(None, NOTHING), policies.get(team_id)
    if scope is None:
        everyone = part
    elif scope == team_id:
        own = part
    return everyone if own is None else _both(everyone, own)
