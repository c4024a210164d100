"""What annotators are qualified in.

(nothing) -> skill: create
without -> with: grant (a grant in force with other terms is revoked first)
with -> without: revoke; by itself when its time is over
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.utils.translation import gettext as _

from specs import clauses as clause_shape
from specs import ledger
from specs.models import Clause, Member, Project, SpecVersion
from specs.refusals import Invalid
from workforce import leasing
from workforce.models import Annotator, AnnotatorSkill, Queue, Skill

MAX_LEVEL = 10


def create(*, project: Project, key: str, name: str, description: str = "", by: Member) -> Skill:
    if clause_shape.key_problem(key) or "." in key:
        raise Invalid(_("A skill's key has lower-case letters, digits and hyphens."))
    if not name.strip():
        raise Invalid(_("A skill needs a name."))
    with transaction.atomic():
        skill, new = Skill.objects.get_or_create(
            project=project, key=key, defaults={"name": name.strip(), "description": description.strip()}
        )
        if not new:
            raise Invalid(_("There is a skill %(key)s already.") % {"key": key})
        ledger.record(
            project_id=project.pk, kind="skill.created", by=by, subject=("skill", skill.pk), data={"key": key}
        )
    return skill


def grant(
    *,
    annotator: Annotator,
    skill: Skill,
    level: int = 1,
    until: datetime | None = None,
    version: SpecVersion | None = None,
    clause: Clause | None = None,
    source: str = "person",
    by: Member | None,
) -> AnnotatorSkill:
    """Qualify an annotator, generally or under a version (and those of its meaning) or clause. Harmless to repeat.

    `by` is None when a rule grants; *source* says which.
    """
    if not 1 <= level <= MAX_LEVEL:
        raise Invalid(_("A level lies between 1 and %(max_level)s.") % {"max_level": MAX_LEVEL})
    if until is not None and until <= leasing.database_now():
        raise Invalid(_("A qualification ends after now."))
    if version is not None and clause is not None and version.spec_id != clause.spec_id:
        raise Invalid(_("The clause is one of another spec than the version."))
    with transaction.atomic():
        Annotator.objects.select_for_update(no_key=True).get(pk=annotator.pk)
        held = AnnotatorSkill.objects.filter(
            annotator=annotator, skill=skill, version=version, clause=clause, revoked_at__isnull=True
        ).first()
        if held is not None:
            if (held.level, held.until) == (level, until):
                return held
            _revoke(held, by)
        made = AnnotatorSkill.objects.create(
            project_id=annotator.project_id,
            annotator=annotator,
            skill=skill,
            level=level,
            until=until,
            version=version,
            clause=clause,
            granted_by=by,
            source=source,
        )
        ledger.record(
            project_id=annotator.project_id,
            kind="skill.granted",
            by=by,
            subject=("annotator", annotator.pk),
            data={
                "skill": skill.pk,
                "level": level,
                "until": until.isoformat() if until else None,
                "version": version.pk if version else None,
                "clause": clause.pk if clause else None,
                "source": source,
            },
        )
    return made


def revoke(*, held: AnnotatorSkill, by: Member) -> None:
    """Take a qualification back; the row stays, with who and when. Harmless to repeat."""
    with transaction.atomic():
        locked = AnnotatorSkill.objects.select_for_update(no_key=True).get(pk=held.pk)
        if locked.revoked_at is None:
            _revoke(locked, by)


def _revoke(held: AnnotatorSkill, by: Member | None) -> None:
    held.revoked_at, held.revoked_by = leasing.database_now(), by
    held.save(update_fields=["revoked_at", "revoked_by"])
    ledger.record(
        project_id=held.project_id,
        kind="skill.revoked",
        by=by,
        subject=("annotator", held.annotator_id),
        data={"skill": held.skill_id, "level": held.level},
    )


def with_counts(*, project: Project) -> list[tuple[Skill, int, int]]:
    """Every skill with how many annotators hold it now, and how many queues ask for it."""
    held = dict(
        AnnotatorSkill.objects.valid()
        .filter(project=project)
        .values_list("skill_id")
        .annotate(n=Count("annotator", distinct=True))
    )
    asked = dict(
        Queue.objects.filter(project=project, required_skill__isnull=False)
        .values_list("required_skill_id")
        .annotate(n=Count("pk"))
    )
    rows = Skill.objects.filter(project=project).order_by("name")
    return [(skill, held.get(skill.pk, 0), asked.get(skill.pk, 0)) for skill in rows]


def n_able(*, queue: Queue) -> tuple[int, int]:
    """How many are enrolled in a queue, and how many of them meet what it asks for (as `entering` asks it)."""
    enrolled = Annotator.objects.filter(enrolments__queue=queue, enrolments__active=True)
    able = enrolled.filter(languages__contains=queue.required_languages)
    if queue.required_skill_id is not None:
        meaning = queue.version.meaning if queue.version else None
        able = able.filter(
            Exists(
                AnnotatorSkill.objects.valid().filter(
                    Q(clause__isnull=True) | Q(clause=queue.required_clause_id),
                    Q(version__isnull=True) | Q(version__spec=queue.spec_id, version__meaning=meaning),
                    annotator=OuterRef("pk"),
                    skill=queue.required_skill_id,
                    level__gte=queue.required_level,
                )
            )
        )
    return enrolled.count(), able.count()
