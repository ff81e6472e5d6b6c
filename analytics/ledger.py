"""The book's verbs: hold before, settle after, never edit; a sweeper for what nobody ended.

Every verb takes a raw psycopg connection in autocommit mode and is one round trip, one
transaction. Holds, hits and closings commit without waiting for the disk; settlements wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from analytics import lookup, money, prices
from analytics.lookup import Connection
from analytics.values import Held, Hold, Origin, Outcome, Progress, Refused, Settlement, Span

ABANDONED = "abandoned"
FORGOTTEN_S = 60.0
UNCONFIRMED = "the worker went silent: settled at the worst case that was held"
UNTIMED = "the worker went silent: settled at the time until its last sign of life"
SO_FAR = "the worker went silent: settled at what it had streamed when it was last heard"
RENEWED_AGAIN = 1 / 3
"""How much of its lease a worker lets pass before it renews it."""
LATE = (
    "the hold was lost in a crash of the database",
    "the hold was given up before its worker was heard",
    "the worker was heard after all: the truth less what was booked",
)
"""Notes of late settlements: of a hold unknown, released by a sweeper, settled by a sweeper."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Swept:
    """How many attempts and requests a sweep brought to an end."""

    released: int = 0
    settled: int = 0
    lost: int = 0


def hold(connection: Connection, origin: Origin, hold: Hold) -> Held | Refused:
    """Room in every window, or nothing held anywhere; the request is in the book either way.

    The budget's limit (an override's while one is in force) and mode are those in the table now,
    not those the caller remembers. A limit of 0 refuses whatever it costs. Of several windows
    without room the one with the least is told: it will be the last to let such a request in.
    """
    full = [(refuses, Refused(**facts)) for refuses, facts in lookup.hold(connection, origin, hold)]
    enforced = [each for refuses, each in full if refuses]
    if enforced:
        return min(enforced, key=lambda each: (each.limit_usd > 0, each.free, each.budget_id))
    return Held(shadow=tuple(each for _, each in full))


def claim(
    connection: Connection, attempt_ids: Iterable[UUID], *, worker: str, lease_s: float
) -> set[UUID]:
    """Which of these are now this worker's to run; the others ended, expired or run elsewhere."""
    ids = list(attempt_ids)
    return lookup.claim(connection, ids, worker, lease_s) if ids else set()


def renew(connection: Connection, running: Iterable[Progress], *, lease_s: float) -> set[UUID]:
    """Which of these still live; one that is missing was ended by somebody else.

    How far each has come is what a sweeper settles it at, should this have been its last word.
    """
    told = list(running)
    return lookup.renew(connection, told, lease_s) if told else set()


def settle(connection: Connection, settlements: Iterable[Settlement]) -> set[UUID]:
    """Which of these were settled by this call; on disk when it returns.

    Of two for the same attempt the first counts. What exceeds the hold is the truth all the same.
    """
    unique = _first_of_each(settlements)
    return lookup.settle(connection, unique, "live") if unique else set()


def adopt(connection: Connection, origin: Origin, hold: Hold, settlement: Settlement) -> str:
    """Books a settlement that `settle` had no live attempt for; on disk when it returns.

    `hold` says what was held, its amount aside. A hold that a crash has lost and one that a
    sweeper gave up become settlements; of one that a sweeper settled by its guess the difference
    is booked. What somebody else ended stays. Says which kind of row it wrote, or nothing.
    """
    return lookup.adopt(connection, origin, hold, settlement, notes=LATE)


def release(connection: Connection, attempt_ids: Iterable[UUID], *, failure: str = "") -> set[UUID]:
    """For attempts that spent nothing; which of these were released by this call."""
    ids = list(attempt_ids)
    return lookup.release(connection, ids, failure, "live") if ids else set()


def withdraw(
    connection: Connection, attempt_ids: Iterable[UUID], *, failure: str = ""
) -> set[UUID]:
    """The same for attempts that no worker has claimed; a claimed one is its worker's to end."""
    ids = list(attempt_ids)
    return lookup.release(connection, ids, failure, "unclaimed") if ids else set()


