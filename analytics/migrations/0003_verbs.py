"""The book's verbs as functions: each is one round trip and one transaction.

Locks are always taken in this order, so that no two callers can wait for each other: new windows
by budget, attempts by id, windows by id, exchanges by id. Every statement after a lock has a
snapshot of its own (READ COMMITTED), so it sees what the previous holder of the lock wrote.

Plans are made once per connection (planning anew costs a millisecond a settlement) and never scan
a table, also when they were made while it was empty.
"""

from django.db import migrations

HOLD = """
CREATE OR REPLACE FUNCTION kora_hold(
    p_exchange uuid, p_at timestamptz, p_team_id bigint, p_team text, p_key_public text,
    p_key_name text, p_end_user text, p_session text, p_tags jsonb, p_model text,
    p_streamed boolean, p_policy integer, p_attempt uuid, p_number integer, p_backend text,
    p_tier text, p_amount numeric, p_price bigint, p_lease_s double precision,
    p_budgets bigint[], p_starts timestamptz[], p_ends timestamptz[]
) RETURNS TABLE (
    o_budget_id bigint, o_budget text, o_limit numeric, o_settled numeric, o_held numeric,
    o_resets_at timestamptz
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_bitmapscan = off AS $$
DECLARE
    windows bigint[] := '{}';
    refused boolean := false;
    w record;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    INSERT INTO analytics_exchange (
        id, at, team_id, team_name, key_public, key_name, end_user, session, tags, model_asked,
        streamed, state, status, error_code, tier, backend, reason, policy, attempts,
        prompt_tokens, completion_tokens, cached_tokens, estimated, cost, saved, overhead_ms,
        total_ms, receipt
    ) VALUES (
        p_exchange, p_at, p_team_id, p_team, p_key_public, p_key_name, p_end_user, p_session,
        p_tags, p_model, p_streamed, 'open', 0, '', '', '', '', p_policy, 0, 0, 0, 0, false, 0, 0,
        0, 0, '{}'
    ) ON CONFLICT (id) DO NOTHING;

    IF p_budgets <> '{}' THEN
        windows := kora_windows(p_budgets, p_starts, p_ends);
        FOR w IN
            SELECT n.settled, n.held, n.ends_at, b.id, b.name, b.limit_usd, b.mode
            FROM analytics_budgetwindow n JOIN analytics_budget b ON b.id = n.budget_id
            WHERE n.id = ANY(windows) ORDER BY n.id FOR NO KEY UPDATE OF n
        LOOP
            -- What costs nothing is never refused: it cannot bring a window over its cap.
            IF w.mode <> 'shadow' AND p_amount > 0
                AND w.settled + w.held + p_amount > w.limit_usd
                AND (NOT refused OR w.id < o_budget_id)
            THEN
                refused := true;
                o_budget_id := w.id; o_budget := w.name; o_limit := w.limit_usd;
                o_settled := w.settled; o_held := w.held; o_resets_at := w.ends_at;
            END IF;
        END LOOP;
        IF refused THEN
            RETURN NEXT;
            RETURN;
        END IF;
        UPDATE analytics_budgetwindow SET held = held + p_amount WHERE id = ANY(windows);
    END IF;

    INSERT INTO analytics_attempt (
        id, exchange_id, number, backend, tier, state, amount, cost, price_id, window_ids,
        lease_until, worker, failure
    ) VALUES (
        p_attempt, p_exchange, p_number, p_backend, p_tier, 'held', p_amount, 0, p_price,
        to_jsonb(windows), now() + p_lease_s * interval '1 second', '', ''
    );
END $$;
"""

WINDOWS = """
CREATE OR REPLACE FUNCTION kora_windows(
    p_budgets bigint[], p_starts timestamptz[], p_ends timestamptz[]
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    found_ids bigint[] := '{}';
    one bigint;
    spot integer;
BEGIN
    FOR spot IN 1 .. cardinality(p_budgets) LOOP
        SELECT w.id INTO one FROM analytics_budgetwindow w
            JOIN analytics_budget b ON b.id = w.budget_id AND b.enabled
            WHERE w.budget_id = p_budgets[spot] AND w.starts_at = p_starts[spot];
        EXIT WHEN one IS NULL;
        found_ids := found_ids || one;
    END LOOP;
    IF cardinality(found_ids) = cardinality(p_budgets) THEN
        RETURN found_ids;
    END IF;
    -- Somewhere the first of its window; by budget, so that two firsts wait in the same order.
    -- A budget that was deleted or disabled since the caller last looked gets none.
    INSERT INTO analytics_budgetwindow (budget_id, starts_at, ends_at, settled, held)
        SELECT s.budget_id, s.starts_at, s.ends_at, 0, 0
        FROM unnest(p_budgets, p_starts, p_ends) AS s(budget_id, starts_at, ends_at)
        JOIN analytics_budget b ON b.id = s.budget_id AND b.enabled
        ORDER BY s.budget_id, s.starts_at
        ON CONFLICT (budget_id, starts_at) DO NOTHING;
    SELECT coalesce(array_agg(w.id), '{}') INTO found_ids
        FROM unnest(p_budgets, p_starts) AS s(budget_id, starts_at)
        JOIN analytics_budget b ON b.id = s.budget_id AND b.enabled
        JOIN analytics_budgetwindow w
            ON w.budget_id = s.budget_id AND w.starts_at = s.starts_at;
    RETURN found_ids;
END $$;
"""

