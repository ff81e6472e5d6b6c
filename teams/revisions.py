"""Migrations' way to say: a change of this table is a change of configuration."""

from __future__ import annotations

from django.db.migrations import RunSQL

FUNCTION = """
CREATE OR REPLACE FUNCTION kora_bump_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE teams_revision SET number = number + 1 WHERE id = 1;
    RETURN NULL;
END $$;
INSERT INTO teams_revision (id, number) VALUES (1, 1) ON CONFLICT DO NOTHING;
"""


def define() -> RunSQL:
    return RunSQL(FUNCTION, "DROP FUNCTION kora_bump_revision()")


def watch(table: str) -> RunSQL:
    """Statement-level, so that a bulk change counts once."""
    return RunSQL(
        f"CREATE TRIGGER revision AFTER INSERT OR UPDATE OR DELETE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION kora_bump_revision()",
        f"DROP TRIGGER revision ON {table}",
    )
