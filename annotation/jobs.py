"""Celery's doors into this app; each only calls a transition. Heavy libraries are imported here, not in web processes."""

from __future__ import annotations

from itertools import count
from typing import Any

from celery import current_app, shared_task
from django.conf import settings
from django.utils.translation import gettext_noop
from kombu.exceptions import OperationalError

from annotation import (
    accompanying,
    announcing,
    cataloguing,
    changing_many,
    contrasting,
    falling,
    histories,
    keeping,
    nominating,
    parting,
    prioritising,
    scoping,
    shadowing,
    slicing,
)
from annotation.models import Snapshot
from specs import running
from specs.models import Job, Project, Spec
from workforce import onboarding, retiring
from workforce.models import KnownAnswer, Queue

GATHER = "annotation.gather_evidence"
BUILD, MEASURE, END = "annotation.build_snapshot", "annotation.measure", "annotation.end_exhausted"
FOLLOW = "annotation.follow"
CATALOGUE = "annotation.catalogue"
HELP_BUILD = "annotation.help_build"
FORGET_DRAFTS = "annotation.forget_ended_drafts"
CHANGE_OVERLAP, LEARN = "annotation.change_overlap", "annotation.learn"
TITLES = (
    gettext_noop("Build snapshot"),
    gettext_noop("Contrast snapshots"),
    gettext_noop("Measure"),
    gettext_noop("Change overlap"),
    gettext_noop("Learn"),
    gettext_noop("Import history"),
    gettext_noop("Change many"),
)
"""What pages call these jobs (`Job.title`)."""
FOLLOWED_FOR = 20.0
"""Seconds for which one run counts a history before it lets other projects have their turn."""
SCHEDULE = {
    "end-exhausted-tasks": {"task": END, "schedule": 30.0},
    "follow-answers": {"task": FOLLOW, "schedule": 2.0, "options": {"expires": 2.0}},
    "catalogue-items": {"task": CATALOGUE, "schedule": 2.0, "options": {"expires": 2.0}},
    "move-newcomers-on": {
        "task": "annotation.move_newcomers_on",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "watch-people": {"task": "annotation.watch_people", "schedule": 3600.0, "options": {"expires": 3600.0}},
    "watch-agreement": {
        "task": "annotation.watch_agreement",
        "schedule": 300.0,
        "options": {"expires": 300.0},
    },
    "gather-evidence": {"task": GATHER, "schedule": 60.0, "options": {"expires": 60.0}},
    "keep-gold": {"task": "annotation.keep_gold", "schedule": 3600.0, "options": {"expires": 3600.0}},
    "carry-labels": {
        "task": "annotation.carry_labels",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "forget-ended-drafts": {
        "task": FORGET_DRAFTS,
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "refresh-overlap": {
        "task": "annotation.refresh_overlap",
        "schedule": 300.0,
        "options": {"expires": 300.0},
    },
}


@shared_task(name=histories.JOB)
def import_history(job_id: int) -> None:
    running.run(job_id, lambda job, progress: vars(histories.run(job=job, progress=progress)))


@shared_task(name=END)
def end_exhausted() -> None:
    """What nobody labels, and what was returned and not given anew in time, goes to the leads."""
    from annotation import ending, reviewing

    ending.end_exhausted()
    reviewing.end_overdue()
    reviewing.withdraw_ended()


@shared_task(name=FORGET_DRAFTS)
def forget_ended_drafts() -> None:
    keeping.forget_ended()


@shared_task(name="annotation.move_newcomers_on")
def move_newcomers_on() -> None:
    """Shadow answers whose tasks have ended, then probations that are over by their days."""
    accompanying.compare()
    onboarding.advance_over()


@shared_task(name=FOLLOW)
def follow() -> None:
    """Live sums of the projects in which something happened, or whose history is not counted; who is at it already goes on."""
    from annotation import following

    for project_id in following.behind():
        following.catch_up(project_id=project_id, seconds=FOLLOWED_FOR, wait=False)
    announcing.announce_all()


@shared_task(name=CATALOGUE)
def catalogue() -> None:
    """What items are found by, in the projects in which something happened; who is at it already goes on."""
    for project_id in cataloguing.behind():
        cataloguing.catch_up(project_id=project_id, seconds=FOLLOWED_FOR, wait=False)


@shared_task(name=changing_many.JOB)
def change_many(job_id: int) -> None:
    running.run(job_id, lambda job, progress: changing_many.in_a_job(job=job, progress=progress))


@shared_task(name="annotation.watch_agreement")
def watch_agreement() -> None:
    from annotation import investigating

    for project in Project.objects.all():
        prioritising.catch_up(project_id=project.pk)
        prioritising.mark_flagged(project_id=project.pk)
        falling.watch(project=project)
        parting.watch(project=project)
        investigating.watch(project=project)


@shared_task(name="annotation.keep_gold")
def keep_gold() -> None:
    """Retire known answers by rule, hold those under flagged clauses, free the rest. Running it twice changes nothing more."""
    shadowing.mark_disputed()
    in_use = KnownAnswer.objects.filter(set_aside_at=None)
    for project_id in in_use.order_by().values_list("project", flat=True).distinct():
        nominating.hold_flagged(project_id=project_id)
    for spec in Spec.objects.filter(pk__in=in_use.order_by().values("spec").distinct()).order_by("pk"):
        retiring.retire(spec=spec)


@shared_task(name="annotation.carry_labels")
def carry_labels() -> None:
    """What was asked again and came back: which labels flipped, and whether the samples of plans can end."""
    from annotation import carrying

    carrying.advance_all()


@shared_task(name=BUILD)
def build_snapshot(job_id: int) -> None:
    running.run(job_id, _build)


def _build(job: Job, progress: running.Progress) -> dict[str, Any]:
    from annotation import exporting

    number = job.arguments["snapshot"]
    snapshot = exporting.build(
        snapshot_id=number, progress=progress, call_help=lambda n_parts: _call_help(number, n_parts)
    )
    return {"snapshot": snapshot.pk, "digest": snapshot.digest, "rows": snapshot.n_rows}


def _call_help(snapshot_id: int, n_parts: int) -> None:
    """Tell other workers that there are parts to write. Without a broker this one writes them all."""
    for _one in range(min(n_parts, settings.SNAPSHOT_HELPERS)):
        try:
            current_app.send_task(HELP_BUILD, [snapshot_id], retry=False)
        except (OperationalError, OSError):
            return


@shared_task(name=HELP_BUILD)
def help_build(snapshot_id: int) -> None:
    from annotation import exporting

    exporting.help_build(snapshot_id=snapshot_id)


@shared_task(name=contrasting.JOB)
def contrast_snapshots(job_id: int) -> None:
    running.run(job_id, _contrast)


def _contrast(job: Job, progress: running.Progress) -> dict[str, Any]:
    rows = Snapshot.objects.select_related("version__spec", "project").filter(project_id=job.project_id)
    old, new = (rows.get(pk=job.arguments[name]) for name in ("old", "new"))
    return contrasting.as_dict(contrasting.contrast(old, new, progress=progress))


@shared_task(name=MEASURE)
def measure(job_id: int) -> None:
    from annotation import gathering

    running.run(job_id, _measure)
    gathering.gather_waiting(job=job_id)


@shared_task(name=GATHER)
def gather_evidence() -> None:
    """What the newest reports rest on, where it is not kept yet."""
    from annotation import gathering

    gathering.gather_waiting()


def _measure(job: Job, progress: running.Progress) -> dict[str, Any]:
    from annotation import measuring

    spec = Spec.objects.get(pk=job.arguments["spec"], project_id=job.project_id)
    queue = Queue.objects.filter(pk=job.arguments.get("queue"), project_id=job.project_id).first()
    n_done = count()

    def told(note: str) -> None:
        progress(next(n_done), n_parts, note)

    n_parts = measuring.PARTS * len(measuring.version_of(spec, None).questions)
    reports = measuring.measure(spec=spec, queue=queue, job=job, by=job.requested_by, told=told)
    prioritising.mark_flagged(project_id=job.project_id)
    return {"reports": [report.pk for report in reports]}


@shared_task(name=slicing.JOB)
def slice_answers(job_id: int) -> None:
    running.run(job_id, _slice)


def _slice(job: Job, progress: running.Progress) -> dict[str, Any]:
    asked = dict(job.arguments)
    progress(0, 1, "counting")
    by, field = asked.pop("by"), asked.pop("field")
    spec = Spec.objects.select_related("project").get(pk=asked.pop("spec"), project_id=job.project_id)
    return slicing.as_dict(slicing.read(scoping.of(spec=spec, **asked), by=by, field=field))


@shared_task(name="annotation.refresh_overlap")
def refresh_overlap() -> None:
    """Every five minutes: skills, targets and plans of the queues that decide by themselves."""
    from annotation import learning

    learning.refresh_all()


@shared_task(name=LEARN)
def learn(job_id: int) -> None:
    running.run(job_id, _learn)


def _learn(job: Job, progress: running.Progress) -> dict[str, Any]:
    from annotation import learning

    progress(0, 1, "learning")
    return learning.refresh(queue=Queue.objects.get(pk=job.arguments["queue"], project_id=job.project_id))


@shared_task(name=CHANGE_OVERLAP)
def change_overlap(job_id: int) -> None:
    running.run(job_id, _change_overlap)


def _change_overlap(job: Job, progress: running.Progress) -> dict[str, Any]:
    from annotation import reoverlapping

    queue = Queue.objects.get(pk=job.arguments["queue"], project_id=job.project_id)
    return reoverlapping.change(queue=queue, by=job.requested_by, progress=progress)


@shared_task(name="annotation.watch_people")
def watch_people() -> None:
    from annotation import drifting, leaning, watching

    watching.watch_all()
    for project in Project.objects.all():
        drifting.watch(project=project)
        leaning.watch(project=project)
