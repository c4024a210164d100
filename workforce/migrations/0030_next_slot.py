"""The search of a plain claim becomes a function: see `workforce.picking`."""

from django.db import migrations

NEXT_SLOT = """
    CREATE FUNCTION workforce_next_slot(in_queue bigint, for_annotator bigint, passed nummultirange)
    RETURNS TABLE (id bigint, rank numeric) LANGUAGE plpgsql VOLATILE ROWS 1 AS $$
    DECLARE
        gap record;
    BEGIN
        FOR gap IN SELECT lower(g) AS low, coalesce(upper(g), 'Infinity') AS high
                   FROM unnest(nummultirange(numrange(0, NULL)) - passed) g ORDER BY 1 LOOP
            SELECT s.id, s.rank INTO id, rank FROM workforce_assignment s
            WHERE s.queue_id = in_queue AND s.state = 'open' AND s.rank >= gap.low AND s.rank <= gap.high
              AND s.reserved_for_id IS NULL
              AND NOT EXISTS (SELECT FROM workforce_assignment mine
                              WHERE mine.task_id = s.task_id AND mine.annotator_id = for_annotator)
              AND NOT EXISTS (SELECT FROM workforce_barred b WHERE b.task_id = s.task_id AND b.annotator_id = for_annotator)
            ORDER BY s.rank LIMIT 1 FOR NO KEY UPDATE OF s SKIP LOCKED;
            IF FOUND THEN
                RETURN NEXT;
                RETURN;
            END IF;
        END LOOP;
    END
    $$
"""


class Migration(migrations.Migration):

    dependencies = [
        ("workforce", "0029_stagger"),
    ]

    operations = [
        migrations.RunSQL(NEXT_SLOT, "DROP FUNCTION workforce_next_slot"),
    ]
