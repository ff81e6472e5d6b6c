"""Holds that know limits in force for a while, suspended budgets, and who was refused; renewals
that carry what was streamed so far.

`kora_admit` is what holds call now. `kora_hold` stays, with the columns that processes of the
release before read, and is the same underneath: a budget that is suspended is so for everybody.
"""

from importlib import import_module

from django.db import migrations

IN_FORCE = """
CREATE OR REPLACE FUNCTION kora_limit(p_budget bigint)
RETURNS TABLE (o_limit numeric, o_until timestamptz, o_reason text)
LANGUAGE sql STABLE AS $$
    -- The newest override that has begun and not ended.
    SELECT v.limit_usd, v.ends_at, v.reason FROM analytics_budgetoverride v
    WHERE v.budget_id = p_budget AND v.starts_at <= now() AND v.ends_at > now()
    ORDER BY v.id DESC LIMIT 1
$$;
"""

ADMIT = """
CREATE OR REPLACE FUNCTION kora_admit(
    p_exchange uuid, p_at timestamptz, p_team_id bigint, p_team text, p_key_public text,
    p_key_name text, p_end_user text, p_session text, p_tags jsonb, p_model text,
    p_streamed boolean, p_policy integer, p_attempt uuid, p_number integer, p_backend text,
    p_tier text, p_amount numeric, p_price bigint, p_lease_s double precision,
    p_budgets bigint[], p_starts timestamptz[], p_ends timestamptz[], p_counts boolean
) RETURNS TABLE (
    o_refuses boolean, o_budget_id bigint, o_budget text, o_scope text, o_scope_id text,
    o_limit numeric, o_settled numeric, o_held numeric, o_resets_at timestamptz,
    o_until timestamptz, o_reason text
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_bitmapscan = off AS $$
DECLARE
    windows bigint[] := '{}';
    enforced bigint[] := '{}';
    shadowed bigint[] := '{}';
    counted bigint[] := '{}';
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
            SELECT n.id AS window_id, n.settled, n.held, n.ends_at, b.id, b.name, b.scope,
                b.scope_id, b.mode, coalesce(v.o_limit, b.limit_usd) AS most, v.o_until,
                v.o_reason
            FROM analytics_budgetwindow n JOIN analytics_budget b ON b.id = n.budget_id
            LEFT JOIN LATERAL kora_limit(b.id) v ON true
            WHERE n.id = ANY(windows) ORDER BY n.id FOR NO KEY UPDATE OF n
        LOOP
            -- What costs nothing cannot bring a window over its cap, so only one of nothing, which
            -- is a budget that is suspended, refuses it.
            CONTINUE WHEN w.most > 0
                AND (p_amount <= 0 OR w.settled + w.held + p_amount <= w.most);
            IF w.mode = 'shadow' THEN
                shadowed := shadowed || w.window_id;
            ELSE
                enforced := enforced || w.window_id;
            END IF;
            o_refuses := w.mode <> 'shadow'; o_budget_id := w.id; o_budget := w.name;
            o_scope := w.scope; o_scope_id := w.scope_id; o_limit := w.most;
            o_settled := w.settled; o_held := w.held; o_resets_at := w.ends_at;
            o_until := w.o_until; o_reason := coalesce(w.o_reason, '');
            RETURN NEXT;
        END LOOP;
        -- A request counts once: asked again for another backend, it is the same request.
        IF p_counts THEN
            counted := enforced;
        END IF;
        IF p_counts AND p_number = 1 THEN
            counted := counted || shadowed;
        END IF;
        IF enforced <> '{}' THEN
            UPDATE analytics_budgetwindow SET refused = refused + 1 WHERE id = ANY(counted);
            RETURN;
        END IF;
        UPDATE analytics_budgetwindow
        SET held = held + p_amount, refused = refused + (id = ANY(counted))::integer
        WHERE id = ANY(windows);
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
) LANGUAGE sql AS $$
    SELECT o_budget_id, o_budget, o_limit, o_settled, o_held, o_resets_at FROM kora_admit(
        p_exchange, p_at, p_team_id, p_team, p_key_public, p_key_name, p_end_user, p_session,
        p_tags, p_model, p_streamed, p_policy, p_attempt, p_number, p_backend, p_tier, p_amount,
        p_price, p_lease_s, p_budgets, p_starts, p_ends, true
    ) WHERE o_refuses ORDER BY o_limit - o_settled - o_held, o_budget_id LIMIT 1
$$;
"""

RENEW = """
CREATE OR REPLACE FUNCTION kora_renew(
    p_attempts uuid[], p_costs numeric[], p_tokens integer[], p_lease_s double precision
) RETURNS uuid[] LANGUAGE plpgsql
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
    -- Two renewals may overtake each other; what was streamed only grows.
    UPDATE analytics_attempt a SET lease_until = now() + p_lease_s * interval '1 second',
        so_far = greatest(a.so_far, s.cost), so_far_tokens = greatest(a.so_far_tokens, s.tokens)
    FROM unnest(p_attempts, p_costs, p_tokens) AS s(id, cost, tokens)
    WHERE a.id = ANY(live) AND a.id = s.id;
    RETURN coalesce(live, '{}');
END $$;
"""

BEFORE = import_module("analytics.migrations.0003_verbs").HOLD
DROP = f"""
DROP FUNCTION kora_renew(uuid[], numeric[], integer[], double precision);
DROP FUNCTION kora_hold;
DROP FUNCTION kora_admit;
DROP FUNCTION kora_limit;
{BEFORE}
"""


class Migration(migrations.Migration):
    dependencies = [("analytics", "0008_promises")]

    operations = [migrations.RunSQL(IN_FORCE + ADMIT + HOLD + RENEW, DROP)]
