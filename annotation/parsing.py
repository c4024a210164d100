"""What somebody says of an item, checked against the version that it was served under. Nothing changes here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from specs import schema, versions
from specs.problems import Problem
from specs.refusals import Invalid
from specs.schema import BadAnswer

NO_CLAUSE = "no-clause-fits"


def parse(
    version: versions.ReadVersion, given: Mapping[str, Any], payload: Mapping[str, Any]
) -> dict[str, Any]:
    """The values that were *given*, checked against the questions of the version. Raises `Invalid` naming each question."""
    try:
        return schema.parse_answer(version.questions, given, payload)
    except BadAnswer as error:
        raise Invalid(
            _("The answer does not fit the questions."),
            problems=[problem.as_dict() for problem in error.problems],
        ) from error


def citations(
    version: versions.ReadVersion, cited: Mapping[str, Sequence[str]], values: Mapping[str, Any]
) -> tuple[list[str], list[int | None]]:
    """Cited clauses as parallel lists of question and clause id (None: no clause fits). Raises `Invalid`."""
    found: list[Problem] = []
    rows: dict[tuple[str, int | None], None] = {}
    for question, keys in cited.items():
        if question not in values:
            found.append(Problem(f"question {question}", _("is cited for, but has no answer")))
            continue
        for key in keys:
            clause = version.clause(key)
            if clause is None and key != NO_CLAUSE:
                found.append(
                    Problem(
                        f"question {question}",
                        _("%(key)r is no clause of version %(version_number)s")
                        % {"key": key, "version_number": version.number},
                    )
                )
            else:
                rows[question, clause.id if clause else None] = None
    for asked in version.questions:
        key = asked["key"]
        if (
            asked.get("cite") == "always"
            and key in values
            and not any(question == key for question, _ in rows)
        ):
            found.append(
                Problem(f"question {key}", _("needs the clause that the answer rests on, or that none fits"))
            )
    if found:
        raise Invalid(_("The citations do not fit."), problems=[problem.as_dict() for problem in found])
    return [question for question, _ in rows], [clause for _, clause in rows]
