from django.db import migrations

from teams import revisions


def publish_first_policy(apps, schema_editor):
    apps.get_model("routing", "PolicyVersion").objects.get_or_create(
        number=1, defaults={"note": "Cheapest feasible, then the next."}
    )


class Migration(migrations.Migration):
    dependencies = [("routing", "0001_initial"), ("teams", "0002_revision")]

    operations = [
        *(revisions.watch(f"routing_{table}") for table in ("backend", "policyversion")),
        migrations.RunPython(publish_first_policy, migrations.RunPython.noop),
    ]
