"""The book's hand-written SQL: constant texts, so that each connection prepares them once.

Integers travel as text: psycopg would otherwise choose a type by their size and prepare the same
statement again for each combination.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, LiteralString, TypeAlias
from uuid import UUID

import orjson
import psycopg
from psycopg.rows import dict_row

from analytics.values import Hold, Origin, Outcome, Progress, Settlement, Span

Connection: TypeAlias = psycopg.Connection[Any]

HOLD: LiteralString = """
SELECT * FROM kora_admit(
    %s::uuid, %s::timestamptz, %s::bigint, %s::text, %s::text, %s::text, %s::text, %s::text,
    %s::jsonb, %s::text, %s::boolean, %s::integer, %s::uuid, %s::integer, %s::text, %s::text,
    %s::numeric, %s::bigint, %s::double precision, %s::bigint[], %s::timestamptz[],
    %s::timestamptz[], %s::boolean
)
"""
REFUSED = (
    "budget_id", "budget", "scope", "scope_id", "limit_usd", "settled", "held", "resets_at",
    "until", "reason",
)  # fmt: skip
CLAIM: LiteralString = "SELECT kora_claim(%s::uuid[], %s::text, %s::double precision)"
RENEW: LiteralString = (
    "SELECT kora_renew(%s::uuid[], %s::numeric[], %s::integer[], %s::double precision)"
)
SETTLE: LiteralString = "SELECT kora_settle(%s::jsonb, %s::text)"
ADOPT: LiteralString = """
SELECT kora_adopt(
    %s::uuid, %s::timestamptz, %s::bigint, %s::text, %s::text, %s::text, %s::text, %s::text,
    %s::jsonb, %s::text, %s::boolean, %s::integer, %s::uuid, %s::integer, %s::text, %s::text,
    %s::bigint, %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::jsonb, %s::text, %s::text,
    %s::text
)
"""
SPENT_TODAY: LiteralString = """
SELECT coalesce((
    SELECT sum(cost) FROM analytics_ledgerrow
     WHERE team_id = %s::bigint AND tier = %s::text
       AND at >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
), 0) + coalesce((
    SELECT sum(a.amount) FROM analytics_attempt a JOIN analytics_exchange e ON e.id = a.exchange_id
     WHERE a.state IN ('held', 'running') AND a.tier = %s::text AND e.team_id = %s::bigint
), 0)
"""
FILLED: LiteralString = """
SELECT budget_id, settled, held FROM analytics_budgetwindow
WHERE (budget_id, starts_at) IN (SELECT * FROM unnest(%s::bigint[], %s::timestamptz[]))
"""
RELEASE: LiteralString = "SELECT kora_release(%s::uuid[], %s::text, %s::text)"

# Parts shared by close and hits: how a request ended, heard of before or not. All are constant,
# whatever S608 suspects.
_COLUMNS: LiteralString = """
    id, at, team_id, team_name, key_public, key_name, end_user, session, tags, model_asked,
    streamed, policy, state, status, error_code, tier, backend, reason, attempts, prompt_tokens,
    completion_tokens, cached_tokens, estimated, saved, overhead_ms, first_content_ms, total_ms,
    receipt
"""
_PLACES: LiteralString = """
    %s::uuid, %s::timestamptz, %s::bigint, %s::text, %s::text, %s::text, %s::text, %s::text,
    %s::jsonb, %s::text, %s::boolean, %s::integer, %s::text, %s::integer, %s::text, %s::text,
    %s::text, %s::text, %s::integer, %s::integer, %s::integer, %s::integer, %s::boolean,
    %s::numeric, %s::double precision, %s::double precision, %s::double precision, %s::jsonb
"""
_BEGIN: LiteralString = """
WITH quickly AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
"""
_UPSERT: LiteralString = """
    ON CONFLICT (id) DO UPDATE SET state = EXCLUDED.state, status = EXCLUDED.status,
        error_code = EXCLUDED.error_code, tier = EXCLUDED.tier, backend = EXCLUDED.backend,
        reason = EXCLUDED.reason, attempts = EXCLUDED.attempts, saved = EXCLUDED.saved,
        overhead_ms = EXCLUDED.overhead_ms, first_content_ms = EXCLUDED.first_content_ms,
        total_ms = EXCLUDED.total_ms, receipt = EXCLUDED.receipt
    WHERE e.state IN ('open', 'lost')
    RETURNING *
)
"""
_BOOK_HITS: LiteralString = """
INSERT INTO analytics_ledgerrow (
    kind, exchange_id, team_id, team, key_public, key_name, end_user, tags, tier, backend,
    model_asked, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens, cost, saved,
    estimated, unconfirmed, note
)
SELECT 'hit', id, team_id, team_name, key_public, key_name, end_user, tags, tier, backend,
    model_asked, prompt_tokens, completion_tokens, cached_tokens, 0, 0, saved, estimated, false,