LOCK_LIVE = """
CREATE OR REPLACE FUNCTION kora_lock_live(p_attempts uuid[], p_only text)
RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
    live uuid[];
BEGIN
    -- p_only: 'live' ones, 'unclaimed' ones, or those whose lease ended while held or running.
    -- The state is asked outside, of the locked row: inside, it would choose the wrong index.
    WITH locked AS MATERIALIZED (
        SELECT id, state, lease_until FROM analytics_attempt
        WHERE id = ANY(p_attempts) ORDER BY id FOR NO KEY UPDATE
    )
    SELECT array_agg(id) INTO live FROM locked WHERE CASE p_only
        WHEN 'live' THEN state IN ('held', 'running')
        WHEN 'unclaimed' THEN state = 'held'
        WHEN 'expired held' THEN state = 'held' AND lease_until <= now()
        WHEN 'expired running' THEN state = 'running' AND lease_until <= now()
    END;
    PERFORM 1 FROM analytics_budgetwindow WHERE id IN (
        SELECT window_id::bigint
        FROM analytics_attempt a, jsonb_array_elements_text(a.window_ids) AS window_id
        WHERE a.id = ANY(live)
    ) ORDER BY id FOR NO KEY UPDATE;
    RETURN live;
END $$;
"""

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
            estimated boolean, unconfirmed boolean, failure text, note text
        ) WHERE attempt_id = ANY(live)
    ), ended AS (
        UPDATE analytics_attempt a
        SET state = 'settled', cost = s.cost, failure = s.failure, ended_at = now()
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
            reasoning_tokens, cost, saved, price_id, estimated, unconfirmed, note
        )
        SELECT 'settlement', e.id, n.attempt_id, e.team_id, e.team_name, e.key_public,
            e.key_name, e.end_user, e.tags, n.tier, n.backend, e.model_asked, n.prompt_tokens,
            n.completion_tokens, n.cached_tokens, n.reasoning_tokens, n.cost, 0, n.price_id,
            n.estimated, n.unconfirmed, n.note
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

RELEASE = """
CREATE OR REPLACE FUNCTION kora_release(p_attempts uuid[], p_failure text, p_only text)
RETURNS uuid[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_bitmapscan = off AS $$
DECLARE
    live uuid[];
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    live := kora_lock_live(p_attempts, p_only);
    WITH ended AS (
        UPDATE analytics_attempt SET state = 'released', failure = p_failure, ended_at = now()
        WHERE id = ANY(live) RETURNING amount, window_ids
    )
    UPDATE analytics_budgetwindow w SET held = w.held - f.amount
    FROM (
        SELECT window_id::bigint AS id, sum(amount) AS amount
        FROM ended, jsonb_array_elements_text(window_ids) AS window_id
        GROUP BY window_id
    ) AS f WHERE w.id = f.id;
    RETURN coalesce(live, '{}');
END $$;
"""

CLAIM = """
CREATE OR REPLACE FUNCTION kora_claim(p_attempts uuid[], p_worker text, p_lease_s double precision)
RETURNS uuid[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_bitmapscan = off AS $$
DECLARE
    claimed uuid[];
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    WITH locked AS MATERIALIZED (
        SELECT id, state, lease_until FROM analytics_attempt
        WHERE id = ANY(p_attempts) ORDER BY id FOR NO KEY UPDATE
    )
    SELECT array_agg(id) INTO claimed FROM locked WHERE state = 'held' AND lease_until > now();
    UPDATE analytics_attempt SET state = 'running', worker = p_worker,
        lease_until = now() + p_lease_s * interval '1 second'
    WHERE id = ANY(claimed);
    RETURN coalesce(claimed, '{}');
END $$;
"""

RENEW = """
CREATE OR REPLACE FUNCTION kora_renew(p_attempts uuid[], p_lease_s double precision)
RETURNS uuid[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_bitmapscan = off AS $$
DECLARE
    live uuid[];
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    WITH locked AS MATERIALIZED (
        SELECT id, state FROM analytics_attempt
        WHERE id = ANY(p_attempts) ORDER BY id FOR NO KEY UPDATE
    )
    SELECT array_agg(id) INTO live FROM locked WHERE state IN ('held', 'running');
    UPDATE analytics_attempt SET lease_until = now() + p_lease_s * interval '1 second'
    WHERE id = ANY(live);
    RETURN coalesce(live, '{}');
END $$;
"""

DROP = """
DROP FUNCTION kora_claim;
DROP FUNCTION kora_renew;
DROP FUNCTION kora_hold;
DROP FUNCTION kora_windows;
DROP FUNCTION kora_settle;
DROP FUNCTION kora_release;
DROP FUNCTION kora_lock_live;
"""


class Migration(migrations.Migration):
    dependencies = [("analytics", "0002_guards")]

    operations = [
        migrations.RunSQL(WINDOWS + LOCK_LIVE + HOLD + CLAIM + RENEW + SETTLE + RELEASE, DROP),
        # Every hold and settlement updates a window in place; room on its page keeps that cheap.
        migrations.RunSQL(
            "ALTER TABLE analytics_budgetwindow SET (fillfactor = 50)",
            "ALTER TABLE analytics_budgetwindow RESET (fillfactor)",
        ),
    ]
