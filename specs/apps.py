from django.apps import AppConfig
from django.utils.formats import number_format
from django.utils.translation import gettext

from specs import wording


class SpecsConfig(AppConfig):
    name = "specs"
    label = "specs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """The pure modules say what they say in the language of the page."""
        wording.plug(gettext, _number)


def _number(value: float, digits: int | None) -> str:
    exact = (
        value if digits is None else round(value, digits)
    )  # Django's own formatting cuts off instead of rounding
    return str(number_format(exact, digits, force_grouping=True))