def record_hit(connection: Connection, origin: Origin, outcome: Outcome, *, note: str = "") -> None:
    """Receipt and ledger row of an answer that cost nothing; twice for one request is once."""
    lookup.hit(connection, origin, outcome, note)


def record_hits(connection: Connection, ends: Iterable[tuple[Origin, Outcome, str]]) -> None:
    """The same for many, with their notes, in one round trip and one transaction."""
    lookup.hits(connection, ends)


def close(connection: Connection, origin: Origin, outcome: Outcome) -> bool:
    """Write how the request ended, unless it already had; cost and tokens are settlements'."""
    return lookup.close(connection, origin, outcome)


def sweep(
    connection: Connection,
    *,
    open_limit_s: float,
    forgotten_s: float = FORGOTTEN_S,
    lease_s: float = 0.0,
) -> Swept:
    """End what its owner left: unclaimed holds are freed; silent runs are settled at what they had
    streamed when their worker was last heard, or at their hold where it never said so, or, if
    nobody else bills for them, at the time they can have computed before a lease of `lease_s`
    was the last.

    A request is lost when it is older than any may be, or when its last attempt ended
    `forgotten_s` ago and its web process has still not said how it ended; it may yet do so.

    Each step asks again under lock whether the lease is still over, so any number of sweepers
    and late owners may run beside each other.
    """
    ended = lookup.expired(connection)
    unclaimed = [each["attempt_id"] for each in ended if each["state"] == "held"]
    unseen_s = lease_s * (1 - RENEWED_AGAIN)
    silent = [_guess(each, unseen_s) for each in ended if each["state"] == "running"]
    released = lookup.release(connection, unclaimed, ABANDONED, "expired held") if unclaimed else ()
    settled = lookup.settle(connection, silent, "expired running") if silent else ()
    lost = lookup.lose(connection, open_limit_s, forgotten_s)
    return Swept(released=len(released), settled=len(settled), lost=len(lost))


def _guess(ended: Mapping[str, Any], unseen_s: float) -> Settlement:
    """Our own seconds are over when the worker is, and a stream is cut where it was; what a
    provider bills for an answer of which nothing was heard nobody knows."""
    attempt, held = ended["attempt_id"], ended["amount"]
    second_usd = ended["second_usd"]
    plain = Settlement(
        attempt_id=attempt,
        cost=held,
        estimated=True,
        unconfirmed=True,
        failure=ABANDONED,
        note=UNCONFIRMED,
    )
    if second_usd is None:
        return _as_streamed(plain, ended)
    computed = prices.seconds(max(ended["leased_s"] - unseen_s, 0.0))
    if computed * second_usd >= held:
        return plain
    cost = money.rounded(computed * second_usd)
    return replace(plain, cost=cost, compute_s=computed, note=UNTIMED)


def _as_streamed(plain: Settlement, ended: Mapping[str, Any]) -> Settlement:
    tokens = ended["so_far_tokens"]
    if not tokens:
        return plain
    return replace(plain, cost=ended["so_far"], completion_tokens=tokens, note=SO_FAR)


def spent_today(connection: Connection, team_id: int, tier: str) -> Decimal:
    """What a team has spent on this tier since midnight (UTC), and what is held for it now."""
    return lookup.spent_today(connection, team_id, tier)


def filled(connection: Connection, spans: Iterable[Span]) -> dict[int, tuple[Decimal, Decimal]]:
    """By budget, what is settled and what is held in these windows; one that nothing fell into is
    left out."""
    return lookup.filled(connection, list(spans))


def checks(connection: Connection) -> list[str]:
    """Every figure that disagrees with the rows it stands for, one sentence each; none is right."""
    return lookup.checks(connection)


def _first_of_each(settlements: Iterable[Settlement]) -> list[Settlement]:
    unique: dict[UUID, Settlement] = {}
    for settlement in settlements:
        unique.setdefault(settlement.attempt_id, settlement)
    return list(unique.values())
