"""What callers say of answers: kept once for each exchange, its parts apart, for who learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from analytics.lookup import Connection

STORE = """
INSERT INTO analytics_feedback AS known
       (exchange_id, team_id, key_public, score, thumb, wrong_answer, comment, correction)
VALUES (%(exchange)s::uuid, %(team)s, %(key)s, %(score)s::float8, %(thumb)s::smallint,
        %(wrong)s::boolean, %(comment)s, %(correction)s)
ON CONFLICT (exchange_id) DO UPDATE
   SET score = coalesce(excluded.score, known.score),
       thumb = coalesce(excluded.thumb, known.thumb),
       wrong_answer = known.wrong_answer OR excluded.wrong_answer,
       comment = coalesce(nullif(excluded.comment, ''), known.comment),
       correction = coalesce(nullif(excluded.correction, ''), known.correction),
       changed_at = now()
"""

ABOUT = """
SELECT state, tier, reason, receipt FROM analytics_exchange
 WHERE id = %s::uuid AND team_id = %s
"""

# Of two complaints at once exactly one gets a row.
ACT = """
UPDATE analytics_feedback SET acted_at = now()
 WHERE exchange_id = %s::uuid AND acted_at IS NULL RETURNING 1
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """One caller's word on one answer; what is not said stays as it was."""

    exchange_id: UUID
    team_id: int
    key_public: str
    score: float | None = None
    thumb: int | None = None
    wrong_answer: bool = False
    comment: str = ""
    correction: str = ""

    @property
    def complains(self) -> bool:
        return self.wrong_answer or self.thumb == -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """The exchange that a word is about, as its receipt has it."""

    state: str
    tier: str
    reason: str
    receipt: Mapping[str, Any]


def about(connection: Connection, exchange_id: UUID, team_id: int) -> Told | None:
    """None where the team has no such exchange; another team's does not exist for it."""
    row = connection.execute(ABOUT, (exchange_id, team_id)).fetchone()
    if row is None:
        return None
    state, tier, reason, receipt = row
    return Told(state=state, tier=tier, reason=reason, receipt=receipt or {})


def store(connection: Connection, word: Word) -> None:
    parameters = {
        "exchange": word.exchange_id,
        "team": word.team_id,
        "key": word.key_public,
        "score": word.score,
        "thumb": word.thumb,
        "wrong": word.wrong_answer,
        "comment": word.comment,
        "correction": word.correction,
    }
    connection.execute(STORE, parameters)


def act(connection: Connection, exchange_id: UUID) -> bool:
    """Whether this complaint is the first of its exchange; only the first has an effect."""
    return connection.execute(ACT, (exchange_id,)).rowcount == 1
