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
        ("workforce", "0009_held_until"),
    ]

    operations = [
        Together([
            migrations.CreateModel(
                name='Degradation',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('measure', models.CharField(choices=[('priority', 'Its work comes first'), ('overlap', 'Fewer answers per task'), ('pool', 'More people may take it'), ('intake', 'Nothing new comes in')], max_length=16)),
                    ('reason', models.TextField()),
                    ('before', models.JSONField(default=dict)),
                    ('after', models.JSONField(default=dict)),
                    ('began_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('until', models.DateTimeField()),
                    ('ended_at', models.DateTimeField(null=True)),
                ],
            ),
        ]),
        Together([
            pgtrigger.migrations.RemoveTrigger(
                model_name='assignment',
                name='state_steps',
            ),
        ]),
        Together([
            migrations.AddField(
                model_name='queue',
                name='priority',
                field=models.SmallIntegerField(db_default=0, default=0),
            ),
            migrations.AddField(
                model_name='queue',
                name='takes_items',
                field=models.BooleanField(db_default=True, default=True),
            ),
            migrations.AddField(
                model_name='degradation',
                name='began_by',
                field=specs.models.base.ProjectLink(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='specs.member'),
            ),
            migrations.AddField(
                model_name='degradation',
                name='ended_by',
                field=specs.models.base.ProjectLink(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='specs.member'),
            ),
            migrations.AddField(
                model_name='degradation',
                name='project',
                field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='specs.project'),
            ),
            migrations.AddField(
                model_name='degradation',
                name='queue',
                field=specs.models.base.ProjectLink(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='degradations', to='workforce.queue'),
            ),
        ]),
        Together([
            pgtrigger.migrations.AddTrigger(
                model_name='assignment',
                trigger=pgtrigger.compiler.Trigger(name='state_steps', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.state IS DISTINCT FROM NEW.state)', func="\n            IF NOT ((OLD.state = 'open' AND NEW.state = 'leased') OR (OLD.state = 'leased' AND NEW.state = 'submitted') OR (OLD.state = 'leased' AND NEW.state = 'open') OR (OLD.state = 'open' AND NEW.state = 'withdrawn') OR (OLD.state = 'withdrawn' AND NEW.state = 'open')) THEN\n                RAISE EXCEPTION '% does not go from % to %', TG_TABLE_NAME, OLD.state, NEW.state\n                    USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_state_steps';\n            END IF;\n            RETURN NEW;\n        ", hash='be97430ce4dd4a4de587e58b6f226255afca388c', operation='UPDATE OF "state"', pgid='pgtrigger_state_steps_d1cdc', table='workforce_assignment', when='BEFORE')),
            ),
            migrations.AddIndex(
                model_name='degradation',
                index=models.Index(fields=['queue', 'began_at'], name='degradation_queue'),
            ),
            migrations.AddConstraint(
                model_name='degradation',
                constraint=models.UniqueConstraint(fields=('project', 'id'), name='degradation_project_key'),
            ),
            migrations.AddConstraint(
                model_name='degradation',
                constraint=specs.models.base.SameProject(columns=('queue_id',), keys=('id',), name='degradation_queue_same_project', table='workforce_queue'),
            ),
            migrations.AddConstraint(
                model_name='degradation',
                constraint=specs.models.base.SameProject(columns=('began_by_id',), keys=('id',), name='degradation_began_by_same_project', table='specs_member'),
            ),
            migrations.AddConstraint(
                model_name='degradation',
                constraint=specs.models.base.SameProject(columns=('ended_by_id',), keys=('id',), name='degradation_ended_by_same_project', table='specs_member'),
            ),
            migrations.AddConstraint(
                model_name='degradation',
                constraint=models.CheckConstraint(condition=models.Q(('measure__in', ['priority', 'overlap', 'pool', 'intake'])), name='degradation_measure_known'),
            ),
            migrations.AddConstraint(
                model_name='degradation',
                constraint=models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('queue', 'measure'), name='degradation_once_at_a_time'),
            ),
            migrations.AddConstraint(
                model_name='degradation',
                constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='degradation_has_a_reason'),
            ),
            migrations.AddConstraint(
                model_name='degradation',
                constraint=models.CheckConstraint(condition=models.Q(('until__gt', models.F('began_at')), models.Q(('ended_at__isnull', True), ('ended_at__gte', models.F('began_at')), _connector='OR')), name='degradation_ends_after_it_began'),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='degradation',
                trigger=pgtrigger.compiler.Trigger(name='frozen', sql=pgtrigger.compiler.UpsertTriggerSql(func='RAISE EXCEPTION \'pgtrigger: Cannot update of "queue_id", "measure", "reason", "before", "after", "began_by_id", "began_at", "until" rows from % table\', TG_TABLE_NAME;', hash='eb8d47c09fc2e3b472303c309781464ecc35c0ef', operation='UPDATE OF "queue_id", "measure", "reason", "before", "after", "began_by_id", "began_at", "until"', pgid='pgtrigger_frozen_bf0ca', table='workforce_degradation', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='degradation',
                trigger=pgtrigger.compiler.Trigger(name='ends_once', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."ended_at" IS NOT NULL)', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='3122548c48753d030d66a74c02a66bb44bae52ca', operation='UPDATE', pgid='pgtrigger_ends_once_8e1d4', table='workforce_degradation', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='degradation',
                trigger=pgtrigger.compiler.Trigger(name='never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='b5d4503367c58cf10bb1cb45347bf189ee27a5bc', operation='DELETE', pgid='pgtrigger_never_deleted_09aba', table='workforce_degradation', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='degradation',
                trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is not emptied', TG_TABLE_NAME;", hash='6ce365cd32651222ab5700617357ed0affb812d6', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_94d61', table='workforce_degradation', when='BEFORE')),
            ),
        ]),
    ]
