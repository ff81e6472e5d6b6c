"""Seconds of processor time that calls took on our own machines, and what such a second costs.

Workers of the release before say nothing of them, which counts as none.
"""

from importlib import import_module

from django.db import migrations, models

SETTLE = """
CREATE OR REPLACE FUNCTION kora_settle(p_settlements jsonb, p_only text)
RETURNS uuid[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_bitmapscan = off AS $$
DECLARE
    live uuid[];
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    live := kora_lock_live(
        ARRAY(SELECT (s ->> 'attempt_id')::uuid FROM jsonb_array_elements(p_settlements) AS s),
        p_only
    );
    PERFORM 1 FROM analytics_exchange WHERE id IN (
        SELECT exchange_id FROM analytics_attempt WHERE id = ANY(live)
    ) ORDER BY id FOR NO KEY UPDATE;

    WITH said AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(p_settlements) AS s(
            attempt_id uuid, cost numeric(26, 12), prompt_tokens integer,
            completion_tokens integer, cached_tokens integer, reasoning_tokens integer,
            compute_s numeric(20, 9), estimated boolean, unconfirmed boolean, failure text,
            note text
        ) WHERE attempt_id = ANY(live)
    ), ended AS (
        UPDATE analytics_attempt a
        SET state = 'settled', cost = s.cost, compute_s = coalesce(s.compute_s, 0),
            failure = s.failure, ended_at = now()
        FROM said s WHERE a.id = s.attempt_id
        RETURNING a.exchange_id, a.number, a.amount, a.window_ids, a.backend, a.tier, a.price_id,
            s.*
    ), freed AS (
        UPDATE analytics_budgetwindow w
        SET held = w.held - f.amount, settled = w.settled + f.cost
        FROM (
            SELECT window_id::bigint AS id, sum(amount) AS amount, sum(cost) AS cost
            FROM ended, jsonb_array_elements_text(window_ids) AS window_id
            GROUP BY window_id
        ) AS f WHERE w.id = f.id
    ), booked AS (
        INSERT INTO analytics_ledgerrow (
            kind, exchange_id, attempt_id, team_id, team, key_public, key_name, end_user, tags,
            tier, backend, model_asked, prompt_tokens, completion_tokens, cached_tokens,
            reasoning_tokens, compute_s, cost, saved, price_id, estimated, unconfirmed, note
        )
        SELECT 'settlement', e.id, n.attempt_id, e.team_id, e.team_name, e.key_public,
            e.key_name, e.end_user, e.tags, n.tier, n.backend, e.model_asked, n.prompt_tokens,
            n.completion_tokens, n.cached_tokens, n.reasoning_tokens, coalesce(n.compute_s, 0),
            n.cost, 0, n.price_id, n.estimated, n.unconfirmed, n.note
        FROM ended n JOIN analytics_exchange e ON e.id = n.exchange_id
        ORDER BY n.exchange_id, n.number
    ), sums AS (
        SELECT DISTINCT ON (exchange_id) ended.*,
            sum(cost) OVER (PARTITION BY exchange_id) AS total
        FROM ended ORDER BY exchange_id, number DESC
    ), latest AS (
        -- The receipt shows the tokens of the last attempt, whatever order settlements come in.
        SELECT s.*, NOT EXISTS (
            SELECT FROM analytics_attempt a WHERE a.exchange_id = s.exchange_id
                AND a.state = 'settled' AND a.number > s.number
        ) AS newest FROM sums s
    )
    UPDATE analytics_exchange e SET cost = e.cost + n.total,
        prompt_tokens = CASE WHEN newest THEN n.prompt_tokens ELSE e.prompt_tokens END,
        completion_tokens = CASE WHEN newest THEN n.completion_tokens ELSE e.completion_tokens END,
        cached_tokens = CASE WHEN newest THEN n.cached_tokens ELSE e.cached_tokens END,
        estimated = CASE WHEN newest THEN n.estimated ELSE e.estimated END
    FROM latest n WHERE e.id = n.exchange_id;
    RETURN coalesce(live, '{}');
END $$;
"""

