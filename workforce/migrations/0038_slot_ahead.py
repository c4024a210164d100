"""The search of a plain claim says which task it found, and what she has passed then: see `workforce.picking.NEXT_AHEAD`."""

from django.db import migrations

SLOT_AHEAD = """
    CREATE FUNCTION workforce_slot_ahead(in_queue bigint, for_annotator bigint, before nummultirange, at_most int)
    RETURNS TABLE (id bigint, task_id bigint, passed nummultirange) LANGUAGE plpgsql VOLATILE ROWS 1 AS $$
    DECLARE
        ahead nummultirange := nummultirange(numrange(0, NULL)) - before;
        gaps numrange[] := ARRAY[range_merge(ahead)];
        gap numrange;
        place numeric;
    BEGIN
        IF nummultirange(gaps[1]) <> ahead THEN
            SELECT array_agg(g ORDER BY g) INTO gaps FROM unnest(ahead) g;
        END IF;
        FOREACH gap IN ARRAY gaps LOOP
            SELECT s.id, s.task_id, s.rank INTO id, task_id, place FROM workforce_assignment s
            WHERE s.queue_id = in_queue AND s.state = 'open' AND s.rank >= lower(gap)
              AND s.rank <= coalesce(upper(gap), 'Infinity') AND s.reserved_for_id IS NULL
              AND NOT EXISTS (SELECT FROM workforce_assignment mine
                              WHERE mine.task_id = s.task_id AND mine.annotator_id = for_annotator)
              AND NOT EXISTS (SELECT FROM workforce_barred b WHERE b.task_id = s.task_id AND b.annotator_id = for_annotator)
            ORDER BY s.rank LIMIT 1 FOR NO KEY UPDATE OF s SKIP LOCKED;
            CONTINUE WHEN NOT FOUND;
            passed := before + nummultirange(numrange(0, place));
            IF nummultirange(range_merge(passed)) <> passed AND (SELECT count(*) FROM unnest(passed)) > at_most THEN
                passed := nummultirange(numrange(0, place)) + (
                    SELECT range_agg(g) FROM (SELECT g FROM unnest(passed) g ORDER BY g DESC LIMIT at_most / 2) AS last);
            END IF;
            RETURN NEXT;
            RETURN;
        END LOOP;
    END
    $$
"""
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
        ("workforce", "0037_alerts_about_readings"),
    ]

    operations = [
        migrations.RunSQL(SLOT_AHEAD, "DROP FUNCTION workforce_slot_ahead"),
        migrations.RunSQL("DROP FUNCTION workforce_next_slot", NEXT_SLOT),
    ]
