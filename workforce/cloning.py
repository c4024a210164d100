"""A new project that works like another one: its rules, its specs, its queues; no items, no answers, no people but one.

(nothing) -> project: clone_project
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from specs import clauses as clause_shape
from specs import contents, copying, governing, ledger, publishing
from specs.models import Member, Project, Role, Spec, SpecVersion
from specs.refusals import Invalid
from workforce import paths, queues, skills, staffing
from workforce.models import Purpose, Queue, QueueState, Skill


def clone_project(*, source: Project, key: str, name: str, by: Member) -> Project:
    """The project with the source's rules, the newest version of every spec as 1.0.0, and its queues, paused.

    Whoever clones owns the clone. Raises `Invalid` for a key that is taken or none.
    """
    if clause_shape.key_problem(key) or "." in key or "_" in key:
        raise Invalid(_("A project's key has lower-case letters, digits and hyphens."))
    if Project.objects.filter(key=key).exists():
        raise Invalid(_("There is a project %(key)s already, or there was one.") % {"key": key})
    if not name.strip():
        raise Invalid(_("A project needs a name."))
    if by.user is None:
        raise Invalid(_("Only somebody with a log-in can own a project."))
    with transaction.atomic():
        source, project = Project.objects.get(pk=source.pk), Project(key=key)
        project.name = name.strip()
        project.save()
        owner = staffing.add_member(project=project, user=by.user, roles=[Role.OWNER], by=None)
        cloned = {spec.pk: _clone_spec(spec, project, owner) for spec in Spec.objects.filter(project=source)}
        for queue in Queue.objects.filter(project=source).order_by("pk"):
            version = cloned.get(queue.spec_id)
            if version is not None and queue.purpose in (
                Purpose.LABELLING,
                Purpose.CALIBRATION,
                Purpose.TRAINING,
            ):
                _clone_queue(queue, project, version, owner)
        rules = {rule: getattr(source, rule) for rule in governing.SETTINGS if rule != "name"}
        project = governing.change_settings(project=project, by=owner, **rules)
        ledger.record(
            project_id=project.pk,
            kind="project.cloned",
            by=owner,
            subject=("project", project.pk),
            data={"specs": sum(version is not None for version in cloned.values())},
        )
    return project


def _clone_spec(spec: Spec, project: Project, owner: Member) -> SpecVersion | None:
    """The newest version published anew; a spec that was never published stays behind."""
    newest = SpecVersion.objects.published().filter(spec=spec).select_related("spec").newest_first().first()
    if newest is None:
        return None
    draft = copying.clone_spec(version=newest, to=project, key=spec.key, by=owner)
    return publishing.publish(
        draft=draft,
        notes=f"As {spec.title} {newest.number} was when the project was cloned.",
        rationale=f"Cloned; the digest there is {contents.digest_of(newest)}.",
        by=owner,
    )


def _clone_queue(queue: Queue, project: Project, version: SpecVersion, owner: Member) -> None:
    made = queues.create_queue(
        project=project,
        key=queue.key,
        name=queue.name,
        spec=version.spec,
        owner=owner,
        version=version,
        purpose=queue.purpose,
        by=owner,
        **{name: getattr(queue, name) for name in queues.SETTINGS if name != "name"}
        | _wanted(queue, project, version, owner),
    )
    if path := paths.terms(queue=queue):
        paths.lay(queue=made, path=path, by=owner)
    if made.state == QueueState.OPEN:
        queues.pause(queue=made, by=owner)


def _wanted(queue: Queue, project: Project, version: SpecVersion, owner: Member) -> dict[str, Any]:
    """The skill and the clause that a queue asks for, as they are in the clone; nobody holds the skill there yet."""
    skill, clause = queue.required_skill, queue.required_clause
    if skill is not None:
        there = Skill.objects.filter(project=project, key=skill.key).first()
        skill = there or skills.create(
            project=project, key=skill.key, name=skill.name, description=skill.description, by=owner
        )
    if clause is not None:
        clause = version.spec.clauses.filter(key=clause.key).first()
    return {"required_skill": skill, "required_clause": clause}
