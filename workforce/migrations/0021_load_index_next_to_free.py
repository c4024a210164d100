import django.contrib.postgres.indexes
from django.db import migrations

from specs.models.migrating import Together


class Migration(migrations.Migration):

    dependencies = [
        ("workforce", "0020_signals"),
    ]

    operations = [
        Together([
            migrations.RemoveIndex(
                model_name='task',
                name='task_of_load',
            ),
            migrations.AddIndex(
                model_name='task',
                index=django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['load'], name='task_of_load', pages_per_range=32),
            ),
        ]),
    ]
