"""The order in which a queue gives out its work becomes a policy, and every slot that is open gets its place by it."""

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import specs.models.base
import workforce.models.queues
import workforce.models.ranks
from decimal import Decimal
from django.db import migrations, models

from specs.models.migrating import Together

PLACE = r"""
    CREATE FUNCTION workforce_place(value jsonb, kind text, descending boolean) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
    DECLARE
        missing CONSTANT numeric := 0.99;
        said text := value #>> '{}';
        number numeric;
        bits bigint;
        hex text;
        piece bigint;
        place numeric := 0;
    BEGIN
        IF value IS NULL OR jsonb_typeof(value) NOT IN ('number', 'string', 'boolean') OR btrim(said) = '' THEN
            RETURN missing;
        END IF;
        IF kind = 'number' THEN
            said := btrim(said);
            IF said !~ '^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?$' THEN
                RETURN missing;
            END IF;
            number := greatest(least(said::numeric, 1e300), -1e300);
            IF abs(number) < 1e-300 THEN
                number := 0;
            END IF;
            IF descending THEN
                number := -number;
            END IF;
            -- as a whole number, a float's bits are in the float's order, negative ones the other way round
            bits := ('x' || encode(float8send(number::float8), 'hex'))::bit(64)::bigint;
            IF bits < 0 THEN
                bits := bits # 9223372036854775807;
            END IF;
            RETURN (bits::numeric + 9223372036854775808) * 1e-20;
        END IF;
        hex := encode(convert_to(lower(left(said, 21)), 'UTF8'), 'hex');
        FOR n IN 0..2 LOOP
            piece := ('x' || rpad(substr(hex, 1 + 14 * n, 14), 14, '0'))::bit(56)::bigint;
            IF descending THEN
                piece := 72057594037927935 - piece;
            END IF;
            place := place * 1e17 + piece;
        END LOOP;
        RETURN place * 1e-51;
    END
    $$
"""
"""Where a value of a payload lies among the others, from 0 to below 1; what is missing or no such value comes last.

Numbers lie in the order of their doubles, text by the bytes of its first 21 in lower case.
"""

PLACES = """
    UPDATE workforce_assignment s
    SET rank = (1000 - t.priority) * 100 + CASE WHEN s.returned THEN 0 ELSE 1 END
        + CASE WHEN q."order" = 'random' THEN (hashint8extended(t.id, q.order_seed) & 9007199254740991) * 1e-16
               ELSE s.rank * 1e-18 END
    FROM workforce_task t, workforce_queue q
    WHERE t.id = s.task_id AND q.id = s.queue_id AND s.state = 'open'
"""


