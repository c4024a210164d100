"""Which answers a page, a route or a command asks about, from the words it was given."""

from __future__ import annotations

from django.utils.translation import gettext as _

from annotation import measuring
from annotation.answers import Scope
from specs.models import Spec
from specs.refusals import Invalid
from workforce.models import Queue


def of(*, spec: Spec, queue: str = "", question: str = "", meaning: int | None = None) -> Scope:
    """The scope of the first question, in all queues and under the newest answered meaning, where nothing else is said.

    Raises `Invalid` for what does not exist, saying what does.
    """
    found = Queue.objects.filter(spec=spec, key=queue).first() if queue else None
    if queue and found is None:
        raise Invalid(_("%(spec)s has no queue %(queue)s.") % {"spec": spec.key, "queue": queue[:64]})
    version = measuring.version_of(spec, meaning)
    keys = [one["key"] for one in version.questions]
    if question and question not in keys:
        raise Invalid(
            _("There is no question %(question)s. There are: %(keys)s.")
            % {"question": question[:64], "keys": ", ".join(keys)}
        )
    return Scope(spec, version, question or keys[0], found)
