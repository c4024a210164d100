import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
import specs.models.base
from django.db import migrations, models

from specs.models.migrating import Together


class Migration(migrations.Migration):

    dependencies = [
        ("specs", "0006_event_when"),
        ("workforce", "0007_roster"),
    ]

    operations = [
        Together([
            migrations.CreateModel(
                name='QueueGauge',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('counts', models.JSONField(default=dict)),
                    ('ages', models.JSONField(default=list)),
                    ('flows', models.JSONField(default=dict)),
                    ('forecast', models.JSONField(default=dict)),
                    ('oldest_at', models.DateTimeField(null=True)),
                    ('measured_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('took_ms', models.IntegerField(default=0)),
                    ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='specs.project')),
                    ('queue', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='gauge', to='workforce.queue')),
                ],
                options={
                    'constraints': [specs.models.base.SameProject(columns=('queue_id',), keys=('id',), name='queue_gauge_queue_same_project', table='workforce_queue')],
                },
            ),
            migrations.CreateModel(
                name='QueueHour',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('hour', models.DateTimeField()),
                    ('n_answers', models.IntegerField()),
                    ('n_again', models.IntegerField()),
                    ('n_people', models.IntegerField()),
                    ('seconds', models.BigIntegerField()),
                    ('n_settled', models.IntegerField()),
                    ('n_in_time', models.IntegerField()),
                    ('n_disputed', models.IntegerField()),
                    ('n_tasks', models.BigIntegerField()),
                    ('n_slots', models.BigIntegerField()),
                    ('closed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='specs.project')),
                    ('queue', specs.models.base.ProjectLink(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='hours', to='workforce.queue')),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('project', 'id'), name='queue_hour_project_key'), specs.models.base.SameProject(columns=('queue_id',), keys=('id',), name='queue_hour_queue_same_project', table='workforce_queue'), models.UniqueConstraint(fields=('queue', 'hour'), name='queue_hour_once'), models.CheckConstraint(condition=models.Q(('n_again__gte', 0), ('n_again__lte', models.F('n_answers')), ('n_answers__gte', 0), ('n_in_time__gte', 0), ('n_in_time__lte', models.F('n_settled')), ('n_settled__gte', 0), ('seconds__gte', 0)), name='queue_hour_counts_up')],
                },
            ),
        ]),
        Together([
            pgtrigger.migrations.AddTrigger(
                model_name='queuehour',
                trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='950eef2a6bff482f70cac35c33b917842d8e1ab3', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_a0c9f', table='workforce_queuehour', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='queuehour',
                trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is not emptied', TG_TABLE_NAME;", hash='c92c8f6335cf6a104824d083805abda415c1cfc7', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_bc20f', table='workforce_queuehour', when='BEFORE')),
            ),
        ]),
    ]
