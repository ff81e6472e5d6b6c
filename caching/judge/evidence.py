"""Evidence: what showed a stored answer right or wrong for a question, and what follows from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from caching import answers
from caching.judge.comparing import Finding
from caching.values import Verdict

WORTH_SIMILARITY = 0.5
"""What is further away would never be served; knowing that it differs teaches nothing."""
LIKE_IT = 0.8
"""Misses count for their entry from here on: nearer ones it may once be served for."""
AGAIN_S = 3600.0
"""The same question shows the same about an entry once an hour, however often it is asked."""
FORGETS = 0.95
"""What each finding leaves of the weight of those before it."""
SURE_SCORE = math.log(0.8 / 0.2)
"""Where a miss had seemed right four times of five, its being wrong puts the answer in doubt."""
CHANGED = 3
"""So often in a row wrong, and what says the same is not asked about any more: it has changed."""
KEPT = 20_000
PATIENCE_S = 3600.0
"""A model that should compare has this long; after it nobody can tell, which counts as wrong."""
SAID = {
    "same": Finding(right=True, by="model"),
    "different": Finding(right=False, by="model"),
    "silent": Finding(right=None, by="unsure"),
}
"""In `judged_by` once a model was asked; before, `wanted` and then `asked`."""

NOTE = """
WITH quickly AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO caching_evidence (team_id, entry_id, question, answer, exchange_id, source, served,
                              similarity, score, features, guard, weight)
SELECT %(team)s, e.id, %(question)s::text, %(answer)s::bytea, %(exchange)s::uuid,
       %(source)s::text, %(served)s::boolean,
       %(similarity)s::float8, %(score)s::float8, %(features)s::float8[], %(guard)s,
       %(weight)s::float8
  FROM caching_entry e, quickly
 WHERE e.id = %(entry)s AND NOT EXISTS (
       SELECT FROM caching_evidence b
        WHERE b.entry_id = e.id AND b.question = %(question)s::text AND b.source = %(source)s::text
          AND b.at > now() - %(again)s::float8 * interval '1 second')
"""

SEEN_OF_LATE = """
SELECT EXISTS (SELECT FROM caching_evidence WHERE entry_id = %s AND question = %s AND source = %s
                  AND at > now() - %s::float8 * interval '1 second')
"""

UNDECIDED = """
SELECT v.id, v.team_id, v.question, e.answer, v.answer, v.judged_by,
       v.at < now() - %s::float8 * interval '1 second', coalesce(e.model_asked, '')
  FROM caching_evidence v LEFT JOIN caching_entry e ON e.id = v.entry_id
 WHERE v.right IS NULL AND (v.judged_by IN ('', 'same', 'different', 'silent')
                            OR v.at < now() - %s::float8 * interval '1 second')
 ORDER BY v.id LIMIT %s
