"""A pilot that asks clause by clause whether it applies: its questions, and what it shows.

The questions take the place of the draft's own in the trial, one for each clause, so a clause is seen without the label that it
would lead to. The gate does not read such a pilot: nobody answered the draft's questions in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.utils.translation import gettext as _

from annotation import answers
from annotation.agreement import activation
from annotation.agreement.activation import Criterion, Overlap
from annotation.agreement.estimate import Estimate
from annotation.models import Pilot
from specs import canonical, contents, numbering, schema, versions
from specs.models import SpecVersion
from specs.refusals import Invalid
from specs.versions import ReadClause

YES, NO = "applies", "not"
OVERLAPS_KEPT = 20
_HELP = 600


@dataclass(frozen=True)
class Reading:
    """Clauses in the order of the trial, those that were not asked left out; `overlaps` name places in it."""

    clauses: list[tuple[ReadClause, Criterion]]
    overlaps: list[tuple[ReadClause, ReadClause, Overlap]]
    none: Estimate
    several: Estimate


def questions(draft: SpecVersion, *, changed: list[str]) -> list[dict[str, Any]]:
    """One question for each clause; where clauses are more than `MAX_QUESTIONS`, for each that the draft changes.

    Raises `Invalid` where those are too many as well.
    """
    clauses = contents.content(draft)["clauses"]
    numbers = numbering.numbers([clause["section"] for clause in clauses])
    asked = [
        (place, number, clause)
        for place, (number, clause) in enumerate(zip(numbers, clauses, strict=True))
        if len(clauses) <= settings.MAX_QUESTIONS or clause["key"] in changed
    ]
    if not 1 <= len(asked) <= settings.MAX_QUESTIONS:
        raise Invalid(
            _(
                "Clauses are asked one by one where they are %(max_questions)s at the most, or as many "
                "change; here %(n_asked)s would be asked."
            )
            % {"max_questions": settings.MAX_QUESTIONS, "n_asked": len(asked)}
        )
    return schema.clean([_question(place, number, clause) for place, number, clause in asked])


def _question(place: int, number: str, clause: dict[str, Any]) -> dict[str, Any]:
    rule = next((block["text"] for block in clause["blocks"] if block.get("type") == "definition"), "")
    return {
        "key": _key(place),
        "kind": "choice",
        "title": _("§%(number)s %(title)s: does it apply?") % {"number": number, "title": clause["title"]},
        "help": rule if len(rule) <= _HELP else f"{rule[: _HELP - 1].rstrip()}…",
        "required": True,
        "cite": "never",
        "labels": [{"value": YES, "title": _("Applies")}, {"value": NO, "title": _("Does not apply")}],
    }


def _key(place: int) -> str:
    """The key of the question about the clause at this place: keys of clauses are no keys of questions."""
    return f"clause_{place + 1}"


def is_of(pilot: Pilot, draft: SpecVersion) -> bool:
    """Whether the pilot asked about exactly the clauses that stand in the draft now."""
    found = canonical.digest(contents.canonical_bytes(draft, questions=pilot.trial.questions))
    return found == pilot.trial.digest


def read(pilot: Pilot) -> Reading:
    """What the pilot says of each clause so far; below `SLICE_ITEMS` items figures are reasons."""
    whole = versions.read(pilot.trial_id)
    known = {question["key"] for question in whole.questions}
    asked = [clause for place, clause in enumerate(whole.clauses) if _key(place) in known]
    read_all = [
        answers.read(answers.Scope(pilot.spec, whole, question["key"])).first()
        for question in whole.questions
    ]
    # every answer answers every question, so the first one's items and answers are those of all
    first = read_all[0]
    columns = []
    for given in read_all:
        place = np.searchsorted(given.answer, first.answer)
        columns.append(given.value[place] == 0 if len(given.answer) else np.zeros(0, dtype=bool))
    applies = np.stack(columns, axis=1) if columns else np.zeros((0, 0), dtype=bool)
    found = activation.of(
        first.item,
        applies,
        n_items=len(first.items),
        minimum=settings.SLICE_ITEMS,
        n_resamples=settings.BOOTSTRAP_RESAMPLES,
    )
    return Reading(
        list(zip(asked, found.criteria, strict=True)),
        [(asked[one.first], asked[one.second], one) for one in found.overlaps[:OVERLAPS_KEPT]],
        found.none,
        found.several,
    )


def as_dict(found: Reading) -> dict[str, Any]:
    """The reading as JSON."""
    return {
        "clauses": [
            {
                "key": clause.key,
                "number": clause.number,
                **{
                    name: getattr(one, name).with_n()
                    for name in ("activation", "near_tie", "agreement", "alpha")
                },
            }
            for clause, one in found.clauses
        ],
        "overlaps": [
            {
                "clause": clause.key,
                "with": other.key,
                "items": one.n,
                "share": round(one.share, 6),
                "low": round(one.low, 6),
                "high": round(one.high, 6),
            }
            for clause, other, one in found.overlaps
        ],
        "none": found.none.with_n(),
        "several": found.several.with_n(),
    }
