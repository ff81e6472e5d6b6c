"""Answers are deleted by the thousand in plain SQL; what hangs on them goes along in Postgres."""

from django.db import migrations

# Django names its foreign keys by a hash, so they are found by what they join.
AGAIN = """
DO $$
DECLARE known record;
BEGIN
    FOR known IN
        SELECT c.conrelid::regclass AS place, c.conname AS name, a.attname AS field
          FROM pg_constraint c JOIN pg_attribute a
            ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
         WHERE c.contype = 'f' AND c.confrelid = 'caching_entry'::regclass
           AND c.conrelid = '{table}'::regclass
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', known.place, known.name);
        EXECUTE format(
            'ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (%I) REFERENCES caching_entry (id)'
            ' {then} DEFERRABLE INITIALLY DEFERRED',
            known.place, known.name, known.field);
    END LOOP;
END $$;
"""


def on_deletion(table, then):
    return migrations.RunSQL(
        AGAIN.format(table=table, then=f"ON DELETE {then}"),
        AGAIN.format(table=table, then=""),
    )


class Migration(migrations.Migration):

    dependencies = [
        ('caching', '0003_warm_start'),
    ]

    operations = [
        # Each its own statement: checks that still wait would stop the change of their table.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        on_deletion('caching_entryvector', 'CASCADE'),
        on_deletion('caching_evidence', 'SET NULL'),
    ]
