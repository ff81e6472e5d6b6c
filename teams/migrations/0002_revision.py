from django.db import migrations

from teams import revisions


class Migration(migrations.Migration):
    dependencies = [("teams", "0001_initial")]

    operations = [
        revisions.define(),
        *(revisions.watch(f"teams_{table}") for table in ("organisation", "team", "apikey")),
        migrations.RunSQL(
            """
            CREATE FUNCTION kora_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
            END $$;
            CREATE TRIGGER append_only BEFORE UPDATE OF id, at, actor, action, subject, subject_id,
                before, after OR DELETE ON teams_auditrow
                FOR EACH ROW EXECUTE FUNCTION kora_append_only();
            """,
            "DROP TRIGGER append_only ON teams_auditrow; DROP FUNCTION kora_append_only();",
        ),
    ]
