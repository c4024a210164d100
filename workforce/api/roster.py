"""The roster by REST: annotators, skills, availability, pausing, and what a queue asks of whoever claims in it."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.views import PAGING
from specs.models import Clause, Spec
from workforce import availability, departing, queues, roster, skills
from workforce.api import roster_shapes as shapes
from workforce.api.base import QueueView, WorkView, version_of
from workforce.models import Annotator, AnnotatorSkill, Queue, Skill

FILTERS = [OpenApiParameter(name, str, description="As on the roster page.") for name in roster.FILTERS]


class Roster(ApiView):
    policies = {"get": allows("member.read")}

    @operation("List annotators", gives=shapes.RosterPage, parameters=[*PAGING, *FILTERS], name="roster_list")
    def get(self, request: Request, project: str) -> Response:
        asked = {name: request.query_params.get(name, "") for name in roster.FILTERS}
        found, before = self.page(roster.find(project=self.project, asked=asked), request)
        return Response({"annotators": [entry(row) for row in roster.rows_of(found)], "next_before": before})


def entry(row: roster.Row) -> dict[str, Any]:
    one = row.annotator
    user = one.member.user if one.member else None
    return {
        "pseudonym": one.pseudonym,
        "username": user.username if user else None,
        "kind": one.kind,
        "state": one.state,
        "languages": one.languages,
        "time_zone": one.time_zone,
        "weekday_hours": one.weekday_hours,
        "away_until": row.away_until,
        "cohorts": row.cohorts,
        "skills": shapes.HeldSkill(row.skills, many=True).data,
        "n_queues": row.n_queues,
        "n_held": row.n_held,
        "last_answer_at": row.last_at,
    }


class AnnotatorView(ApiView):
    """Base of the routes below one annotator."""

    def annotator(self) -> Annotator:
        rows = Annotator.objects.select_related("member__user")
        return get_or_404(rows, project=self.project, pseudonym=self.kwargs["pseudonym"])

    def answer(self, annotator: Annotator) -> Response:
        return Response(entry(roster.rows_of([annotator])[0]))


class RosterOne(AnnotatorView):
    policies = {"get": allows("member.read"), "put": allows("people.manage")}

    @operation("See one annotator", gives=shapes.RosterEntry, name="roster_read")
    def get(self, request: Request, project: str, pseudonym: str) -> Response:
        return self.answer(self.annotator())

    @operation(
        "Say when and in which languages an annotator works",
        takes=shapes.Description,
        gives=shapes.RosterEntry,
        name="roster_describe",
    )
    def put(self, request: Request, project: str, pseudonym: str) -> Response:
        found = self.annotator()
        body = self.body(shapes.Description, request)
        availability.describe(annotator=found, by=self.member, **body)
        return self.answer(self.annotator())


class Pause(AnnotatorView):
    policies = {"post": allows("people.manage")}

    @operation("Pause an annotator: leases return", gives=shapes.RosterEntry, name="roster_pause")
    def post(self, request: Request, project: str, pseudonym: str) -> Response:
        departing.pause(annotator=self.annotator(), by=self.member)
        return self.answer(self.annotator())


class Resume(AnnotatorView):
    policies = {"post": allows("people.manage")}

    @operation("Let an annotator work again", gives=shapes.RosterEntry, name="roster_resume")
    def post(self, request: Request, project: str, pseudonym: str) -> Response:
        departing.resume(annotator=self.annotator(), by=self.member)
        return self.answer(self.annotator())


class HeldSkills(AnnotatorView):
    policies = {"post": allows("people.manage")}

    @operation("Grant a skill", takes=shapes.Grant, gives=shapes.HeldSkill, status=201, name="skill_grant")
    def post(self, request: Request, project: str, pseudonym: str) -> Response:
        body = self.body(shapes.Grant, request)
        spec = (
            get_or_404(Spec.objects.all(), project=self.project, key=body["spec"]) if body["spec"] else None
        )
        if spec is None and (body["version"] or body["clause"]):
            raise Http404
        held = skills.grant(
            annotator=self.annotator(),
            skill=get_or_404(Skill, project=self.project, key=body["skill"]),
            level=body["level"],
            until=body["until"],
            version=version_of(spec, body["version"]) if spec and body["version"] else None,
            clause=get_or_404(Clause, project=self.project, spec=spec, key=body["clause"])
            if spec and body["clause"]
            else None,
            by=self.member,
        )
        return Response(shapes.HeldSkill(held).data, status=201)


class HeldSkillOne(AnnotatorView):
    policies = {"delete": allows("people.manage")}

    @operation("Revoke a skill; it stays on record", status=204, name="skill_revoke")
    def delete(self, request: Request, project: str, pseudonym: str, held: int) -> Response:
        row = get_or_404(AnnotatorSkill, project=self.project, annotator=self.annotator(), pk=held)
        skills.revoke(held=row, by=self.member)
        return Response(status=204)


class Skills(ApiView):
    policies = {"get": allows("member.read"), "post": allows("people.manage")}

    @operation("List the skills", gives=shapes.SkillList, name="skills_list")
    def get(self, request: Request, project: str) -> Response:
        rows = Skill.objects.filter(project=self.project).order_by("key")
        return Response({"skills": shapes.SkillShape(rows, many=True).data})

    @operation(
        "Create a skill", takes=shapes.SkillShape, gives=shapes.SkillShape, status=201, name="skill_create"
    )
    def post(self, request: Request, project: str) -> Response:
        made = skills.create(project=self.project, by=self.member, **self.body(shapes.SkillShape, request))
        return Response(shapes.SkillShape(made).data, status=201)


class Me(WorkView):
    policies = {"put": allows("work.label")}

    @operation(
        "Say when and in which languages you work", takes=shapes.Description, status=204, name="me_describe"
    )
    def put(self, request: Request, project: str) -> Response:
        availability.describe(
            annotator=self.annotator(), by=self.member, **self.body(shapes.Description, request)
        )
        return Response(status=204)


class MeAway(WorkView):
    policies = {"post": allows("work.label")}

    @operation("Say when you are away", takes=shapes.Away, status=204, name="me_away")
    def post(self, request: Request, project: str) -> Response:
        availability.go_away(annotator=self.annotator(), by=self.member, **self.body(shapes.Away, request))
        return Response(status=204)


class MePause(WorkView):
    policies = {"post": allows("work.label")}

    @operation("Pause: what you hold is given back", status=204, name="me_pause")
    def post(self, request: Request, project: str) -> Response:
        departing.pause(annotator=self.annotator(), by=self.member)
        return Response(status=204)


class MeResume(WorkView):
    policies = {"post": allows("work.label")}

    @operation("Come back from a pause of your own", status=204, name="me_resume")
    def post(self, request: Request, project: str) -> Response:
        departing.resume(annotator=self.annotator(), by=self.member)
        return Response(status=204)


class QueueRequirement(QueueView):
    policies = {"get": allows("queue.read"), "put": allows("queue.manage")}

    @operation("See what a queue asks of annotators", gives=shapes.RequirementMet, name="queue_requirement")
    def get(self, request: Request, project: str, queue: str) -> Response:
        return Response(self.met())

    @operation(
        "Change what a queue asks of annotators",
        takes=shapes.Requirement,
        gives=shapes.RequirementMet,
        name="queue_require",
    )
    def put(self, request: Request, project: str, queue: str) -> Response:
        body, found = self.body(shapes.Requirement, request), self.queue()
        key, clause = body["skill"], body["clause"]
        queues.change_settings(
            queue=found,
            by=self.member,
            required_skill=get_or_404(Skill, project=self.project, key=key) if key else None,
            required_level=body["level"],
            required_clause=get_or_404(Clause, project=self.project, spec=found.spec_id, key=clause)
            if clause
            else None,
            required_languages=body.get("languages", []),
        )
        return Response(self.met())

    def met(self) -> dict[str, Any]:
        rows = Queue.objects.select_related("required_skill", "required_clause", "version")
        found = get_or_404(rows, project=self.project, key=self.kwargs["queue"])
        n_enrolled, n_able = skills.n_able(queue=found)
        return {
            "skill": found.required_skill.key if found.required_skill else None,
            "level": found.required_level,
            "clause": found.required_clause.key if found.required_clause else None,
            "languages": found.required_languages,
            "n_enrolled": n_enrolled,
            "n_able": n_able,
        }
