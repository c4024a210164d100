"""The path that newcomers go in a queue: its stages with their thresholds, set as a whole.

    (nothing) or other stages -> these stages: lay

Who is enrolled already stays where she is. A stage that is gone is passed by whoever stood in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from specs import ledger
from specs.models import Member
from specs.refusals import Invalid
from specs.wording import number
from workforce import intervals, onboarding
from workforce.models import PathStage, Queue, Stage
from workforce.progressing import ORDER

TERMS: dict[str, tuple[str, ...]] = {
    Stage.READ: (),
    Stage.QUIZ: (),
    Stage.PRACTICE: ("wanted", "share", "sure", "at_most"),
    Stage.SHADOW: ("wanted", "share", "sure", "at_most"),
    Stage.PROBATION: ("wanted", "days", "share", "review_share", "gold_share"),
}
"""What each stage can be told."""
_CHANGE = ("wanted", "share", "sure", "at_most", "days", "review_share", "gold_share")
USUAL: dict[str, dict[str, Any]] = {
    Stage.READ: {},
    Stage.QUIZ: {},
    Stage.PRACTICE: {"wanted": 10, "share": 0.8, "sure": False, "at_most": 30},
    Stage.SHADOW: {"wanted": 10, "share": 0.7, "sure": False, "at_most": 30},
    Stage.PROBATION: {"wanted": 100, "days": 14, "share": 0.8, "review_share": 0.5, "gold_share": 0.15},
}
"""A path to begin with."""


def stages(*, queue: Queue) -> list[PathStage]:
    """The stages of a queue's path, in their order."""
    return sorted(PathStage.objects.filter(queue=queue), key=lambda one: ORDER.index(one.stage))


def terms(*, queue: Queue) -> dict[str, dict[str, Any]]:
    """A queue's path as `lay` takes it."""
    return {one.stage: {name: getattr(one, name) for name in TERMS[one.stage]} for one in stages(queue=queue)}


def lay(*, queue: Queue, path: Mapping[str, Mapping[str, Any]], by: Member) -> list[PathStage]:
    """Give a queue these stages, each with its terms; none at all is no path. Harmless to repeat.

    Raises `Invalid` with a problem for each term that makes no sense, at `<stage>.<term>`.
    """
    if queue.purpose not in onboarding.PURPOSES:
        raise Invalid(_("Only a queue of labelling, relabelling or training has a path for newcomers."))
    wanted, problems = _rows(queue, path)
    if problems:
        raise Invalid(_("This path does not make sense."), problems=problems)
    with transaction.atomic():
        Queue.objects.select_for_update(no_key=True).get(pk=queue.pk)
        before = {one.stage: one for one in stages(queue=queue)}
        for stage in before.keys() - wanted.keys():
            before[stage].delete()
        for stage, row in wanted.items():
            if stage in before:
                row.pk = before[stage].pk
                row.save(update_fields=_CHANGE)
            else:
                row.save()
        if _said(before) != _said(wanted):
            ledger.record(
                project_id=queue.project_id,
                kind="path.laid",
                by=by,
                subject=("queue", queue.pk),
                data={"before": _said(before), "after": _said(wanted)},
            )
    return stages(queue=queue)


def _said(rows: Mapping[str, PathStage]) -> dict[str, dict[str, Any]]:
    return {
        stage: {
            name: str(value) if isinstance(value := getattr(rows[stage], name), float) else value
            for name in TERMS[stage]
        }
        for stage in ORDER
        if stage in rows
    }


def _rows(
    queue: Queue, path: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, PathStage], list[dict[str, str]]]:
    rows: dict[str, PathStage] = {}
    problems: list[dict[str, str]] = []
    for stage, terms in path.items():
        if stage not in TERMS:
            problems.append({"where": stage, "message": _("is no stage")})
            continue
        unknown = set(terms) - set(TERMS[stage])
        problems += [
            {"where": f"{stage}.{name}", "message": _("is no term of this stage")} for name in sorted(unknown)
        ]
        rows[stage] = PathStage(
            project_id=queue.project_id,
            queue=queue,
            stage=stage,
            **{name: value for name, value in terms.items() if name not in unknown},
        )
        problems += [{"where": f"{stage}.{name}", "message": said} for name, said in _wrong(rows[stage])]
    return rows, problems


def _wrong(row: PathStage) -> list[tuple[str, str]]:
    """What the constraints would refuse, in words; and what nobody could reach."""
    try:
        unset = [] if row.days is not None else ["days"]
        row.clean_fields(exclude=["project", "queue", *unset])
    except ValidationError as error:
        return [(name, " ".join(said)) for name, said in error.message_dict.items()]
    if row.stage in onboarding.MINTED:
        best = intervals.share(row.wanted, row.wanted).low
        if row.wanted < 1:
            return [("wanted", _("is at least 1"))]
        if row.at_most < row.wanted:
            return [("at_most", _("is at least what is wanted"))]
        if row.sure and best < row.share:
            return [
                (
                    "share",
                    _("cannot be reached for sure: all of %(wanted)s right says no more than %(best)s")
                    % {"wanted": row.wanted, "best": number(best, 2)},
                )
            ]
    if row.stage == Stage.PROBATION and not row.wanted and row.days is None:
        return [("wanted", _("give a number of answers, or of days"))]
    return []
