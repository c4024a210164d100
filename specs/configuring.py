"""A labelling configuration of Label Studio becomes a draft's questions.

draft -> draft, with other questions: take
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from specs import drafting, label_config, schema
from specs.models import Member, SpecVersion
from specs.refusals import Invalid


def look(text: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The questions that a configuration asks, and what of it has no place here; writes nothing. Raises `Invalid`."""
    try:
        questions, left_out = label_config.read(text)
    except label_config.BadConfig as error:
        raise Invalid(str(error)) from error
    found = schema.problems(questions)
    if found:
        raise Invalid(
            _("The questions cannot be asked like this."), problems=[problem.as_dict() for problem in found]
        )
    return questions, left_out


def take(*, draft: SpecVersion, text: str, by: Member | None) -> list[str]:
    """Replace the draft's questions with those of a configuration; returns what has no place here. Raises `Invalid`."""
    questions, left_out = look(text)
    drafting.set_questions(draft=draft, questions=questions, by=by)
    return left_out
