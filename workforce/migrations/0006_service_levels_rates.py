import datetime
import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
import specs.models.base
from decimal import Decimal
from django.db import migrations, models

from specs.models.migrating import Together


class Migration(migrations.Migration):

    dependencies = [
        ("specs", "0004_zones_living_wage"),
        ("workforce", "0005_skips"),
    ]

    operations = [
        Together([
            migrations.CreateModel(
                name='Rate',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('work', models.CharField(blank=True, choices=[('labelling', 'Labelling'), ('rework', 'Labelling again'), ('adjudication', 'Adjudication'), ('training', 'Training and calibration'), ('quiz', 'Quizzes on the spec')], max_length=16)),
                    ('basis', models.CharField(choices=[('hour', 'For an hour'), ('answer', 'For an answer')], default='hour', max_length=8)),
                    ('amount', models.DecimalField(decimal_places=4, max_digits=10, validators=[django.core.validators.MinValueValidator(Decimal('0'))])),
                    ('currency', models.CharField(max_length=3, validators=[django.core.validators.RegexValidator('^[A-Z]{3}$')])),
                    ('since', models.DateField()),
                    ('until', models.DateField(blank=True, null=True)),
                    ('set_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('event_id', models.BigIntegerField()),
                ],
            ),
        ]),
        Together([
            migrations.AddField(
                model_name='queue',
                name='disputes_share',
                field=models.DecimalField(decimal_places=3, default=Decimal('0.9'), max_digits=4),
            ),
            migrations.AddField(
                model_name='queue',
                name='settled_share',
                field=models.DecimalField(decimal_places=3, default=Decimal('0.9'), max_digits=4),
            ),
            migrations.AddField(
                model_name='queue',
                name='settled_within',
                field=models.DurationField(default=datetime.timedelta(days=5)),
            ),
            migrations.AddField(
                model_name='rate',
                name='annotator',
                field=specs.models.base.ProjectLink(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workforce.annotator'),
            ),
            migrations.AddField(
                model_name='rate',
                name='project',
                field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='specs.project'),
            ),
            migrations.AddField(
                model_name='rate',
                name='queue',
                field=specs.models.base.ProjectLink(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workforce.queue'),
            ),
            migrations.AddField(
                model_name='rate',
                name='set_by',
                field=specs.models.base.ProjectLink(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='specs.member'),
            ),
        ]),
        Together([
            migrations.AddIndex(
                model_name='lease',
                index=django.contrib.postgres.indexes.BrinIndex(fields=['leased_at'], name='lease_when'),
            ),
            migrations.AddConstraint(
                model_name='queue',
                constraint=models.CheckConstraint(condition=models.Q(('disputes_share__gt', 0), ('disputes_share__lte', 1), ('disputes_within__gt', datetime.timedelta(0)), ('oldest_within__gt', datetime.timedelta(0)), ('settled_share__gt', 0), ('settled_share__lte', 1), ('settled_within__gt', datetime.timedelta(0)), ('settled_within__lte', models.F('oldest_within'))), name='queue_has_a_service_level'),
            ),
            migrations.AddIndex(
                model_name='rate',
                index=models.Index(fields=['project', '-id'], name='rate_newest'),
            ),
            migrations.AddConstraint(
                model_name='rate',
                constraint=models.UniqueConstraint(fields=('project', 'id'), name='rate_project_key'),
            ),
            migrations.AddConstraint(
                model_name='rate',
                constraint=specs.models.base.SameProject(columns=('queue_id',), keys=('id',), name='rate_queue_same_project', table='workforce_queue'),
            ),
            migrations.AddConstraint(
                model_name='rate',
                constraint=specs.models.base.SameProject(columns=('annotator_id',), keys=('id',), name='rate_annotator_same_project', table='workforce_annotator'),
            ),
            migrations.AddConstraint(
                model_name='rate',
                constraint=specs.models.base.SameProject(columns=('set_by_id',), keys=('id',), name='rate_set_by_same_project', table='specs_member'),
            ),
            migrations.AddConstraint(
                model_name='rate',
                constraint=models.CheckConstraint(condition=models.Q(('work__in', ['', 'labelling', 'rework', 'adjudication', 'training', 'quiz'])), name='rate_work_known'),
            ),
            migrations.AddConstraint(
                model_name='rate',
                constraint=models.CheckConstraint(condition=models.Q(('basis__in', ['hour', 'answer'])), name='rate_basis_known'),
            ),
            migrations.AddConstraint(
                model_name='rate',
                constraint=models.CheckConstraint(condition=models.Q(('amount__gte', 0), ('currency__regex', '^[A-Z]{3}$')), name='rate_is_an_amount'),
            ),
            migrations.AddConstraint(
                model_name='rate',
                constraint=models.CheckConstraint(condition=models.Q(('until__isnull', True), ('until__gte', models.F('since')), _connector='OR'), name='rate_ends_after_it_began'),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='rate',
                trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='c1f9aeca02e134728888c8e955eb5333f1b0cee9', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_4792c', table='workforce_rate', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='rate',
                trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is not emptied', TG_TABLE_NAME;", hash='71ff54eea4cc4935f4b6f955724860d3e937a96c', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_b37d8', table='workforce_rate', when='BEFORE')),
            ),
        ]),
    ]
