"""Runs a simulation: reads receipts newest first, decides each again, and says what differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from analytics.models import Exchange
from routing.learning import rewards
from routing.models import Outcome, Policy
from routing.policy import settings as choosing
from routing.publishing import drafts, in_force, loading, versions
from routing.publishing.in_force import InForce
from routing.publishing.values import Content
from routing.simulating import budgeting, comparing, records, replaying, reporting, worlds
from routing.simulating.comparing import Line
from routing.simulating.records import Record
from routing.simulating.replaying import UNDECIDED, Under
from routing.simulating.worlds import World

CHUNK = 500
OVERRIDES = ("weights", "explore", "aliases", "sticky", "max_latency_ms", "min_quality", "budget")
SETTINGS = ("weights", "explore", "aliases", "sticky")
DEMANDS = ("max_latency_ms", "min_quality")
DEMANDED = "simulated-demands"
"""The rule that stands for demands on every request."""

Tell = Callable[[int, int], bool]
"""How many of how many are done; False where nobody wants to know any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Which policy on whose traffic of which days."""

    scope: int | None
    """Whose policy it is; None: everyone's."""
    content: Content
    team_id: int | None
    """Whose traffic; None: everyone's."""
    days: int = 7
    most: int = 10_000
    until: datetime = field(default_factory=lambda: datetime.now(UTC))
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @property
    def since(self) -> datetime:
        return self.until - timedelta(days=self.days)


def untold(done: int, total: int) -> bool:
    """Nobody asks how far it is."""
    return done <= total


class Stopped(Exception):  # noqa: N818
    """Nobody waits for this simulation any more."""


def of(policy: Policy, team_id: int | None, **said: Any) -> Asked:
    """A team's policy is tried on its own traffic, whatever else is said."""
    whose = policy.team_id if policy.team_id is not None else team_id
    content = versions.content_of(policy)
    return Asked(scope=policy.team_id, content=content, team_id=whose, **said)


def check(overrides: Mapping[str, Any]) -> None:
    """ValueError says what is wrong, and where."""
    for name in overrides:
        if name not in OVERRIDES:
            raise ValueError(f"{name}: there is no such thing to override; {', '.join(OVERRIDES)}")
    choosing.read({name: overrides[name] for name in SETTINGS if name in overrides})
    choosing.read_constraints({n: overrides[n] for n in DEMANDS if n in overrides}, "overrides")
    if "budget" in overrides:
        budgeting.read(overrides["budget"])


def run(asked: Asked, tell: Tell = untold) -> dict[str, Any]:
    """Raises Stopped when `tell` says so. Reads only; safe to be killed and run again."""
    judge = _Judge(asked)
    lines: list[Line] = []
    undecided: Counter[str] = Counter()
    total, done = min(asked.most, _rows(asked).count()), 0
    for chunk in _chunks(asked):
        for line in judge.lines(chunk):
            if isinstance(line, Line):
                lines.append(line)
            else:
                undecided[line] += 1
        done += len(chunk)
        if not tell(done, total):
            raise Stopped
    return _reported(asked, lines, undecided)


def _reported(asked: Asked, lines: list[Line], undecided: Counter[str]) -> dict[str, Any]:
    told = reporting.report(lines, undecided)
    told |= {"since": asked.since.isoformat(), "until": asked.until.isoformat()}
    if "budget" in asked.overrides:
        terms = budgeting.read(asked.overrides["budget"])
        told["budget"] = budgeting.refused(lines, terms, reporting.scale(lines))
    return told


class _Judge:
    """Holds every record against the policy; what stays the same for all is made once."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._world: World = worlds.load()
        self._content = _overridden(asked.content, asked.overrides)
        self._part = in_force.compiled(self._content, asked.scope)
        self._published = loading.load({})
        self._under: dict[int, Under] = {}

    def lines(self, chunk: list[Record]) -> Iterator[Line | str]:
        """A line, or why there is none."""
        parts = _parts(chunk)
        for record in chunk:
            self._world.remember(record)
            under = self._of(record.team_id)
            again = replaying.replay(record, under, self._world)
            if again.kind == UNDECIDED:
                yield again.why
                continue
            reward = rewards.blend(parts.get(record.exchange_id, {}), _weights(under.standing))
            yield comparing.line(record, again, reward)

    def _of(self, team_id: int) -> Under:
        if team_id not in self._under:
            self._under[team_id] = self._made(team_id)
        return self._under[team_id]

    def _made(self, team_id: int) -> Under:
        mine = self._asked.scope
        standing = in_force.under(self._published, mine, self._part, team_id)
        contents = {scope: _standing_content(scope) for scope in (None, team_id) if scope != mine}
        contents[mine] = self._content
        return Under(
            standing=standing,
            everyone=_whens(contents.get(None, {})),
            own=_whens(contents.get(team_id, {})),
        )


def _whens(content: Mapping[str, Any]) -> dict[str, Any]:
    return {rule["name"]: rule.get("when", {}) for rule in content.get("rules", ())}


def _standing_content(scope: int | None) -> Content:
    found = versions.standing(scope)
    return found.content if found else {}


def _weights(standing: InForce) -> Mapping[str, float]:
    try:
        return rewards.read(standing.settings.get("rewards", {}))
    except ValueError:
        return rewards.DEFAULTS


def _overridden(content: Content, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """As if the settings said so, and as if every request demanded so."""
    said = {name: overrides[name] for name in SETTINGS if name in overrides}
    settings = choosing.merged(content.get("settings", {}), said)
    demands = {name: overrides[name] for name in DEMANDS if name in overrides}
    first = {"name": DEMANDED, "when": {}, "then": {"set": demands, "continue": True}}
    rules = [*([first] if demands else []), *content.get("rules", ())]
    return {"rules": rules, "settings": settings}


def _rows(asked: Asked) -> Any:
    rows = Exchange.objects.filter(at__gte=asked.since, at__lte=asked.until).exclude(state="open")
    return rows if asked.team_id is None else rows.filter(team_id=asked.team_id)


def _chunks(asked: Asked) -> Iterator[list[Record]]:
    """Newest first, so many; a server-side cursor holds no more than a chunk."""
    rows = _rows(asked).order_by("-at", "-id").values_list(*records.COLUMNS)[: asked.most]
    found = rows.iterator(chunk_size=CHUNK)
    while chunk := list(islice(found, CHUNK)):
        read = (records.of(row) for row in chunk)
        yield [record for record in read if not record.is_own]


def _parts(chunk: list[Record]) -> dict[Any, Mapping[str, float]]:
    ids = [record.exchange_id for record in chunk]
    return dict(Outcome.objects.filter(pk__in=ids).values_list("pk", "parts"))


def named(which: str, team_id: int | None) -> Policy | None:
    """By id, by `v` and number, or `draft`: that of a scope."""
    if which == "draft":
        return drafts.of(team_id)
    number = which.removeprefix("v")
    if not number.isdecimal():
        return None
    by = {"number": int(number)} if which.startswith("v") else {"pk": int(number)}
    return Policy.objects.filter(**by).first()
