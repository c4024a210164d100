"""The items behind a verdict, with their readings side by side: what was said, on which clauses, by whom as far as one may see.

Read live, for the few items that were kept with the verdict; nothing changes here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from annotation import presenting
from annotation.models import AgreementReport, Annotation, Citation, Dispute, DisputeState
from specs import task_types
from specs.versions import ReadVersion
from workforce.models import Item

SHOWN = 20


@dataclass(frozen=True)
class Said:
    """Who gave a reading, a pseudonym or a letter, and the clauses that she cited."""

    name: str
    pseudonym: bool
    cites: list[str]


@dataclass
class Reading:
    """One value, and who said it."""

    title: str
    said: list[Said] = field(default_factory=list)


@dataclass(frozen=True)
class Case:
    item: Item
    fields: list[presenting.Field]
    readings: list[Reading]
    dispute: Dispute | None


def cases(
    *, items: Sequence[int], report: AgreementReport, version: ReadVersion, named: bool, shown: int = SHOWN
) -> list[Case]:
    """The first *shown* items with every reading that counted, the most frequent first. Four queries.

    With *named* people stand by pseudonym, but never while a dispute about the item is open: who rules on it must not know.
    """
    wanted = list(items[:shown])
    answers = _answers(wanted, report)
    cited = _cited([answer.pk for rows in answers.values() for answer in rows], report.question, version)
    disputes: dict[int, Dispute] = {}
    for dispute in (
        Dispute.objects.filter(
            task__item__in=wanted,
            task__queue__spec=report.spec_id,
            state__in=[DisputeState.OPEN, DisputeState.DECIDED],
        )
        .select_related("task")
        .order_by("pk")
    ):
        disputes[dispute.task.item_id] = dispute
    found = Item.objects.in_bulk(wanted)
    return [
        Case(
            found[pk],
            presenting.fields(found[pk].payload),
            _readings(
                answers.get(pk, []),
                cited,
                report.question,
                version,
                named=named and not (pk in disputes and disputes[pk].state == DisputeState.OPEN),
            ),
            disputes.get(pk),
        )
        for pk in wanted
        if pk in found
    ]


def _answers(items: Sequence[int], report: AgreementReport) -> dict[int, list[Annotation]]:
    rows = (
        Annotation.objects.counted()
        .filter(
            task__item__in=items,
            task__purpose="work",
            version__spec=report.spec_id,
            version__meaning=report.meaning,
            annotator__kind__in=["person", "imported"],
            values__has_key=report.question,
        )
        .select_related("task", "annotator")
        .order_by("pk")
    )
    if report.queue_id:
        rows = rows.filter(queue=report.queue_id)
    found: dict[int, list[Annotation]] = {}
    for row in rows:
        found.setdefault(row.task.item_id, []).append(row)
    return found


def _cited(answers: Sequence[int], question: str, version: ReadVersion) -> dict[int, list[str]]:
    names = {clause.id: f"§{clause.number}" for clause in version.clauses}
    found: dict[int, list[str]] = {}
    rows = Citation.objects.filter(annotation__in=answers, question=question).order_by("pk")
    for annotation, clause in rows.values_list("annotation", "clause"):
        name = names.get(clause, _("an earlier clause")) if clause else _("no clause fits")
        found.setdefault(annotation, []).append(name)
    return found


def _readings(
    answers: Sequence[Annotation],
    cited: dict[int, list[str]],
    question: str,
    version: ReadVersion,
    *,
    named: bool,
) -> list[Reading]:
    asked = version.question(question)
    kind = task_types.get(asked["kind"])
    found: dict[str, Reading] = {}
    for place, answer in enumerate(answers):
        title = kind.describe(asked, answer.values[question])
        name = answer.annotator.pseudonym if named else f"{_letter(place)}"
        found.setdefault(title, Reading(title)).said.append(Said(name, named, cited.get(answer.pk, [])))
    return sorted(found.values(), key=lambda reading: -len(reading.said))


def _letter(place: int) -> str:
    """A, B, ... Z, A1, B1, ..."""
    return chr(ord("A") + place % 26) + (str(place // 26) if place >= 26 else "")