ADOPT = """
CREATE OR REPLACE FUNCTION kora_adopt(
    p_exchange uuid, p_at timestamptz, p_team_id bigint, p_team text, p_key_public text,
    p_key_name text, p_end_user text, p_session text, p_tags jsonb, p_model text,
    p_streamed boolean, p_policy integer, p_attempt uuid, p_number integer, p_backend text,
    p_tier text, p_price bigint, p_budgets bigint[], p_starts timestamptz[], p_ends timestamptz[],
    p_settlement jsonb, p_lost text, p_released text, p_swept text
) RETURNS text LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_bitmapscan = off AS $$
DECLARE
    a record;
    s record;
    booked record;
    windows bigint[] := '{}';
    was_lost boolean := false;
    new_kind text;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    IF NOT EXISTS (SELECT FROM analytics_attempt WHERE id = p_attempt) THEN
        INSERT INTO analytics_exchange (
            id, at, team_id, team_name, key_public, key_name, end_user, session, tags,
            model_asked, streamed, state, status, error_code, tier, backend, reason, policy,
            attempts, prompt_tokens, completion_tokens, cached_tokens, estimated, cost, saved,
            overhead_ms, total_ms, receipt
        ) VALUES (
            p_exchange, p_at, p_team_id, p_team, p_key_public, p_key_name, p_end_user, p_session,
            p_tags, p_model, p_streamed, 'open', 0, '', '', '', '', p_policy, 0, 0, 0, 0, false,
            0, 0, 0, 0, '{}'
        ) ON CONFLICT (id) DO NOTHING;
        IF p_budgets <> '{}' THEN
            windows := kora_windows(p_budgets, p_starts, p_ends);
        END IF;
        -- As if a sweeper had ended it: from here on both cases are one.
        INSERT INTO analytics_attempt (
            id, exchange_id, number, backend, tier, state, amount, cost, price_id, window_ids,
            lease_until, worker, failure
        ) VALUES (
            p_attempt, p_exchange, p_number, p_backend, p_tier, 'released', 0, 0, p_price,
            to_jsonb(windows), now(), '', 'abandoned'
        ) ON CONFLICT (id) DO NOTHING;
        was_lost := FOUND;
    END IF;

    SELECT * INTO a FROM analytics_attempt WHERE id = p_attempt FOR NO KEY UPDATE;
    IF a.state NOT IN ('released', 'settled') OR a.failure <> 'abandoned' THEN
        RETURN '';
    END IF;
    windows := ARRAY(SELECT jsonb_array_elements_text(a.window_ids)::bigint);
    PERFORM 1 FROM analytics_budgetwindow WHERE id = ANY(windows)
        ORDER BY id FOR NO KEY UPDATE;
    PERFORM 1 FROM analytics_exchange WHERE id = a.exchange_id FOR NO KEY UPDATE;
    SELECT * INTO s FROM jsonb_to_record(p_settlement) AS t(
        cost numeric(26, 12), prompt_tokens integer, completion_tokens integer,
        cached_tokens integer, reasoning_tokens integer, compute_s numeric(20, 9),
        estimated boolean, unconfirmed boolean, failure text, note text
    );
    SELECT coalesce(sum(cost), 0) AS cost, coalesce(sum(prompt_tokens), 0) AS prompt_tokens,
        coalesce(sum(completion_tokens), 0) AS completion_tokens,
        coalesce(sum(cached_tokens), 0) AS cached_tokens,
        coalesce(sum(reasoning_tokens), 0) AS reasoning_tokens,
        coalesce(sum(compute_s), 0) AS compute_s
    INTO booked FROM analytics_ledgerrow WHERE attempt_id = p_attempt AND kind = 'settlement';

    new_kind := CASE a.state WHEN 'settled' THEN 'correction' ELSE 'settlement' END;
    UPDATE analytics_attempt SET state = 'settled', cost = s.cost,
        compute_s = coalesce(s.compute_s, 0), failure = s.failure, ended_at = now()
    WHERE id = p_attempt;
    UPDATE analytics_budgetwindow SET settled = settled + s.cost - booked.cost
    WHERE id = ANY(windows);
    INSERT INTO analytics_ledgerrow (
        kind, exchange_id, attempt_id, team_id, team, key_public, key_name, end_user, tags, tier,
        backend, model_asked, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens,
        compute_s, cost, saved, price_id, estimated, unconfirmed, note
    )
    SELECT new_kind, e.id, p_attempt, e.team_id, e.team_name, e.key_public, e.key_name,
        e.end_user, e.tags, a.tier, a.backend, e.model_asked,
        s.prompt_tokens - booked.prompt_tokens, s.completion_tokens - booked.completion_tokens,
        s.cached_tokens - booked.cached_tokens, s.reasoning_tokens - booked.reasoning_tokens,
        coalesce(s.compute_s, 0) - booked.compute_s, s.cost - booked.cost, 0, a.price_id, s.estimated, s.unconfirmed,
        concat_ws('; ', CASE WHEN was_lost THEN p_lost WHEN a.state = 'released' THEN p_released
            ELSE p_swept END, nullif(s.note, ''))
    FROM analytics_exchange e WHERE e.id = a.exchange_id;
    UPDATE analytics_exchange e SET cost = e.cost + s.cost - booked.cost,
        prompt_tokens = CASE WHEN newest THEN s.prompt_tokens ELSE e.prompt_tokens END,
        completion_tokens = CASE WHEN newest THEN s.completion_tokens ELSE e.completion_tokens END,
        cached_tokens = CASE WHEN newest THEN s.cached_tokens ELSE e.cached_tokens END,
        estimated = CASE WHEN newest THEN s.estimated ELSE e.estimated END
    FROM (
        SELECT NOT EXISTS (
            SELECT FROM analytics_attempt later WHERE later.exchange_id = a.exchange_id
                AND later.state = 'settled' AND later.number > a.number
        ) AS newest
    ) AS n WHERE e.id = a.exchange_id;
    RETURN new_kind;
END $$;
"""

BEFORE = (
    import_module("analytics.migrations.0003_verbs").SETTLE
    + import_module("analytics.migrations.0005_late_settlements").ADOPT
)


def money() -> models.DecimalField:
    return models.DecimalField(decimal_places=12, db_default=0, default=0, max_digits=26)


def seconds() -> models.DecimalField:
    return models.DecimalField(decimal_places=9, db_default=0, default=0, max_digits=20)


class Migration(migrations.Migration):
    dependencies = [("analytics", "0005_late_settlements")]

    operations = [
        migrations.AddField(model_name="price", name="price_compute_s", field=money()),
        migrations.AddConstraint(
            model_name="price",
            constraint=models.CheckConstraint(
                condition=models.Q(price_compute_s__gte=0), name="price_compute_not_negative"
            ),
        ),
        migrations.AddField(model_name="attempt", name="compute_s", field=seconds()),
        migrations.AddField(model_name="ledgerrow", name="compute_s", field=seconds()),
        migrations.RunSQL(SETTLE + ADOPT, BEFORE),
    ]
