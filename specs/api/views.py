"""Specs, drafts, versions and jobs by REST; the transitions are the pages' own."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from specs import diff, drafting, publishing, running
from specs.access import allows, get_or_404
from specs.api import shapes
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.models import ChangeClass, DraftClause, Job, Spec, SpecVersion

PAGING = [
    OpenApiParameter("before", int, description="Rows older than this id."),
    OpenApiParameter("limit", int, description="How many rows at the most."),
]


class Specs(ApiView):
    policies = {"get": allows("spec.read"), "post": allows("spec.edit")}

    @operation("List the project's specs", gives=shapes.SpecList, name="specs_list")
    def get(self, request: Request, project: str) -> Response:
        rows = Spec.objects.filter(project=self.project).order_by("key")
        return Response({"specs": shapes.SpecShape(rows, many=True).data})

    @operation("Create a spec", takes=shapes.NewSpec, gives=shapes.SpecShape, status=201, name="specs_create")
    def post(self, request: Request, project: str) -> Response:
        spec = drafting.create_spec(
            project=self.project, by=self.member, **self.body(shapes.NewSpec, request)
        )
        return Response(shapes.SpecShape(spec).data, status=201)


class SpecView(ApiView):
    """Base of the routes below one spec."""

    def spec(self) -> Spec:
        return get_or_404(Spec, project=self.project, key=self.kwargs["spec"])

    def draft(self) -> SpecVersion:
        return get_or_404(
            SpecVersion.objects.draft().select_related("based_on", "spec"),
            project=self.project,
            spec=self.spec(),
        )

    def clause(self) -> DraftClause:
        return get_or_404(
            DraftClause.objects.select_related("clause", "version"),
            project=self.project,
            version=self.draft(),
            clause__key=self.kwargs["clause"],
        )

    def version(self, number: str) -> SpecVersion:
        parts = number.split(".")
        if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 9 for part in parts):
            parts = ["-1", "-1", "-1"]
        return get_or_404(
            SpecVersion.objects.published().select_related("spec"),
            project=self.project,
            spec=self.spec(),
            major=int(parts[0]),
            minor=int(parts[1]),
            patch=int(parts[2]),
        )


class Draft(SpecView):
    policies = {"get": allows("spec.read"), "post": allows("spec.edit"), "delete": allows("spec.edit")}

    @operation("Read the draft", gives=shapes.Draft, name="draft_read")
    def get(self, request: Request, project: str, spec: str) -> Response:
        return Response(_draft(self.draft()))

    @operation(
        "Open a draft from the newest version, or find the open one", gives=shapes.Draft, name="draft_open"
    )
    def post(self, request: Request, project: str, spec: str) -> Response:
        return Response(_draft(drafting.open_draft(spec=self.spec(), by=self.member)))

    @operation("Discard the draft", status=204, name="draft_discard")
    def delete(self, request: Request, project: str, spec: str) -> Response:
        drafting.discard_draft(draft=self.draft(), by=self.member)
        return Response(status=204)


class DraftQuestions(SpecView):
    policies = {"put": allows("spec.edit")}

    @operation(
        "Replace the draft's questions", takes=shapes.Questions, gives=shapes.Draft, name="draft_questions"
    )
    def put(self, request: Request, project: str, spec: str) -> Response:
        body = self.body(shapes.Questions, request)
        questions = [dict(question) for question in body["questions"]]
        draft = drafting.set_questions(
            draft=self.draft(), questions=questions, revision=body.get("revision"), by=self.member
        )
        return Response(_draft(draft))


class DraftClauses(SpecView):
    policies = {"post": allows("spec.edit")}

    @operation(
        "Add a clause", takes=shapes.NewClause, gives=shapes.ClauseOut, status=201, name="draft_clause_add"
    )
    def post(self, request: Request, project: str, spec: str) -> Response:
        body = self.body(shapes.NewClause, request)
        body.pop("revision", None)
        return Response(_clause(drafting.add_clause(draft=self.draft(), by=self.member, **body)), status=201)


class DraftClauseView(SpecView):
    policies = {"put": allows("spec.edit"), "delete": allows("spec.edit")}

    @operation(
        "Reword a clause", takes=shapes.ClauseWords, gives=shapes.ClauseOut, name="draft_clause_reword"
    )
    def put(self, request: Request, project: str, spec: str, clause: str) -> Response:
        body = self.body(shapes.ClauseWords, request)
        return Response(_clause(drafting.reword_clause(clause=self.clause(), by=self.member, **body)))

    @operation("Withdraw a clause from the draft", status=204, name="draft_clause_withdraw")
    def delete(self, request: Request, project: str, spec: str, clause: str) -> Response:
        drafting.withdraw_clause(clause=self.clause(), by=self.member)
        return Response(status=204)


class DraftClauseMove(SpecView):
    policies = {"post": allows("spec.edit")}

    @operation(
        "Move a clause to another place", takes=shapes.Move, gives=shapes.Draft, name="draft_clause_move"
    )
    def post(self, request: Request, project: str, spec: str, clause: str) -> Response:
        drafting.move_clause(clause=self.clause(), to=self.body(shapes.Move, request)["to"], by=self.member)
        return Response(_draft(self.draft()))


class Publish(SpecView):
    policies = {"post": allows("spec.publish")}

    @operation(
        "Publish the draft",
        takes=shapes.Publication,
        gives=shapes.VersionShape,
        status=201,
        name="draft_publish",
    )
    def post(self, request: Request, project: str, spec: str) -> Response:
        body = self.body(shapes.Publication, request)
        claimed = (
            ChangeClass(body.pop("change_class"))
            if body.get("change_class")
            else body.pop("change_class", None)
        )
        version = publishing.publish(draft=self.draft(), claimed=claimed, by=self.member, **body)
        return Response(shapes.VersionShape(version).data, status=201)


class Versions(SpecView):
    policies = {"get": allows("spec.read")}

    @operation("List the published versions, newest first", gives=shapes.VersionList, name="versions_list")
    def get(self, request: Request, project: str, spec: str) -> Response:
        rows = SpecVersion.objects.published().filter(spec=self.spec()).newest_first()
        return Response({"versions": shapes.VersionShape(rows, many=True).data})


class Version(SpecView):
    policies = {"get": allows("spec.read")}

    @operation("Read a published version whole", gives=shapes.VersionWhole, name="version_read")
    def get(self, request: Request, project: str, spec: str, number: str) -> Response:
        version = self.version(number)
        content = publishing.content(version)
        clauses = [{**clause, "position": place} for place, clause in enumerate(content["clauses"], 1)]
        return Response(
            {**shapes.VersionShape(version).data, "questions": content["questions"], "clauses": clauses}
        )


class Retire(SpecView):
    policies = {"post": allows("spec.publish")}

    @operation("Retire a version", gives=shapes.VersionShape, name="version_retire")
    def post(self, request: Request, project: str, spec: str, number: str) -> Response:
        return Response(
            shapes.VersionShape(publishing.retire(version=self.version(number), by=self.member)).data
        )


class Compare(SpecView):
    policies = {"get": allows("spec.read")}

    @operation("Compare two versions clause by clause", gives=shapes.Comparison, name="versions_compare")
    def get(self, request: Request, project: str, spec: str, old: str, new: str) -> Response:
        newer = self.draft() if new == "draft" else self.version(new)
        return Response(comparison(publishing.compare(self.version(old), newer)))


class Jobs(ApiView):
    policies = {"get": allows("job.read")}

    @operation(
        "List background jobs, newest first", gives=shapes.JobList, parameters=PAGING, name="jobs_list"
    )
    def get(self, request: Request, project: str) -> Response:
        rows, before = self.page(Job.objects.filter(project=self.project), request)
        return Response({"jobs": shapes.JobShape(rows, many=True).data, "next_before": before})


class JobView(ApiView):
    policies = {"get": allows("job.read")}

    @operation("See one job", gives=shapes.JobShape, name="job_read")
    def get(self, request: Request, project: str, job: int) -> Response:
        return Response(shapes.JobShape(get_or_404(Job, project=self.project, pk=job)).data)


class JobCancel(ApiView):
    policies = {"post": allows("queue.manage")}

    @operation("Ask a job to stop", gives=shapes.JobShape, name="job_cancel")
    def post(self, request: Request, project: str, job: int) -> Response:
        found = get_or_404(Job, project=self.project, pk=job)
        running.cancel(job=found, by=self.member)
        found.refresh_from_db()
        return Response(shapes.JobShape(found).data)


def comparison(difference: diff.Difference) -> dict[str, Any]:
    """A difference as JSON."""
    return {
        "change_class": difference.change_class,
        "clauses": [
            {
                "key": change.key,
                "kind": change.kind,
                "change_class": change.change_class,
                "reasons": [vars(reason) for reason in change.reasons],
            }
            for change in difference.clauses
        ],
        "questions": [vars(reason) for reason in difference.schema],
        "changed_meaning": difference.changed_meaning(),
    }


def _draft(draft: SpecVersion) -> dict[str, Any]:
    clauses = DraftClause.objects.filter(version=draft).select_related("clause").order_by("position")
    return {
        "revision": draft.revision,
        "based_on": draft.based_on.number if draft.based_on else None,
        "questions": draft.questions,
        "clauses": [_clause(clause) for clause in clauses],
    }


def _clause(clause: DraftClause) -> dict[str, Any]:
    return {
        "key": clause.clause.key,
        "position": clause.position,
        "section": clause.section,
        "title": clause.title,
        "blocks": clause.blocks,
        "governs": clause.governs,
        "revision": clause.revision,
    }