"""
_ENDED: LiteralString = (
    f"{_BEGIN} ended AS (INSERT INTO analytics_exchange AS e (cost, {_COLUMNS}) "  # noqa: S608
    f"SELECT 0, {_PLACES} FROM quickly {_UPSERT}"
)
CLOSE: LiteralString = f"{_ENDED} SELECT id FROM ended"  # noqa: S608
HIT: LiteralString = f"{_ENDED} {_BOOK_HITS} %s::text FROM ended"
HITS: LiteralString = f"""
{_BEGIN} said AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%s::jsonb) AS s(
        id uuid, at timestamptz, team_id bigint, team_name text, key_public text, key_name text,
        end_user text, session text, tags jsonb, model_asked text, streamed boolean,
        policy integer, state text, status integer, error_code text, tier text, backend text,
        reason text, attempts integer, prompt_tokens integer, completion_tokens integer,
        cached_tokens integer, estimated boolean, saved numeric, overhead_ms double precision,
        first_content_ms double precision, total_ms double precision, receipt jsonb, note text
    )
), ended AS (
    INSERT INTO analytics_exchange AS e (cost, {_COLUMNS})
    SELECT 0, {_COLUMNS} FROM said, quickly ORDER BY id
    {_UPSERT} {_BOOK_HITS} note FROM ended JOIN (SELECT id, note FROM said) AS told USING (id)
"""  # noqa: S608
# Of those whose price is time and nothing else, also the price of a second.
EXPIRED: LiteralString = """
SELECT a.id AS attempt_id, a.state, a.amount, a.so_far, a.so_far_tokens,
    extract(epoch FROM a.lease_until - a.created_at)::float8 AS leased_s,
    CASE WHEN p.price_in = 0 AND p.price_out = 0 AND p.price_cached_in = 0
        THEN nullif(p.price_compute_s, 0) END AS second_usd
FROM analytics_attempt a LEFT JOIN analytics_price p ON p.id = a.price_id
WHERE a.state IN ('held', 'running') AND a.lease_until <= now()
ORDER BY a.lease_until LIMIT 500
"""
LOSE: LiteralString = """
WITH abandoned AS MATERIALIZED (
    SELECT id FROM analytics_exchange e
    WHERE state = 'open' AND NOT EXISTS (
            SELECT FROM analytics_attempt a
            WHERE a.exchange_id = e.id AND a.state IN ('held', 'running')
        )
        AND (
            at < now() - %s::double precision * interval '1 second'
            OR (SELECT max(ended_at) FROM analytics_attempt a WHERE a.exchange_id = e.id)
                < now() - %s::double precision * interval '1 second'
        )
    ORDER BY id LIMIT 500 FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE analytics_exchange e SET state = 'lost', status = 503, error_code = 'unavailable'
FROM abandoned WHERE e.id = abandoned.id RETURNING e.id
"""
# Each row is one sentence about a figure that does not agree with the rows it stands for.
CHECKS: LiteralString = """
WITH per_window AS MATERIALIZED (
    SELECT window_id::bigint AS id,
        coalesce(sum(a.amount) FILTER (WHERE a.state IN ('held', 'running')), 0) AS held,
        coalesce(sum(r.cost), 0) AS settled
    FROM analytics_attempt a
    CROSS JOIN jsonb_array_elements_text(a.window_ids) AS window_id
    LEFT JOIN (
        SELECT attempt_id, sum(cost) AS cost FROM analytics_ledgerrow
        WHERE kind IN ('settlement', 'correction') GROUP BY attempt_id
    ) r ON r.attempt_id = a.id
    GROUP BY window_id
), windows AS (
    SELECT w.id, w.held, w.settled, coalesce(p.held, 0) AS true_held,
        coalesce(p.settled, 0) AS true_settled
    FROM analytics_budgetwindow w LEFT JOIN per_window p USING (id)
), receipts AS (
    SELECT coalesce(e.id, r.id) AS id, e.cost, coalesce(r.cost, 0) AS true_cost
    FROM analytics_exchange e FULL JOIN (
        SELECT exchange_id AS id, sum(cost) AS cost FROM analytics_ledgerrow
        GROUP BY exchange_id
    ) r USING (id)
)
SELECT format('window %s says settled %s, its settlements say %s', id, settled, true_settled)
    FROM windows WHERE settled <> true_settled
UNION ALL
SELECT format('window %s says held %s, its live attempts say %s', id, held, true_held)
    FROM windows WHERE held <> true_held
UNION ALL
SELECT format('receipt %s says cost %s, the ledger says %s', id, cost, true_cost)
    FROM receipts WHERE cost IS DISTINCT FROM true_cost
UNION ALL
SELECT format('attempt %s is %s with %s settlement(s)', a.id, a.state, count(r.id))
    FROM analytics_attempt a
    LEFT JOIN analytics_ledgerrow r ON r.attempt_id = a.id AND r.kind = 'settlement'
    GROUP BY a.id HAVING count(r.id) <> (a.state = 'settled')::integer
"""


def hold(connection: Connection, origin: Origin, hold: Hold) -> list[tuple[bool, dict[str, Any]]]:
    """Every window without room, and whether it refuses; where none does, everything is held."""
    parameters = (*_origin(origin), *_hold(hold), *_spans(hold.spans), hold.counts)
    rows = connection.execute(HOLD, parameters, prepare=True).fetchall()
    return [(refuses, dict(zip(REFUSED, facts, strict=True))) for refuses, *facts in rows]


def claim(connection: Connection, ids: list[UUID], worker: str, lease_s: float) -> set[UUID]:
    return _array_of(connection.execute(CLAIM, (ids, worker, float(lease_s)), prepare=True))


def renew(connection: Connection, told: Sequence[Progress], lease_s: float) -> set[UUID]:
    columns = (
        [each.attempt_id for each in told],
        _array(f"{each.cost:f}" for each in told),
        _array(str(each.tokens) for each in told),
    )
    return _array_of(connection.execute(RENEW, (*columns, float(lease_s)), prepare=True))


def settle(connection: Connection, settlements: Sequence[Settlement], only: str) -> set[UUID]:
    said = _json(list(settlements))
    return _array_of(connection.execute(SETTLE, (said, only), prepare=True))


def adopt(
    connection: Connection,
    origin: Origin,
    hold: Hold,
    settlement: Settlement,
    *,
    notes: tuple[str, str, str],
) -> str:
    attempt_id, number, backend, tier, _, price_id, _ = _hold(hold)
    facts = (attempt_id, number, backend, tier, price_id, *_spans(hold.spans))
    parameters = (*_origin(origin), *facts, _json(settlement), *notes)
    row = connection.execute(ADOPT, parameters, prepare=True).fetchone()
    return str(row[0]) if row else ""


def release(connection: Connection, ids: list[UUID], failure: str, only: str) -> set[UUID]:
    return _array_of(connection.execute(RELEASE, (ids, _text(failure), only), prepare=True))


def hit(connection: Connection, origin: Origin, outcome: Outcome, note: str) -> None:
    connection.execute(HIT, _hit(origin, outcome, note), prepare=True)


def hits(connection: Connection, ends: Iterable[tuple[Origin, Outcome, str]]) -> None:
    """One row of JSON each; of two for the same request the first counts."""
    rows: dict[UUID, dict[str, Any]] = {}
    for origin, outcome, note in ends:
        rows.setdefault(origin.exchange_id, _ended(origin, outcome, note))
    if rows:
        connection.execute(HITS, (_json(list(rows.values())),), prepare=True)


def close(connection: Connection, origin: Origin, outcome: Outcome) -> bool:
    parameters = (*_origin(origin), *_outcome(outcome))
    return connection.execute(CLOSE, parameters, prepare=True).fetchone() is not None


def expired(connection: Connection) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(EXPIRED, prepare=True).fetchall()


def lose(connection: Connection, open_limit_s: float, forgotten_s: float) -> set[UUID]:
    limits = (float(open_limit_s), float(forgotten_s))
    lost = connection.execute(LOSE, limits, prepare=True).fetchall()
    return {row[0] for row in lost}


def spent_today(connection: Connection, team_id: int, tier: str) -> Decimal:
    parameters = (str(team_id), tier, tier, str(team_id))
    row = connection.execute(SPENT_TODAY, parameters).fetchone()
    return Decimal(row[0]) if row else Decimal(0)


def filled(connection: Connection, spans: Sequence[Span]) -> dict[int, tuple[Decimal, Decimal]]:
    parameters = ([span.budget_id for span in spans], [span.starts_at for span in spans])
    rows = connection.execute(FILLED, parameters, prepare=True).fetchall()
    return {budget_id: (settled, held) for budget_id, settled, held in rows}


def checks(connection: Connection) -> list[str]:
    return [row[0] for row in connection.execute(CHECKS).fetchall()]


def _array_of(cursor: psycopg.Cursor[Any]) -> set[UUID]:
    row = cursor.fetchone()
    return set(row[0]) if row else set()


def _hit(origin: Origin, outcome: Outcome, note: str) -> tuple[Any, ...]:
    return (*_origin(origin), *_outcome(outcome), _text(note))


def _origin(origin: Origin) -> tuple[Any, ...]:
    return (
        origin.exchange_id,
        origin.at,
        str(origin.team_id),
        origin.team,
        origin.key_public,
        origin.key_name,
        _text(origin.end_user),
        _text(origin.session),
        _tags(origin.tags),
        _text(origin.model_asked),
        origin.streamed,
        str(origin.policy),
    )


def _hold(hold: Hold) -> tuple[Any, ...]:
    return (
        hold.attempt_id,
        str(hold.number),
        hold.backend,
        hold.tier,
        hold.amount,
        None if hold.price_id is None else str(hold.price_id),
        float(hold.lease_s),
    )


def _spans(spans: Sequence[Span]) -> tuple[str, str, str]:
    return (
        _array(str(span.budget_id) for span in spans),
        _array(span.starts_at.isoformat() for span in spans),
        _array(span.ends_at.isoformat() for span in spans),
    )


def _outcome(outcome: Outcome) -> tuple[Any, ...]:
    return (
        outcome.state,
        str(outcome.status),
        outcome.error_code,
        outcome.tier,
        outcome.backend,
        _text(outcome.reason),
        str(outcome.attempts),
        str(outcome.prompt_tokens),
        str(outcome.completion_tokens),
        str(outcome.cached_tokens),
        outcome.estimated,
        outcome.saved,
        outcome.overhead_ms,
        outcome.first_content_ms,
        outcome.total_ms,
        _json(outcome.receipt),
    )


def _ended(origin: Origin, outcome: Outcome, note: str) -> dict[str, Any]:
    return {
        "id": origin.exchange_id,
        "at": origin.at,
        "team_id": origin.team_id,
        "team_name": origin.team,
        "key_public": origin.key_public,
        "key_name": origin.key_name,
        "end_user": origin.end_user,
        "session": origin.session,
        "tags": origin.tags,
        "model_asked": origin.model_asked,
        "streamed": origin.streamed,
        "policy": origin.policy,
        "state": outcome.state,
        "status": outcome.status,
        "error_code": outcome.error_code,
        "tier": outcome.tier,
        "backend": outcome.backend,
        "reason": outcome.reason,
        "attempts": outcome.attempts,
        "prompt_tokens": outcome.prompt_tokens,
        "completion_tokens": outcome.completion_tokens,
        "cached_tokens": outcome.cached_tokens,
        "estimated": outcome.estimated,
        "saved": outcome.saved,
        "overhead_ms": outcome.overhead_ms,
        "first_content_ms": outcome.first_content_ms,
        "total_ms": outcome.total_ms,
        "receipt": outcome.receipt,
        "note": note,
    }


def _array(values: Iterable[str]) -> str:
    return "{" + ",".join(values) + "}"


def _tags(tags: Mapping[str, str]) -> str:
    return _json(tags) if tags else "{}"


def _json(value: Any) -> str:
    """JSON as Postgres takes it: no NUL, and Decimal as text."""
    text = orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()
    return text.replace("\\u0000", "\\ufffd") if "\\u0000" in text else text


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _text(value: str) -> str:
    """Callers may send what Postgres cannot keep; the book then shows where it was."""
    return value.replace("\0", "\ufffd") if "\0" in value else value