"""

WANT = "UPDATE caching_evidence SET judged_by = 'wanted' WHERE id = %s AND judged_by = ''"

TAKE = """
UPDATE caching_evidence v SET judged_by = 'asked'
  FROM caching_entry e
 WHERE e.id = v.entry_id AND v.id = (
       SELECT id FROM caching_evidence WHERE "right" IS NULL AND judged_by = 'wanted'
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING v.id, v.team_id, v.question, e.answer, v.answer, v.exchange_id, e.model_asked
"""

# What a guard kept apart, or what is far away, says nothing of questions like the entry's own.
TELL = """
UPDATE caching_evidence SET judged_by = %s
 WHERE id = %s AND "right" IS NULL AND judged_by = 'asked'
"""

DECIDE = """
WITH decided AS (
    UPDATE caching_evidence SET "right" = %(right)s, judged_by = %(by)s, answer = NULL
     WHERE id = %(id)s AND "right" IS NULL
    RETURNING entry_id, team_id, exchange_id, source, served,
              guard = '' AND (served OR similarity >= %(like)s::float8) AS counts,
              guard = '' AND (served OR score >= %(sure)s::float8) AS surprises
), counted AS (
    UPDATE caching_entry e
       SET rights = CASE WHEN d.counts THEN e.rights * %(forgets)s::float8 + %(right)s::int
                         ELSE e.rights END,
           wrongs = CASE WHEN d.counts THEN e.wrongs * %(forgets)s::float8 + (NOT %(right)s)::int
                         ELSE e.wrongs END,
           answer_class = CASE WHEN %(right)s AND e.answer_class = ''::bytea THEN %(class)s::bytea
                               ELSE e.answer_class END,
           doubts = CASE WHEN d.counts AND %(right)s THEN 0
                         WHEN d.surprises AND %(differs)s THEN e.doubts + 1 ELSE e.doubts END
      FROM decided d WHERE e.id = d.entry_id
    RETURNING e.id, e.answer_class, e.pinned_at, e.rights, e.wrongs, e.doubts, e.scope,
              e.surroundings, d.served, d.source, d.exchange_id, d.team_id
), joined AS (
    UPDATE caching_entry e SET answer_class = c.answer_class
      FROM counted c
     WHERE %(right)s AND c.source = 'miss' AND c.answer_class <> ''::bytea
       AND e.exchange_id = c.exchange_id AND e.team_id = c.team_id AND e.id <> c.id
), alike AS (
    UPDATE caching_entry e SET doubts = c.doubts
      FROM counted c
     WHERE e.team_id = c.team_id AND e.answer_class = c.answer_class AND e.scope = c.scope
       AND e.surroundings = c.surroundings AND c.answer_class <> ''::bytea
       AND e.doubts <> c.doubts AND e.id <> c.id AND e.exchange_id <> c.exchange_id
)
SELECT id, served, pinned_at IS NOT NULL, rights, wrongs, doubts FROM counted
"""

# What says the same as an answer that changed has changed as well.
QUARANTINE_ALIKE = """
UPDATE caching_entry e SET quarantined_at = now(), quarantine = 'changed'
  FROM caching_entry c
 WHERE c.id = %s AND e.team_id = c.team_id AND e.scope = c.scope
   AND e.surroundings = c.surroundings AND e.answer_class = c.answer_class
   AND e.doubts >= %s AND e.pinned_at IS NULL AND e.quarantined_at IS NULL
"""

QUARANTINE = """
UPDATE caching_entry SET quarantined_at = now(), quarantine = %s
 WHERE id = ANY(%s) AND quarantined_at IS NULL RETURNING id
"""

# An import's answers share a request, so a hit names its entry as well.
COMPLAIN = """
UPDATE caching_entry
   SET quarantined_at = coalesce(quarantined_at, now()), wrongs = wrongs + 1,
       quarantine = CASE WHEN quarantined_at IS NULL THEN 'complaint' ELSE quarantine END
 WHERE exchange_id = %(source)s::uuid AND (%(entry)s::bigint IS NULL OR id = %(entry)s::bigint)
   AND (team_id = %(team)s OR %(entry)s::bigint IS NOT NULL)
RETURNING id
"""

NOTE_COMPLAINT = """
INSERT INTO caching_evidence (team_id, entry_id, question, exchange_id, source, served, similarity,
                              score, features, weight, "right", judged_by)
SELECT %(team)s, e.id, coalesce(nullif(%(question)s, ''), e.question), %(exchange)s::uuid,
       'feedback', true, %(similarity)s::float8, %(score)s::float8, %(features)s::float8[], 1,
       false, 'person'
  FROM caching_entry e WHERE e.id = %(entry)s
"""

PRUNE = """
DELETE FROM caching_evidence WHERE id IN (
    SELECT id FROM caching_evidence WHERE team_id = %(team)s AND id <= (
        SELECT id FROM caching_evidence WHERE team_id = %(team)s
         ORDER BY id DESC OFFSET %(kept)s LIMIT 1)
     ORDER BY id LIMIT 5000)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A stored answer met a question, and this is what a model answered instead."""

    team_id: int
    question: str
    verdict: Verdict
    exchange_id: UUID
    source: str
    answer: bytes = b""
    weight: float = 1.0

    @property
    def guard(self) -> str:
        kind, _, name = self.verdict.reason.partition(":")
        return name if kind == "guard" else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Open:
    """Two answers that nobody has compared yet; `stored` is empty where its entry is gone."""

    evidence_id: int
    team_id: int
    question: str
    stored: bytes
    fresh: bytes
    judged_by: str = ""
    waited_too_long: bool = False
    route: str = ""
    """The model that its entry was asked of: a team may name another judge there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """Where an entry stands after a finding."""

    entry_id: int
    served: bool
    pinned: bool
    rights: float
    wrongs: float
    doubts: int = 0


def is_worth_it(verdict: Verdict) -> bool:
    return verdict.similarity >= WORTH_SIMILARITY


def note(connection: psycopg.Connection[Any], seen: Seen) -> bool:
    """To be compared in the background; False where the same was seen of late, or it is gone."""
    parameters = {
        "team": seen.team_id,
        "entry": seen.verdict.entry_id,
        "question": seen.question,
        "answer": seen.answer,
        "exchange": seen.exchange_id,
        "source": seen.source,
        "served": seen.verdict.served,
        "similarity": seen.verdict.similarity,
        "score": seen.verdict.score,
        "features": list(seen.verdict.features),
        "guard": seen.guard,
        "weight": seen.weight,
        "again": AGAIN_S,
    }
    return connection.execute(NOTE, parameters).rowcount > 0


def was_seen(connection: psycopg.Connection[Any], entry_id: int, question: str) -> bool:
    """Whether this hit was asked again within the hour: money for nothing new."""
    row = connection.execute(SEEN_OF_LATE, (entry_id, question, "shadow", AGAIN_S)).fetchone()
    return bool(row and row[0])


def undecided(connection: psycopg.Connection[Any], *, at_most: int) -> Sequence[Open]:
    rows = connection.execute(UNDECIDED, (PATIENCE_S, PATIENCE_S, at_most)).fetchall()
    return [
        Open(
            evidence_id=evidence_id,
            team_id=team_id,
            question=question,
            stored=bytes(stored or b""),
            fresh=bytes(fresh or b""),
            judged_by=judged_by,
            waited_too_long=too_long,
            route=route,
        )
        for evidence_id, team_id, question, stored, fresh, judged_by, too_long, route in rows
    ]


def want_model(connection: psycopg.Connection[Any], evidence_id: int) -> None:
    connection.execute(WANT, (evidence_id,))


def take(connection: psycopg.Connection[Any]) -> tuple[Open, UUID] | None:
    """The oldest that waits for a model, for this caller alone, and the request it is from."""
    row = connection.execute(TAKE).fetchone()
    if row is None:
        return None
    evidence_id, team_id, question, stored, fresh, exchange_id, route = row
    taken = Open(
        evidence_id=evidence_id,
        team_id=team_id,
        question=question,
        stored=bytes(stored),
        fresh=bytes(fresh or b""),
        route=route,
    )
    return taken, exchange_id


def tell(connection: psycopg.Connection[Any], evidence_id: int, word: str) -> None:
    """What the model said; the background decides by it, and has the team's judge learn from it."""
    connection.execute(TELL, (word, evidence_id))


def decide(
    connection: psycopg.Connection[Any], evidence_id: int, finding: Finding, *, stored: bytes = b""
) -> Counted | None:
    """Counts it for its entry, once; the compared answer is forgotten. None: already decided.

    What nobody could tell counts as wrong.
    """
    right = bool(finding.right)
    parameters = {
        "id": evidence_id,
        "right": right,
        "by": finding.by,
        "forgets": FORGETS,
        "like": LIKE_IT,
        "sure": SURE_SCORE,
        "differs": not right and finding.by != "unsure",
        "class": answers.class_of(stored),
    }
    row = connection.execute(DECIDE, parameters).fetchone()
    if row is None:
        return None
    entry_id, served, pinned, rights, wrongs, doubts = row
    counted = Counted(
        entry_id=entry_id, served=served, pinned=pinned, rights=rights, wrongs=wrongs, doubts=doubts
    )
    if not right and is_condemned(counted):
        quarantine(connection, [entry_id], why="shadow")
    if counted.doubts >= CHANGED:
        connection.execute(QUARANTINE_ALIKE, (entry_id, CHANGED))
    return counted


def is_condemned(counted: Counted) -> bool:
    """A served answer found wrong twice of late and more often than right is served no more.

    Once may be the comparison's mistake; what a person has pinned only people take back.
    """
    often = counted.wrongs >= 1 + FORGETS and counted.wrongs > counted.rights
    return counted.served and not counted.pinned and often


def drop(connection: psycopg.Connection[Any], evidence_id: int) -> None:
    """Its entry is gone: there is nothing to compare with any more."""
    connection.execute("DELETE FROM caching_evidence WHERE id = %s", (evidence_id,))


def quarantine(
    connection: psycopg.Connection[Any], entry_ids: Sequence[int], *, why: str
) -> list[int]:
    """At once and everywhere: every query that serves looks at it."""
    return [row[0] for row in connection.execute(QUARANTINE, (why, list(entry_ids))).fetchall()]


def complain(
    connection: psycopg.Connection[Any], team_id: int, source: UUID, entry_id: int | None
) -> list[int]:
    """Takes the answer that came from `source` out of service, whoever made or pinned it.

    An answer of a shared group as well: who was served by it may say that it is wrong.
    """
    parameters = {"team": team_id, "source": source, "entry": entry_id}
    return [row[0] for row in connection.execute(COMPLAIN, parameters).fetchall()]


def note_complaint(connection: psycopg.Connection[Any], seen: Seen) -> None:
    """Decided already: the caller has said it."""
    parameters = {
        "team": seen.team_id,
        "entry": seen.verdict.entry_id,
        "question": seen.question,
        "exchange": seen.exchange_id,
        "similarity": seen.verdict.similarity,
        "score": seen.verdict.score,
        "features": list(seen.verdict.features),
    }
    connection.execute(NOTE_COMPLAINT, parameters)


def prune(connection: psycopg.Connection[Any], team_id: int, *, kept: int = KEPT) -> int:
    return connection.execute(PRUNE, {"team": team_id, "kept": kept}).rowcount
