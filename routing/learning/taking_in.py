"""Learns from the outcomes that came since the last time, and publishes what they taught.

One transaction: the outcomes are claimed, the version is written, or neither. Whoever is killed in
the middle, or runs beside another, has done nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import psycopg
import structlog
from psycopg.types.json import Jsonb

from caching import lookup as stored
from routing.learning import (
    evidence,
    features,
    fitting,
    keeping,
    lengths,
    lookup,
    projecting,
    quality,
    strengths,
)
from routing.learning import rewards as blending
from routing.learning.estimating import Mind
from routing.learning.evidence import Answer, Evidence, Seen
from routing.learning.quality import Case, Floats, Learned

log = structlog.get_logger(__name__)
Connection = psycopg.Connection[Any]

AT_ONCE = 2_000
EVERY_S = 4.0
KEPT = 20
ENOUGH = 20
"""Outcomes on which an old and a new version can be compared at all."""
CLEARLY = 0.02
"""More squared error than before, at the least, for a version not to be published."""
SURENESS = 2.5
"""And in standard errors."""
DIRECTIONS_AT = (64, 160, 400, 1_000, 2_500)
"""Vectors after which the directions that they differ in are looked for again."""
LOCK = 7_205_001
LONG_AGO = datetime.min.replace(tzinfo=UTC)
Row = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Last:
    """The version that is in force."""

    version: int = 0
    made_at: datetime = LONG_AGO
    mind: Mind
    evidence: Evidence
    facts: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """How outcomes become rewards."""

    weights: Mapping[int | None, Mapping[str, float]]
    judged: float
    """How many answers anybody said anything about: failures weigh no more than that."""

    def of(self, team_id: int) -> Mapping[str, float]:
        return self.weights.get(team_id) or self.weights.get(None) or blending.DEFAULTS


def take_in() -> int | None:
    """The number of the version that was made; nothing where there was nothing new."""
    with stored.connect() as connection, connection.transaction():
        taken = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (LOCK,)).fetchone()
        last = _last(connection)
        if not taken or not taken[0] or _age_s(last) < EVERY_S:
            return None
        rows = connection.execute(lookup.CLAIM, (AT_ONCE,)).fetchall()
        return _learn(connection, last, sorted(rows)) if rows else None


def _age_s(last: Last) -> float:
    return (datetime.now(UTC) - last.made_at).total_seconds()


def _last(connection: Connection) -> Last:
    row = connection.execute(lookup.LAST).fetchone()
    if row is not None:
        try:
            version, made_at, weights, kept, facts = row
            mind = keeping.unpack(bytes(weights), version)
            known = keeping.unpack_evidence(bytes(kept))
            return Last(version=version, made_at=made_at, mind=mind, evidence=known, facts=facts)
        except keeping.UnreadableError:
            log.warning("learning.begins_anew", version=row[0])
    return Last(mind=Mind(), evidence=evidence.empty(len(features.NAMES)), facts={})


def _learn(connection: Connection, last: Last, rows: Sequence[Row]) -> int:
    terms, written = _terms(connection), dict(connection.execute(lookup.WRITTEN).fetchall())
    vectors = _vectors_due(connection, last)
    known = _redirected(connection, last, terms) if vectors else last.evidence
    seen, answers = _read(rows, known, terms)
    before = last.mind.quality
    if vectors:
        before = fitting.fit(known, written)
    why = "" if vectors else _worse(known, before, seen, written)
    known = evidence.hear(evidence.take(known, seen, before), answers)
    learned = fitting.fit(known, written)
    why = why or ("" if _is_sound(learned) else "it is not made of finite numbers")
    mind = Mind(quality=learned, lengths=lengths.fit(known.heard, known.backends))
    facts = {
        **_facts(last, known, rows, terms),
        "vectors": vectors or last.facts.get("vectors", 0),
    }
    withdrawn = (datetime.now(UTC), "guard") if why else (None, "")
    kept = (keeping.pack(mind), keeping.pack_evidence(known), Jsonb(facts), why, *withdrawn)
    made = connection.execute(lookup.PUBLISH, kept).fetchone()
    connection.execute(lookup.FORGET, (KEPT,))
    return int(made[0]) if made else 0


def _terms(connection: Connection) -> Terms:
    weights = {}
    for team_id, said in connection.execute(lookup.WEIGHTS).fetchall():
        try:
            weights[team_id] = blending.read(said) if said else {}
        except ValueError as error:
            log.warning("learning.rewards_unreadable", team=team_id, error=str(error))
    row = connection.execute(lookup.JUDGED).fetchone()
    return Terms(weights=weights, judged=float(row[0]) if row else 0.0)


def _read(rows: Sequence[Row], known: Evidence, terms: Terms) -> tuple[list[Seen], list[Answer]]:
    seen, answers = [], []
    for _, exchange_id, team_id, intent, backend, told, embedder, vector, *rest in rows:
        parts, ok, expected, tokens = rest
        if len(told) != len(features.NAMES):
            continue  # another KORA looked at other things
        case = Case(
            features=np.array(told, dtype=np.float64),
            reduced=known.projection.reduce(_vector(vector), embedder),
            intent=intent[:64],
            team_id=team_id,
        )
        reward = blending.blend(blending.sober(parts, expected), terms.of(team_id), ok=ok)
        if reward is not None:
            weight = 1.0 if ok else max(terms.judged, 0.01)
            seen.append(
                Seen(id=exchange_id, case=case, backend=backend, reward=reward, weight=weight)
            )
        if ok and tokens:
            answers.append(Answer(case=case, backend=backend, tokens=tokens))
    return seen, answers


def _vector(text: str | None) -> Floats | None:
    return None if text is None else np.fromstring(text.strip("[]"), sep=",")


def _vectors_due(connection: Connection, last: Last) -> int:
    """How many vectors there are, if that is enough for better directions than are known."""
    found = connection.execute(lookup.VECTORS).fetchone()
    count, had = int(found[0]) if found else 0, int(last.facts.get("vectors", 0))
    return count if any(had < at <= count for at in DIRECTIONS_AT) else 0


def _redirected(connection: Connection, last: Last, terms: Terms) -> Evidence:
    """All that is remembered is read again, in the directions of the vectors there are now."""
    rows = connection.execute(lookup.AGAIN, (evidence.REMEMBERED,)).fetchall()[::-1]
    embedder = next((row[6] for row in reversed(rows) if row[6]), "")
    vectors = [_vector(row[7]) for row in rows if row[6] == embedder]
    projection = projecting.fit([v for v in vectors if v is not None], embedder)
    begun = replace(last.evidence, projection=projection)
    seen, _ = _read(rows, begun, terms)
    named = [*last.evidence.backends, *(each.backend for each in seen)]
    made = evidence.gathered(seen, named, len(features.NAMES), projection)
    watches = (*last.evidence.watches, *made.watches[len(last.evidence.watches) :])
    return replace(
        made,
        outcomes=max(last.evidence.outcomes, len(seen)),
        heard=last.evidence.heard,
        watches=watches,
    )


def _worse(
    known: Evidence, before: Learned, seen: Sequence[Seen], written: Mapping[str, float]
) -> str:
    """Why a version that learns from half of the outcomes should not see the other half."""
    held = [each for each in seen[::2] if each.backend in before.backends]
    if len(held) < ENOUGH:
        return ""
    after = fitting.fit(evidence.take(known, seen[1::2], before), written)
    apart = np.array([_error(after, each) - _error(before, each) for each in held])
    mean, doubt = float(apart.mean()), float(apart.std() / math.sqrt(len(apart)))
    if mean < CLEARLY or mean < SURENESS * doubt:
        return ""
    return (
        f"On {len(held)} outcomes that it had not seen its squared error is {mean:.3f} more than "
        f"that of the version before (± {doubt:.3f})."
    )


def _error(learned: Learned, each: Seen) -> float:
    found = quality.expect(learned, each.case).quality[learned.backends.index(each.backend)]
    return float((found - each.reward) ** 2)


def _is_sound(learned: Learned) -> bool:
    return bool(np.isfinite(learned.weights).all() and np.isfinite(learned.roots).all())


def _facts(last: Last, known: Evidence, rows: Sequence[Row], terms: Terms) -> dict[str, Any]:
    """`error` is of what was expected when each answer was chosen: before it was known."""
    held = []
    for row in rows:
        team_id, parts, ok, expected = row[2], row[8], row[9], row[10]
        reward = blending.blend(blending.sober(parts, expected), terms.of(team_id), ok=ok)
        if reward is not None and expected is not None:
            held.append((expected - reward) ** 2)
    return {
        "outcomes": last.facts.get("outcomes", 0) + len(rows),
        "judged": len(known.ring.who),
        "error": round(float(np.sqrt(np.mean(held))), 4) if held else last.facts.get("error"),
        "changes": {
            name: watch.changes
            for name, watch in zip(known.backends, known.watches, strict=False)
            if watch.changes
        },
        "strengths": strengths.table(known),
    }
