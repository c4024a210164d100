from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class WorkforceConfig(AppConfig):
    name = "workforce"
    label = "workforce"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """What happens to an item's parts is told in the item's line."""
        from specs import delivering

        delivering.part_of("assignment", "task", model="workforce.Assignment")
        delivering.part_of("task", "item", model="workforce.Task")
        delivering.topic("service-level.missed", gettext_lazy("A service level was missed"))
