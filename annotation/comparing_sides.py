"""What the console shows of a dispute: per question the sides, compared as its kind does; and the law beside it. Read only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from annotation import presenting, sides
from annotation.models import CAUSES_IN_THE_SPEC, Annotation, Cause, Dispute
from specs import posing, precedents, task_types, versions
from workforce import categories, leasing

CAUSE_KEYS = {
    Cause.ANNOTATOR_ERRED: "e",
    Cause.CLAUSE_AMBIGUOUS: "a",
    Cause.CLAUSE_MISSING: "m",
    Cause.ITEM_UNCLEAR: "i",
    Cause.PLURAL: "p",
    Cause.LABEL_MISSING: "l",
}


def compared(
    dispute: Dispute,
    version: versions.ReadVersion,
    *,
    answers: Sequence[Annotation],
    form: Mapping[str, Any],
    declared: Any,
    hidden: bool,
) -> dict[str, Any]:
    """`questions`, `fields`, `declined`, `cannot`: nothing of the task's counted *answers* where they are *hidden*."""
    said = [] if hidden else sides.voices(dispute.task_id, answers=answers)
    there = sides.of(dispute, version, said=said)
    questions = [
        _question(dispute, version.question(key), there.get(key, []), form) for key in dispute.questions
    ]
    declined = sides.declined(dispute, said=said)
    return {
        "questions": questions,
        "fields": presenting.fields(
            dispute.task.item.payload,
            declared=declared,
            without=posing.shown_by([one["question"] for one in questions if one["overlay"]]),
        ),
        "declined": [(categories.title(one), n) for one, n in declined.items()],
        "cannot": categories.offered(dispute.task.queue),
    }


def _question(
    dispute: Dispute, question: dict[str, Any], there: list[sides.Side], form: Mapping[str, Any]
) -> dict[str, Any]:
    kind = task_types.get(question["kind"])
    payload = dispute.task.item.payload
    posed = posing.pose(
        {**question, "shown_when": None, "title": _("Another answer"), "help": "", "required": True},
        payload,
        value=kind.entered(question, form),
    )
    chosen = {side.key for side in there}
    kept = form.getlist(f"keep.{question['key']}") if hasattr(form, "getlist") else None
    return {
        "question": question,
        "sides": there,
        "kept": chosen if not kept else set(kept),
        "others": [one for one in posed.options if kind.one_of_options and one["value"] not in chosen],
        "posed": None if kind.one_of_options else posed,
        "overlay": kind.overlay(question, payload, [(", ".join(side.letters), side.value) for side in there])
        if there
        else None,
        "overlaid": f"task_types/{question['kind']}_overlay.html",
        "value": form.get(f"q.{question['key']}")
        if kind.one_of_options
        else form.get(f"side.{question['key']}"),
    }


def beside(dispute: Dispute, version: versions.ReadVersion, lease: leasing.Served | None) -> dict[str, Any]:
    """The clauses of the version, those that decide what is disputed first, with their precedents; and the causes."""
    return {
        "clauses": sorted(
            version.clauses, key=lambda c: (not any(c.decides(q) for q in dispute.questions), c.position)
        ),
        "causes": [
            (cause.value, cause.label, CAUSE_KEYS[cause], cause in CAUSES_IN_THE_SPEC) for cause in Cause
        ],
        "precedents": precedents.served(
            version_id=version.id, version_digest=version.digest, digest=lease.served_digest if lease else ""
        ),
    }


def values(dispute: Dispute, version: versions.ReadVersion) -> dict[str, dict[str, Any]]:
    """Per question the value of each side by its key."""
    return {key: {one.key: one.value for one in there} for key, there in sides.of(dispute, version).items()}