class Migration(migrations.Migration):

    dependencies = [
        ("specs", "0008_deliveries"),
        ("workforce", "0021_load_index_next_to_free"),
    ]

    operations = [
        migrations.RunSQL(PLACE, "DROP FUNCTION workforce_place"),
        Together([
            migrations.RemoveConstraint(model_name='queue', name='queue_order_known'),
            migrations.RemoveIndex(model_name='assignment', name='slot_fresh'),
        ]),
        Together([
            migrations.CreateModel(
                name='Arrival',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('ranks', workforce.models.ranks.Ranges()),
                    ('xid', models.BigIntegerField(db_default=django.db.models.expressions.RawSQL('pg_current_xact_id()::text::bigint', []))),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='specs.project')),
                    ('queue', specs.models.base.ProjectLink(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workforce.queue')),
                ],
            ),
        ]),
        Together([
            migrations.RemoveField(model_name='enrolment', name='cursor'),
            migrations.RemoveField(model_name='enrolment', name='returned_cursor'),
            migrations.AddField(model_name='enrolment', name='passed', field=workforce.models.ranks.Ranges()),
            migrations.AddField(
                model_name='enrolment',
                name='seen',
                field=models.BigIntegerField(db_default=0, default=0),
            ),
            migrations.AddField(
                model_name='queue',
                name='order_descending',
                field=models.BooleanField(db_default=False, default=False),
            ),
            migrations.AddField(
                model_name='queue',
                name='order_field',
                field=models.CharField(blank=True, db_default='', default='', max_length=100),
            ),
            migrations.AddField(
                model_name='queue',
                name='order_kind',
                field=models.CharField(choices=[('number', 'Numbers'), ('text', 'Text')], db_default='number', default='number', max_length=8),
            ),
            migrations.AddField(
                model_name='queue',
                name='order_seed',
                field=models.BigIntegerField(db_default=0, default=workforce.models.queues.some_seed),
            ),
            migrations.AddField(
                model_name='queue',
                name='random_share',
                field=models.DecimalField(db_default=Decimal('0'), decimal_places=3, default=Decimal('0'), max_digits=4),
            ),
            migrations.AddField(
                model_name='queue',
                name='spread',
                field=models.CharField(choices=[('depth', 'Finish what is begun first'), ('breadth', 'Every task its first answer before any its second')], db_default='depth', default='depth', max_length=8),
            ),
            migrations.AddField(
                model_name='queue',
                name='batches_for',
                field=models.CharField(choices=[('nobody', 'Nobody'), ('programs', 'Programs'), ('everybody', "Programs and people's own tokens")], db_default='programs', default='programs', max_length=16),
            ),
            migrations.AddField(model_name='task', name='disagreement', field=models.FloatField(null=True)),
            migrations.AddField(model_name='task', name='disputed_at', field=models.DateTimeField(null=True)),
            migrations.AlterField(model_name='assignment', name='rank', field=workforce.models.ranks.Rank()),
            migrations.AlterField(
                model_name='queue',
                name='order',
                field=models.CharField(choices=[('first-in', 'First in, first out'), ('random', 'Random'), ('field', 'By a field of the item'), ('disagreement', 'Highest disagreement first'), ('oldest-dispute', 'Oldest dispute first')], default='first-in', max_length=16),
            ),
        ]),
        Together([
            migrations.AddIndex(
                model_name='assignment',
                index=models.Index(condition=models.Q(('state', 'open')), fields=['queue', 'rank'], name='slot_open'),
            ),
            migrations.AddIndex(
                model_name='task',
                index=models.Index(models.F('queue'), models.Func(models.F('id'), models.Value(0), function='hashint8extended', output_field=models.BigIntegerField()), condition=models.Q(('state', 'open')), name='task_drawn'),
            ),
            migrations.AddIndex(
                model_name='arrival',
                index=models.Index(fields=['queue', 'xid'], name='arrival_xid'),
            ),
            migrations.AddConstraint(
                model_name='queue',
                constraint=models.CheckConstraint(condition=models.Q(('order__in', ['first-in', 'random', 'field', 'disagreement', 'oldest-dispute'])), name='queue_order_known'),
            ),
            migrations.AddConstraint(
                model_name='queue',
                constraint=models.CheckConstraint(condition=models.Q(('order_kind__in', ['number', 'text'])), name='queue_order_kind_known'),
            ),
            migrations.AddConstraint(
                model_name='queue',
                constraint=models.CheckConstraint(condition=models.Q(('batches_for__in', ['nobody', 'programs', 'everybody'])), name='queue_batches_for_known'),
            ),
            migrations.AddConstraint(
                model_name='queue',
                constraint=models.CheckConstraint(condition=models.Q(('spread__in', ['depth', 'breadth'])), name='queue_spread_known'),
            ),
            migrations.AddConstraint(
                model_name='queue',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('order', 'field'), models.Q(('order_field', ''), _negated=True)), models.Q(models.Q(('order', 'field'), _negated=True), ('order_field', '')), _connector='OR'), name='queue_ordered_by_a_field_names_it'),
            ),
            migrations.AddConstraint(
                model_name='queue',
                constraint=models.CheckConstraint(condition=models.Q(('random_share', 0), models.Q(('random_share__gt', 0), ('random_share__lte', 1), models.Q(('order', 'random'), _negated=True)), _connector='OR'), name='queue_random_share_is_a_share'),
            ),
            migrations.AddConstraint(
                model_name='task',
                constraint=models.CheckConstraint(condition=models.Q(('priority__gte', 0), ('priority__lte', 1000)), name='task_priority_is_sensible'),
            ),
            migrations.AddConstraint(
                model_name='task',
                constraint=models.CheckConstraint(condition=models.Q(('disagreement__isnull', True), models.Q(('disagreement__gte', 0), ('disagreement__lte', 1)), _connector='OR'), name='task_disagreement_is_a_share'),
            ),
            migrations.AddConstraint(
                model_name='arrival',
                constraint=specs.models.base.SameProject(columns=('queue_id',), keys=('id',), name='arrival_queue_same_project', table='workforce_queue'),
            ),
        ]),
        migrations.RunSQL(PLACES, migrations.RunSQL.noop),
    ]
