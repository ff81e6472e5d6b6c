from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("routing", "0004_decisions")]

    operations = [
        migrations.AddField(
            model_name="outcome",
            name="mark",
            field=models.TextField(blank=True, default="", db_default=""),
        ),
        migrations.AddField(
            model_name="routermind",
            name="evidence",
            field=models.BinaryField(default=bytes, db_default=b""),
        ),
        migrations.AddIndex(
            model_name="outcome",
            index=models.Index(
                fields=["team_id", "session", "-at"],
                condition=~Q(session=""),
                name="outcome_session",
            ),
        ),
    ]
