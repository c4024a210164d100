"""A block index over when events were recorded: they lie in that order, so an hour of them is found at next to no cost."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("specs", "0005_standing")]
    operations = [
        migrations.RunSQL(
            "CREATE INDEX event_when ON specs_event USING brin (recorded_at)", "DROP INDEX event_when"
        )
    ]
