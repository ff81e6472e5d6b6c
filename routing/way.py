"""A request's way as a value: what came, what is known so far, and what the process shares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID, uuid4

from analytics.pacing.pressure import CHOOSING, NONE, QUEUE, Pressure
from analytics.pacing.steering import Pace
from analytics.values import Origin
from caching.patterns.serving import Hint, Withheld
from caching.patterns.shells import NO_SHELL, Shell
from caching.values import Match, Question, Terms, Verdict
from routing import scripts
from routing.cascade.values import Legs
from routing.experiments.values import Taken
from routing.fairness.floor import Floor
from routing.fairness.values import Taken as TakenOfLimits
from routing.flights import Flights, Key
from routing.hands import Hands
from routing.idempotency.lookout import Lookout
from routing.idempotency.values import Mine
from routing.intents.values import NOTHING, Recognised
from routing.learning.values import UNTAUGHT, Outlook
from routing.meter import Meter
from routing.policy import moments
from routing.policy.values import NOWHERE, Decision, NoWay, Seat, Wants
from routing.publishing.in_force import InForce
from routing.questions import Constraints, Prompt
from routing.rules.values import NO_RULING, Ruling
from routing.scripts import Script
from routing.signals.facts import Facts
from routing.signals.values import Signals
from routing.stopwatch import Stopwatch
from routing.switchboard import Line, Switchboard
from routing.tries import Try
from teams.values import Caller

if TYPE_CHECKING:
    from caching.values import Vector

T = TypeVar("T")


def nobody() -> None:
    """Nobody watches: the caller waits for the answer whatever happens."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Incoming:
    """What came over the wire."""

    raw: bytes
    headers: Mapping[str, str]
    address: str
    form: str = "chat"
    """What kind of request its path makes of it (`questions.Prompt.form`)."""
    watch: Callable[[], None] = nobody
    """Begins to watch whether the client is still there; called once a model is needed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """What all requests of one web process share."""

    hands: Hands
    switchboard: Switchboard
    here: Line
    """To the embedders of this process."""
    statuses: Mapping[str, int]
    flights: Flights = field(default_factory=Flights)
    meter: Meter = field(default_factory=Meter)
    floor: Floor = field(default_factory=Floor)
    lookout: Lookout = field(default_factory=Lookout)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when KORA cuts off those who still wait: whoever is cancelled then did not leave."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """When it was decided, and how long after that an answer is late."""

    decided_ms: float
    late_after_s: float

    @property
    def until_ms(self) -> float:
        return self.decided_ms + self.late_after_s * 1000


@dataclass(kw_only=True, slots=True)
class Way:
    """How far one request has come. Stages fill it in order; the receipt is drawn from it."""

    incoming: Incoming
    clock: Stopwatch = field(default_factory=Stopwatch)
    exchange_id: UUID = field(default_factory=uuid4)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    known_caller: Caller | None = None
    known_prompt: Prompt | None = None
    known_signals: Signals | None = None
    decision: Decision | NoWay | None = None
    fingerprint: str = ""
    flight: Key | None = None
    asks_alone: bool = False
    known_standing: InForce | None = None
    """The policy that decides this request: read once, so that it is never a mixture of two."""
    ruling: Ruling = NO_RULING
    facts: Facts = field(default_factory=lambda: Facts({}))
    """What rules and experiments may ask, each found at most once."""
    demands: str = ""
    """What rules say of who may answer: an answer of somebody else is another answer."""
    taken: Taken | None = None
    """The arm of an experiment that it is in, if any."""
    recognised: Recognised = NOTHING
    outlook: Outlook = UNTAUGHT
    draw: float | None = None
    """Given where nothing may be left to chance: what trying others out would be drawn by."""
    place: str = ""
    """Under which the backend of this conversation is remembered; empty: it is not."""
    seat: Seat = NOWHERE
    given: Constraints | None = None
    """What the caller demanded, before rules and aliases asked for more."""
    wants: Wants | None = None
    stakes_gone: bool = False
    """The day's money for trying others out is spent."""
    known_pressure: tuple[Pressure, Pace | None] | None = None
    """What budgets ask for before they are empty, once somebody has looked."""
    limits: dict[str, str] = field(default_factory=dict)
    """OpenAI's headers of what key and team may still do."""
    taken_of_limits: TakenOfLimits | None = None
    entered_at: float | None = None
    """Since when it has one of this process's places for requests that need a model."""
    tries: list[Try] = field(default_factory=list)
    misses: dict[str, str] = field(default_factory=dict)
    terms: Terms = field(default_factory=Terms)
    """What the team has set for answers without a model, at the model asked for."""
    scopes: tuple[str, ...] = ()
    """Whose stored answers may be served; none where nobody says who asks."""
    scope: str = ""
    """Where this request's own answer goes; empty: nowhere."""
    question: Question | None = None
    unasked: str = ""
    """Why there is no question to compare."""
    vector: Vector | None = None
    words: Vector | None = None
    """The vector of how the user's own words begin, where no question was compared."""
    near: Verdict | None = None
    """What was judged of the nearest stored question."""
    meaning: dict[str, Any] = field(default_factory=dict)
    """What the receipt says of the questions near this one."""
    shell: Shell = NO_SHELL
    """The words of the last turn and all else apart, for patterns."""
    habit: Hint | Withheld | None = None
    """A pattern that knows a backend for this, or would have had an answer."""
    pattern: dict[str, Any] = field(default_factory=dict)
    """What the receipt says of the pattern that this request follows."""
    legs: Legs | None = None
    """Where an answer of our own is checked first, and escalated if it does not hold."""
    pool: dict[str, Any] = field(default_factory=dict)
    """What the receipt says of the backends of one model that it was spread among."""
    cascade: dict[str, Any] = field(default_factory=dict)
    """What the receipt says of that check."""
    sla: dict[str, Any] = field(default_factory=dict)
    """What the receipt says of the SLAs it falls under, and of what their burning asked for."""
    due: Due | None = None
    """The moment that the chances of being late were predicted against."""
    deferred: dict[str, Any] = field(default_factory=dict)
    """What the receipt says of waiting for idle capacity."""
    mine: Mine | None = None
    """Its row among requests that may be sent again, until it is answered there or let go."""
    hedge: dict[str, Any] = field(default_factory=dict)
    """What the receipt says of the backend that was asked beside a silent one."""
    is_contested: bool = False
    """Two calls are in the air, so this process says which one's answer is kept."""
    aside: dict[str, Any] = field(default_factory=dict)
    """Set where KORA asks for itself, to compare answers: what the receipt says of it."""

    @property
    def is_aside(self) -> bool:
        return bool(self.aside)

    @property
    def is_unhurried(self) -> bool:
        """Nobody waits for it, or its budget lets it wait for idle places only."""
        return self.is_aside or (self.known_pressure or (NONE, None))[0].asks(QUEUE)

    @property
    def caller(self) -> Caller:
        return _there(self.known_caller)

    @property
    def prompt(self) -> Prompt:
        return _there(self.known_prompt)

    @property
    def signals(self) -> Signals:
        return _there(self.known_signals)

    @property
    def standing(self) -> InForce:
        return _there(self.known_standing)

    @property
    def policy(self) -> int:
        """0 where a request was refused before any policy was looked at."""
        return self.known_standing.number if self.known_standing else 0

    @property
    def script(self) -> Script:
        return scripts.of(self.prompt.form, self.exchange_id)

    @property
    def answer_id(self) -> str:
        return self.script.answer_id

    @property
    def origin(self) -> Origin:
        caller, prompt = self.caller, self.prompt
        return Origin(
            exchange_id=self.exchange_id,
            at=self.at,
            team_id=caller.team_id,
            team=caller.team,
            key_public=caller.key_public,
            key_name=caller.key_name,
            model_asked=prompt.model,
            streamed=prompt.stream,
            policy=self.policy,
            end_user=prompt.constraints.user,
            session=prompt.constraints.session,
            tags=prompt.constraints.tags,
        )

    def receipt(self) -> dict[str, Any]:
        """What the columns of the exchange do not say."""
        decision = self.decision
        return {
            "stages": self.clock.as_json(),
            "signals": self.known_signals.as_json() if self.known_signals else {},
            "facts": dict(self.facts.known()),
            "rules": self.ruling.as_json(),
            "intent": self.recognised.as_json(),
            "learned": self.outlook.version,
            "misses": self.misses,
            "candidates": decision.told() if decision else [],
            "binding": decision.binding if isinstance(decision, NoWay) else "",
            "propensity": decision.propensity if isinstance(decision, Decision) else None,
            **({"experiment": self.taken.as_json()} if self.taken else {}),
            **self._told_of_choice(),
            **self._told_of_lateness(),
            **self._told_to_choose_again(),
            "attempts": [each.as_json() for each in self.tries],
            **({"limits": self.taken_of_limits.as_json()} if self.taken_of_limits else {}),
            **({"meaning": self.meaning} if self.meaning else {}),
            **({"pattern": self.pattern} if self.pattern else {}),
            **({"pool": self.pool} if self.pool else {}),
            **({"cascade": self.cascade} if self.cascade else {}),
            **({"deferred": self._told_of_waiting()} if self.deferred else {}),
            **({"hedge": self.hedge} if self.hedge else {}),
            **({"aside": self.aside} if self.aside else {}),
            **self._told_of_budgets(),
            **self._told_of_pressure(),
        }

    def _told_of_pressure(self) -> dict[str, Any]:
        """Where the caller named who answers, it is told that nothing came of it."""
        pressure, pace = self.known_pressure or (NONE, None)
        named = isinstance(self.decision, Decision) and self.decision.reason == "policy:named-model"
        changed = {"changes": "nothing"} if named and pressure.asks(*CHOOSING) else {}
        return {
            **({"pressure": {**pressure.as_json(), **changed}} if pressure.action else {}),
            **({"pacing": pace.as_json()} if pace else {}),
        }

    def _told_of_budgets(self) -> dict[str, Any]:
        """Those that only watch and would have refused an attempt, each once."""
        refusing = {each["budget"]: each for tried in self.tries for each in tried.budget_shadow}
        return {"budget_shadow": list(refusing.values())} if refusing else {}

    def _told_of_choice(self) -> dict[str, Any]:
        """Where the conversation sat, and what was said of trying others out."""
        decision, seat = self.decision, self.seat
        exploring = decision.exploring if isinstance(decision, Decision) else {}
        told = {"backend": seat.backend, "tokens": seat.tokens, "in_loop": seat.in_loop}
        return {
            **({"exploring": dict(exploring)} if exploring else {}),
            **({"session": told} if seat.backend else {}),
        }

    def _told_of_lateness(self) -> dict[str, Any]:
        """What was predicted of the backend that was chosen, to be held against what came true."""
        decision, due = self.decision, self.due
        told: dict[str, Any] = {"sla": self.sla} if self.sla else {}
        if not isinstance(decision, Decision) or due is None or self.prompt.inputs:
            return told
        chosen = decision.order[0]
        predicted = {
            "backend": chosen.backend.name,
            "p_miss": round(chosen.p_miss, 5),
            "raw": round(chosen.raw_miss, 5),
            "deadline_ms": round(due.late_after_s * 1000, 1),
            "until_ms": round(due.until_ms, 1),
        }
        return {**told, "prediction": predicted}

    def _told_of_waiting(self) -> dict[str, Any]:
        """What was expected of it when it came, less what it cost in the end; where somebody else
        answered after all, waiting has saved nothing."""
        expected, awaited = self.deferred.get("expected_usd"), self.deferred.get("for")
        if expected is None or not any(t.candidate.backend.name == awaited for t in self.tries):
            return self.deferred
        spent = sum((Decimal(each.cost) for each in self.tries), Decimal(0))
        return {**self.deferred, "saved_usd": f"{Decimal(expected) - spent:.12f}"}

    def _told_to_choose_again(self) -> dict[str, Any]:
        """What a simulation needs to decide this request under another policy."""
        if self.known_prompt is None:
            return {}
        given = self.given or self.known_prompt.constraints
        decision = self.decision
        asked = moments.asked(self.known_prompt, given, self.wants)
        return {
            "asked": {**asked, **({"stakes_gone": True} if self.stakes_gone else {})},
            **({"moment": moments.told(decision, self.outlook)} if decision else {}),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """A stored answer that may be served."""

    match: Match


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """A model has to answer; the first backend's worst case is held already."""

    decision: Decision
    first: Try


def _there(value: T | None) -> T:
    if value is None:
        raise LookupError("a stage was asked for what an earlier one had not found yet")
    return value
