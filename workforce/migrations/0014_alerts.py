import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
import specs.models.base
from django.db import migrations, models

from specs.models.migrating import Together


class Migration(migrations.Migration):

    dependencies = [
        ("specs", "0008_deliveries"),
        ("workforce", "0013_people_rules"),
    ]

    operations = [
        Together([
            migrations.CreateModel(
                name='Alert',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('level-missed', 'The service level is missed'), ('level-at-risk', 'The service level is about to be missed'), ('utilisation', 'More comes in than is done'), ('backlog', 'The backlog has no end in sight'), ('nobody-enrolled', 'Work waits, and nobody is enrolled'), ('no-owner', 'The owner of the queue is gone'), ('gold-falling', 'Known answers are answered worse than before'), ('agreement-falling', 'Agreement is lower than before'), ('job-failed', 'A background job failed'), ('import-failed', 'An import failed')], max_length=32)),
                    ('subject', models.CharField(blank=True, max_length=64)),
                    ('urgent', models.BooleanField(default=False)),
                    ('facts', models.JSONField(default=dict)),
                    ('state', models.CharField(choices=[('open', 'Open'), ('acknowledged', 'Taken on'), ('closed', 'Over')], default='open', max_length=16)),
                    ('raised_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('acknowledged_at', models.DateTimeField(null=True)),
                    ('closed_at', models.DateTimeField(null=True)),
                    ('owner', specs.models.base.ProjectLink(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='specs.member')),
                    ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='specs.project')),
                    ('queue', specs.models.base.ProjectLink(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workforce.queue')),
                ],
            ),
            migrations.CreateModel(
                name='AlertStep',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('step', models.CharField(max_length=16)),
                    ('note', models.TextField(blank=True)),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('event_id', models.BigIntegerField()),
                    ('alert', specs.models.base.ProjectLink(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='workforce.alert')),
                    ('by', specs.models.base.ProjectLink(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='specs.member')),
                    ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='specs.project')),
                    ('to', specs.models.base.ProjectLink(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='specs.member')),
                ],
            ),
        ]),
        Together([
            migrations.AddIndex(
                model_name='alert',
                index=models.Index(fields=['project', '-id'], name='alert_newest'),
            ),
            migrations.AddIndex(
                model_name='alert',
                index=models.Index(condition=models.Q(('state', 'closed'), _negated=True), fields=['owner'], name='alert_awaiting'),
            ),
            migrations.AddConstraint(
                model_name='alert',
                constraint=models.UniqueConstraint(fields=('project', 'id'), name='alert_project_key'),
            ),
            migrations.AddConstraint(
                model_name='alert',
                constraint=specs.models.base.SameProject(columns=('queue_id',), keys=('id',), name='alert_queue_same_project', table='workforce_queue'),
            ),
            migrations.AddConstraint(
                model_name='alert',
                constraint=specs.models.base.SameProject(columns=('owner_id',), keys=('id',), name='alert_owner_same_project', table='specs_member'),
            ),
            migrations.AddConstraint(
                model_name='alert',
                constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['level-missed', 'level-at-risk', 'utilisation', 'backlog', 'nobody-enrolled', 'no-owner', 'gold-falling', 'agreement-falling', 'job-failed', 'import-failed'])), name='alert_kind_known'),
            ),
            migrations.AddConstraint(
                model_name='alert',
                constraint=models.CheckConstraint(condition=models.Q(('state__in', ['open', 'acknowledged', 'closed'])), name='alert_state_known'),
            ),
            migrations.AddConstraint(
                model_name='alert',
                constraint=models.UniqueConstraint(condition=models.Q(('state', 'closed'), _negated=True), fields=('project', 'kind', 'queue', 'subject'), name='alert_raised_once', nulls_distinct=False),
            ),
            migrations.AddConstraint(
                model_name='alert',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'acknowledged'), _negated=True), models.Q(('acknowledged_at__isnull', False), ('owner__isnull', False)), _connector='OR'), name='acknowledged_alert_has_an_owner'),
            ),
            migrations.AddConstraint(
                model_name='alert',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', False), ('state', 'closed')), models.Q(models.Q(('state', 'closed'), _negated=True), ('closed_at__isnull', True)), _connector='OR'), name='closed_alert_has_a_time'),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='alert',
                trigger=pgtrigger.compiler.Trigger(name='frozen', sql=pgtrigger.compiler.UpsertTriggerSql(func='RAISE EXCEPTION \'pgtrigger: Cannot update of "kind", "queue_id", "subject", "raised_at" rows from % table\', TG_TABLE_NAME;', hash='ee5121e9bfe483e85523b709cc6a28f505def361', operation='UPDATE OF "kind", "queue_id", "subject", "raised_at"', pgid='pgtrigger_frozen_d70bc', table='workforce_alert', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='alert',
                trigger=pgtrigger.compiler.Trigger(name='state_steps', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.state IS DISTINCT FROM NEW.state)', func="\n            IF NOT ((OLD.state = 'open' AND NEW.state = 'acknowledged') OR (OLD.state = 'open' AND NEW.state = 'closed') OR (OLD.state = 'acknowledged' AND NEW.state = 'closed')) THEN\n                RAISE EXCEPTION '% does not go from % to %', TG_TABLE_NAME, OLD.state, NEW.state\n                    USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_state_steps';\n            END IF;\n            RETURN NEW;\n        ", hash='29753817c73d90aecd50bda49204af86be7acc7a', operation='UPDATE OF "state"', pgid='pgtrigger_state_steps_3ffa4', table='workforce_alert', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='alert',
                trigger=pgtrigger.compiler.Trigger(name='never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='501e8d0c85b2f775b3177d84b1d0ce46ac94768c', operation='DELETE', pgid='pgtrigger_never_deleted_719a2', table='workforce_alert', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='alert',
                trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is not emptied', TG_TABLE_NAME;", hash='1fe0139fc797acbb20c4b66f8b0a04f7538f2450', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_e79aa', table='workforce_alert', when='BEFORE')),
            ),
            migrations.AddIndex(
                model_name='alertstep',
                index=models.Index(fields=['alert'], name='alert_step_alert'),
            ),
            migrations.AddConstraint(
                model_name='alertstep',
                constraint=specs.models.base.SameProject(columns=('alert_id',), keys=('id',), name='alert_step_alert_same_project', table='workforce_alert'),
            ),
            migrations.AddConstraint(
                model_name='alertstep',
                constraint=specs.models.base.SameProject(columns=('by_id',), keys=('id',), name='alert_step_by_same_project', table='specs_member'),
            ),
            migrations.AddConstraint(
                model_name='alertstep',
                constraint=specs.models.base.SameProject(columns=('to_id',), keys=('id',), name='alert_step_to_same_project', table='specs_member'),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='alertstep',
                trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='4c3d01fe367f2e7a9d23f344eaa155f8425c6f4d', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_88cae', table='workforce_alertstep', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='alertstep',
                trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is not emptied', TG_TABLE_NAME;", hash='096b827f6ff7de442230c5599232f1a6e71effb1', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_9c27f', table='workforce_alertstep', when='BEFORE')),
            ),
        ]),
    ]
