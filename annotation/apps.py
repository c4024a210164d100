from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class AnnotationConfig(AppConfig):
    name = "annotation"
    label = "annotation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """What happens to an item's parts is told in the item's line."""
        from specs import delivering

        delivering.part_of("annotation", "task", model="annotation.Annotation")
        delivering.part_of("dispute", "task", model="annotation.Dispute")
        delivering.part_of("resolution", "task", model="annotation.Resolution")
        delivering.topic("snapshot.frozen", gettext_lazy("A snapshot was frozen"))
        delivering.topic("tasks.resolved", gettext_lazy("So many more tasks are settled"))
        delivering.topic("clause.flagged", gettext_lazy("A clause is called ambiguous"))
