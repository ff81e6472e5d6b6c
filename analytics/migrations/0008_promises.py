import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from teams import revisions


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0007_feedback'),
        ('teams', '0003_limits'),
    ]

    operations = [
        migrations.AddField(
            model_name='attempt',
            name='so_far',
            field=models.DecimalField(db_default=0, decimal_places=12, default=0, max_digits=26),
        ),
        migrations.AddField(
            model_name='attempt',
            name='so_far_tokens',
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='budget',
            name='paced',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='budgetwindow',
            name='refused',
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.TextField()),
                ('severity', models.CharField(default='warning', max_length=16)),
                ('key', models.TextField(unique=True)),
                ('title', models.TextField()),
                ('body', models.JSONField(default=dict)),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('resolved_at', models.DateTimeField(null=True)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='teams.organisation')),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, to='teams.team')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Channel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.TextField()),
                ('kind', models.CharField(choices=[('email', 'Email'), ('webhook', 'Webhook')], max_length=16)),
                ('address', models.TextField()),
                ('secret_sealed', models.TextField(blank=True, default='')),
                ('kinds', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), blank=True, default=list, size=None)),
                ('enabled', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='teams.organisation')),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='channels', to='teams.team')),
            ],
            options={
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Prediction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('team_id', models.BigIntegerField()),
                ('backend', models.TextField()),
                ('bin', models.PositiveSmallIntegerField()),
                ('requests', models.PositiveIntegerField(default=0)),
                ('predicted', models.FloatField(default=0)),
                ('late', models.PositiveIntegerField(default=0)),
                ('squared', models.FloatField(default=0)),
            ],
            options={
                'ordering': ['-day'],
                'constraints': [models.UniqueConstraint(fields=('day', 'team_id', 'backend', 'bin'), name='one_bin_a_day')],
            },
        ),
        migrations.CreateModel(
            name='Sla',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.TextField()),
                ('route', models.TextField(blank=True, default='')),
                ('ttft_ms', models.PositiveIntegerField(blank=True, null=True)),
                ('total_ms', models.PositiveIntegerField(blank=True, null=True)),
                ('percentile', models.FloatField(db_default=95.0, default=95.0)),
                ('availability', models.FloatField(blank=True, null=True)),
                ('min_quality', models.FloatField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)])),
                ('window_days', models.PositiveSmallIntegerField(db_default=30, default=30)),
                ('stricter', models.BooleanField(db_default=True, default=True)),
                ('enabled', models.BooleanField(db_default=True, default=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='slas', to='teams.team')),
            ],
            options={
                'ordering': ['team', 'name'],
            },
        ),
        migrations.CreateModel(
            name='SlaHour',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('requests', models.PositiveIntegerField(default=0)),
                ('misses', models.JSONField(default=dict)),
                ('causes', models.JSONField(default=dict)),
                ('sla', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='hours', to='analytics.sla')),
            ],
            options={
                'ordering': ['-at'],
            },
        ),
        migrations.CreateModel(
            name='BudgetOverride',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('limit_usd', models.DecimalField(decimal_places=12, max_digits=26)),
                ('starts_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('ends_at', models.DateTimeField()),
                ('reason', models.TextField()),
                ('created_by', models.TextField(blank=True, default='')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('budget', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='overrides', to='analytics.budget')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['budget', '-id'], name='override_budget_newest')],
                'constraints': [models.CheckConstraint(condition=models.Q(('limit_usd__gte', 0)), name='override_limit_not_negative'), models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='override_has_length')],
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(default='waiting', max_length=16)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('next_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('trouble', models.TextField(blank=True, default='')),
                ('sent_at', models.DateTimeField(null=True)),
                ('alert', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='analytics.alert')),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='analytics.channel')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['next_at'], name='delivery_waiting')],
                'constraints': [models.UniqueConstraint(fields=('alert', 'channel'), name='one_delivery_a_channel')],
            },
        ),
        migrations.AddConstraint(
            model_name='sla',
            constraint=models.UniqueConstraint(fields=('team', 'name'), name='one_sla_a_name'),
        ),
        migrations.AddConstraint(
            model_name='sla',
            constraint=models.CheckConstraint(condition=models.Q(('percentile__gt', 0), ('percentile__lt', 100)), name='sla_percentile'),
        ),
        migrations.AddConstraint(
            model_name='sla',
            constraint=models.CheckConstraint(condition=models.Q(('availability', None), models.Q(('availability__gt', 0), ('availability__lt', 100)), _connector='OR'), name='sla_availability'),
        ),
        migrations.AddConstraint(
            model_name='slahour',
            constraint=models.UniqueConstraint(fields=('sla', 'at'), name='one_row_an_sla_hour'),
        ),
        *(revisions.watch(f"analytics_{table}") for table in ("budgetoverride", "sla")),
    ]
