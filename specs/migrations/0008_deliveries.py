import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
import specs.models.base
from django.db import migrations, models

from specs.models.migrating import Together


class Migration(migrations.Migration):

    dependencies = [
        ("specs", "0007_precedent_sets"),
    ]

    operations = [
        Together([
            migrations.CreateModel(
                name='Subscriber',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=100)),
                    ('url', models.CharField(max_length=2000)),
                    ('topics', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=64), size=None)),
                    ('nonce', models.CharField(max_length=64)),
                    ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('ended_at', models.DateTimeField(null=True)),
                    ('made_by', specs.models.base.ProjectLink(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='specs.member')),
                    ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='specs.project')),
                ],
            ),
            migrations.CreateModel(
                name='Delivery',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('event_id', models.BigIntegerField()),
                    ('topic', models.CharField(max_length=64)),
                    ('body', models.JSONField()),
                    ('state', models.CharField(choices=[('waiting', 'Waiting'), ('delivered', 'Delivered'), ('given-up', 'Given up')], default='waiting', max_length=16)),
                    ('n_tries', models.SmallIntegerField(default=0)),
                    ('next_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('last_status', models.SmallIntegerField(null=True)),
                    ('last_error', models.CharField(blank=True, max_length=64)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('delivered_at', models.DateTimeField(null=True)),
                    ('member', specs.models.base.ProjectLink(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='specs.member')),
                    ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='specs.project')),
                    ('subscriber', specs.models.base.ProjectLink(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='specs.subscriber')),
                ],
            ),
        ]),
        Together([
            migrations.DeleteModel(
                name='OutboxMessage',
            ),
            migrations.AddIndex(
                model_name='subscriber',
                index=models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['project'], name='subscriber_active'),
            ),
            migrations.AddConstraint(
                model_name='subscriber',
                constraint=models.UniqueConstraint(fields=('project', 'id'), name='subscriber_project_key'),
            ),
            migrations.AddConstraint(
                model_name='subscriber',
                constraint=specs.models.base.SameProject(columns=('made_by_id',), keys=('id',), name='subscriber_made_by_same_project', table='specs_member'),
            ),
            migrations.AddConstraint(
                model_name='subscriber',
                constraint=models.CheckConstraint(condition=models.Q(('topics__len__gte', 1)), name='subscriber_wants_something'),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='subscriber',
                trigger=pgtrigger.compiler.Trigger(name='frozen', sql=pgtrigger.compiler.UpsertTriggerSql(func='RAISE EXCEPTION \'pgtrigger: Cannot update of "url", "topics", "nonce" rows from % table\', TG_TABLE_NAME;', hash='75439f41a60296592c17080250c920e577d7f3c3', operation='UPDATE OF "url", "topics", "nonce"', pgid='pgtrigger_frozen_e7a8f', table='specs_subscriber', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='subscriber',
                trigger=pgtrigger.compiler.Trigger(name='never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='ac6667a7f05c92b0b22cd96866b13e95ed6956a7', operation='DELETE', pgid='pgtrigger_never_deleted_e773e', table='specs_subscriber', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='subscriber',
                trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is not emptied', TG_TABLE_NAME;", hash='e74c64fd707d7230ed9d128e8cb18d553c4d9179', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_469cf', table='specs_subscriber', when='BEFORE')),
            ),
            migrations.AddIndex(
                model_name='delivery',
                index=models.Index(condition=models.Q(('state', 'waiting')), fields=['next_at', 'id'], name='delivery_waiting'),
            ),
            migrations.AddIndex(
                model_name='delivery',
                index=models.Index(fields=['project', '-id'], name='delivery_newest'),
            ),
            migrations.AddConstraint(
                model_name='delivery',
                constraint=models.UniqueConstraint(fields=('project', 'id'), name='delivery_project_key'),
            ),
            migrations.AddConstraint(
                model_name='delivery',
                constraint=specs.models.base.SameProject(columns=('subscriber_id',), keys=('id',), name='delivery_subscriber_same_project', table='specs_subscriber'),
            ),
            migrations.AddConstraint(
                model_name='delivery',
                constraint=specs.models.base.SameProject(columns=('member_id',), keys=('id',), name='delivery_member_same_project', table='specs_member'),
            ),
            migrations.AddConstraint(
                model_name='delivery',
                constraint=models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'delivered', 'given-up'])), name='delivery_state_known'),
            ),
            migrations.AddConstraint(
                model_name='delivery',
                constraint=models.CheckConstraint(condition=models.Q(('subscriber__isnull', True), ('member__isnull', True), _connector='XOR'), name='delivery_has_one_receiver'),
            ),
            migrations.AddConstraint(
                model_name='delivery',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'delivered'), _negated=True), ('delivered_at__isnull', False), _connector='OR'), name='delivered_has_a_time'),
            ),
            migrations.AddConstraint(
                model_name='delivery',
                constraint=models.UniqueConstraint(condition=models.Q(('subscriber__isnull', False)), fields=('subscriber', 'event_id', 'topic'), name='delivery_once_per_subscriber_and_event'),
            ),
            migrations.AddConstraint(
                model_name='delivery',
                constraint=models.UniqueConstraint(condition=models.Q(('member__isnull', False)), fields=('member', 'event_id', 'topic'), name='delivery_once_per_member_and_event'),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='delivery',
                trigger=pgtrigger.compiler.Trigger(name='frozen', sql=pgtrigger.compiler.UpsertTriggerSql(func='RAISE EXCEPTION \'pgtrigger: Cannot update of "subscriber_id", "member_id", "event_id", "topic", "body" rows from % table\', TG_TABLE_NAME;', hash='a5d7d43e97d1272e3280e581f43672700ba170bc', operation='UPDATE OF "subscriber_id", "member_id", "event_id", "topic", "body"', pgid='pgtrigger_frozen_16d8c', table='specs_delivery', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='delivery',
                trigger=pgtrigger.compiler.Trigger(name='state_steps', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.state IS DISTINCT FROM NEW.state)', func="\n            IF NOT ((OLD.state = 'waiting' AND NEW.state = 'delivered') OR (OLD.state = 'waiting' AND NEW.state = 'given-up') OR (OLD.state = 'given-up' AND NEW.state = 'waiting') OR (OLD.state = 'delivered' AND NEW.state = 'waiting')) THEN\n                RAISE EXCEPTION '% does not go from % to %', TG_TABLE_NAME, OLD.state, NEW.state\n                    USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_state_steps';\n            END IF;\n            RETURN NEW;\n        ", hash='bbd083de37a7afa68f696f1f4a34001e075e0972', operation='UPDATE OF "state"', pgid='pgtrigger_state_steps_4b0aa', table='specs_delivery', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='delivery',
                trigger=pgtrigger.compiler.Trigger(name='never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='800ba091bee6970b8b99142450816af368f57652', operation='DELETE', pgid='pgtrigger_never_deleted_55e38', table='specs_delivery', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='delivery',
                trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is not emptied', TG_TABLE_NAME;", hash='48fb919a0851d2c7c8650d63e6bd45b67e9755c8', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_c3336', table='specs_delivery', when='BEFORE')),
            ),
        ]),
    ]
