from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('teams', '0002_revision'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='max_parallel',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='apikey',
            name='priority',
            field=models.CharField(blank=True, choices=[('high', 'High'), ('normal', 'Normal'), ('low', 'Low')], db_default='', default='', max_length=8),
        ),
        migrations.AddField(
            model_name='team',
            name='max_parallel',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='team',
            name='priority',
            field=models.CharField(choices=[('high', 'High'), ('normal', 'Normal'), ('low', 'Low')], db_default='normal', default='normal', max_length=8),
        ),
        migrations.AddField(
            model_name='team',
            name='requests_per_minute',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='team',
            name='share',
            field=models.PositiveSmallIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name='team',
            name='tokens_per_minute',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
    ]
