"""An index over the few events that change what labels rest on, so that a timeline passes by the millions of answers."""

from django.db import migrations

KINDS = (
    "version.published", "version.retired", "queue.version-in-force", "equivalence.declared", "equivalence.withdrawn",
    "relabelling.confirmed", "queue.created", "queue.settings-changed", "split.fixed", "cohort.created",
    "annotator.enrolled", "labels.imported", "items.loaded", "queue.degraded", "queue.restored", "clause-issue.opened",
    "clause-issue.closed", "snapshot.frozen", "training-run.registered",
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [('specs', '0015_preferences')]
    operations = [
        migrations.RunSQL(
            f"CREATE INDEX event_upstream ON specs_event (project_id, id) WHERE kind IN ({', '.join(map(repr, KINDS))})",
            "DROP INDEX event_upstream",
        )
    ]
