"""Tags: words that items are marked with, made when somebody first uses one.

(nothing) -> tag: tag
"""

from __future__ import annotations

import re

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import Tag
from specs import ledger
from specs.models import Member, Project
from specs.refusals import Invalid

MAX_TAG = 64


def tag(*, project: Project, key: str, by: Member) -> Tag:
    """The project's tag of that name, new if it was not there. Raises `Invalid`."""
    key = key.strip().lower()
    if not re.fullmatch(rf"[a-z0-9][a-z0-9-]{{0,{MAX_TAG - 1}}}", key):
        message = _("A tag is a word of small letters a to z, digits and hyphens, at most %(n)s.") % {
            "n": MAX_TAG
        }
        raise Invalid(message, problems=[{"where": "tag", "message": message}])
    with transaction.atomic():
        found = Tag.objects.filter(project=project, key=key).first()
        if found is not None:
            return found
        if Tag.objects.filter(project=project).count() >= settings.MAX_TAGS:
            raise Invalid(_("A project has at most %(n)s tags.") % {"n": settings.MAX_TAGS})
        made, new = Tag.objects.get_or_create(project=project, key=key, defaults={"made_by": by})
        if new:
            ledger.record(
                project_id=project.pk, kind="tag.made", by=by, subject=("tag", made.pk), data={"key": key}
            )
    return made
