from django.db import migrations

from teams import revisions


class Migration(migrations.Migration):
    dependencies = [("analytics", "0001_initial"), ("teams", "0002_revision")]

    operations = [
        *(revisions.watch(f"analytics_{table}") for table in ("price", "budget")),
        migrations.RunSQL(
            """
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON analytics_ledgerrow
                FOR EACH ROW EXECUTE FUNCTION kora_append_only();
            """,
            "DROP TRIGGER append_only ON analytics_ledgerrow",
        ),
    ]
