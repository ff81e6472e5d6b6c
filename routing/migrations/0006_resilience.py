import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from teams import revisions


class Migration(migrations.Migration):

    dependencies = [
        ('routing', '0005_outcome_marks'),
    ]

    operations = [
        migrations.CreateModel(
            name='BackendKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('label', models.TextField(blank=True, default='')),
                ('secret_sealed', models.TextField(blank=True, default='')),
                ('enabled', models.BooleanField(default=True)),
                ('refused_at', models.DateTimeField(null=True)),
                ('refusal', models.TextField(blank=True, default='')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('backend', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='keys', to='routing.backend')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Idempotent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key_id', models.BigIntegerField()),
                ('name', models.TextField()),
                ('digest', models.TextField()),
                ('exchange_id', models.UUIDField()),
                ('state', models.CharField(default='running', max_length=16)),
                ('lease_until', models.DateTimeField()),
                ('tier', models.TextField(blank=True, default='')),
                ('backend', models.TextField(blank=True, default='')),
                ('reason', models.TextField(blank=True, default='')),
                ('cost', models.DecimalField(db_default=0, decimal_places=12, default=0, max_digits=26)),
                ('answer', models.BinaryField(null=True)),
                ('chunks', models.BinaryField(null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('expires_at', models.DateTimeField()),
            ],
            options={
                'verbose_name_plural': 'idempotent requests',
                'indexes': [models.Index(fields=['expires_at'], name='idempotent_expiry')],
                'constraints': [models.UniqueConstraint(fields=('key_id', 'name'), name='one_idempotency_key'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'answered'), _negated=True), ('answer__isnull', False), _connector='OR'), name='answered_has_answer')],
            },
        ),
        *(revisions.watch(f"routing_{table}") for table in ('backendkey',)),
    ]
