import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0010_sla_states'),
    ]

    operations = [
        migrations.CreateModel(
            name='BudgetOutlook',
            fields=[
                ('budget', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='outlook', serialize=False, to='analytics.budget')),
                ('first_hour', models.DateTimeField()),
                ('hours', models.JSONField(default=list)),
                ('usual', models.JSONField(default=list)),
                ('anchor_at', models.DateTimeField(null=True)),
                ('anchor_usd', models.FloatField(default=0)),
                ('anchor_log', models.FloatField(default=0)),
                ('forecast', models.JSONField(default=dict)),
                ('foretold_for', models.DateTimeField(null=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
        ),
    ]
