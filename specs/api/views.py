"""Specs, drafts, versions and jobs by REST; the transitions are the pages' own."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from specs import contents, drafting, publishing, restructuring, running
from specs.access import allows, get_or_404
from specs.api import shapes
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.models import DraftClause, Job, Spec, SpecVersion
from specs.versions import keys_of

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
        """The version of that number; a trial under `trial-<id>`, the draft under `draft` for who may speak of it."""
        if number == "draft" and "spec.discuss" not in self.bearer.permissions:
            raise Http404
        rows = SpecVersion.objects.select_related("spec__project", "based_on", "project")
        return get_or_404(rows, project=self.project, spec=self.spec(), **keys_of(number))


class Draft(SpecView):
    policies = {"get": allows("spec.discuss"), "post": allows("spec.edit"), "delete": allows("spec.edit")}

    @operation("Read the draft", gives=shapes.Draft, name="draft_read")
    def get(self, request: Request, project: str, spec: str) -> Response:
        return Response(draft_as_json(self.draft()))

    @operation(
        "Open a draft from the newest version, or find the open one", gives=shapes.Draft, name="draft_open"
    )
    def post(self, request: Request, project: str, spec: str) -> Response:
        return Response(draft_as_json(drafting.open_draft(spec=self.spec(), by=self.member)))

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
        return Response(draft_as_json(draft))


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

    @operation(
        "Withdraw a clause from the draft",
        status=204,
        name="draft_clause_withdraw",
        parameters=[
            OpenApiParameter(
                "revision", int, description="The revision that was seen; an older one is refused."
            )
        ],
    )
    def delete(self, request: Request, project: str, spec: str, clause: str) -> Response:
        seen = request.query_params.get("revision", "")
        drafting.withdraw_clause(
            clause=self.clause(), revision=int(seen) if seen.isdecimal() else None, by=self.member
        )
        return Response(status=204)


class DraftClauseMove(SpecView):
    policies = {"post": allows("spec.edit")}

    @operation(
        "Move a clause to another place", takes=shapes.Move, gives=shapes.Draft, name="draft_clause_move"
    )
    def post(self, request: Request, project: str, spec: str, clause: str) -> Response:
        restructuring.move_clause(clause=self.clause(), by=self.member, **self.body(shapes.Move, request))
        return Response(draft_as_json(self.draft()))


class DraftClauseSplit(SpecView):
    policies = {"post": allows("spec.edit")}

    @operation(
        "Split a clause: the named blocks make a clause of their own",
        takes=shapes.Split,
        gives=shapes.ClauseOut,
        status=201,
        name="draft_clause_split",
    )
    def post(self, request: Request, project: str, spec: str, clause: str) -> Response:
        made = restructuring.split_clause(
            clause=self.clause(), by=self.member, **self.body(shapes.Split, request)
        )
        return Response(_clause(made), status=201)


class DraftClauseMerge(SpecView):
    policies = {"post": allows("spec.edit")}

    @operation(
        "Merge another clause into this one",
        takes=shapes.Merge,
        gives=shapes.ClauseOut,
        name="draft_clause_merge",
    )
    def post(self, request: Request, project: str, spec: str, clause: str) -> Response:
        into, body = self.clause(), self.body(shapes.Merge, request)
        other = get_or_404(
            DraftClause.objects.select_related("clause", "version"),
            project=self.project,
            version=into.version,
            clause__key=body.pop("other"),
        )
        return Response(_clause(restructuring.merge_clauses(into=into, other=other, by=self.member, **body)))


class DraftClauseConfirm(SpecView):
    policies = {"post": allows("spec.edit")}

    @operation("Confirm a clause that came out of a document", status=204, name="draft_clause_confirm")
    def post(self, request: Request, project: str, spec: str, clause: str) -> Response:
        drafting.confirm_clause(clause=self.clause(), by=self.member)
        return Response(status=204)


class DraftSections(SpecView):
    policies = {"post": allows("spec.edit")}

    @operation(
        "Rename a section", takes=shapes.RenameSection, gives=shapes.Draft, name="draft_section_rename"
    )
    def post(self, request: Request, project: str, spec: str) -> Response:
        draft = self.draft()
        restructuring.rename_section(draft=draft, by=self.member, **self.body(shapes.RenameSection, request))
        return Response(draft_as_json(draft))


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
        content = contents.content(version)
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
    policies = {"post": allows("job.read")}

    @operation("Ask a job to stop", gives=shapes.JobShape, name="job_cancel")
    def post(self, request: Request, project: str, job: int) -> Response:
        found = get_or_404(Job, project=self.project, pk=job)
        running.cancel(job=found, by=self.member)
        found.refresh_from_db()
        return Response(shapes.JobShape(found).data)


def draft_as_json(draft: SpecVersion) -> dict[str, Any]:
    """A draft whole."""
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
        "ancestors": clause.ancestors,
        "unseen": clause.unseen,
    }
