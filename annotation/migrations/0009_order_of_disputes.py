"""The work on a dispute knows how far its answers differ and since when: what an adjudication queue can be ordered by."""

from django.db import migrations

FILL = """
    UPDATE workforce_task t SET disagreement = least(1, greatest(0, d.disagreement)), disputed_at = d.opened_at
    FROM annotation_dispute d WHERE d.work_id = t.id AND t.state = 'open'
"""


class Migration(migrations.Migration):
    dependencies = [("annotation", "0008_precedent_revisions"), ("workforce", "0022_order_policies")]
    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
