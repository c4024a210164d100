"""Queues, items, leases and members by REST; the transitions are the pages' own."""

from __future__ import annotations

import io
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from specs import versions
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.parsers import CsvParser, RowsParser
from specs.api.schema import operation
from specs.api.views import PAGING
from specs.models import Member, Spec, SpecVersion
from specs.refusals import Invalid
from workforce import cloning, cohorts, leasing, loading, queues, staffing
from workforce.api import shapes
from workforce.models import Annotator, Cohort, Queue


class QueueView(ApiView):
    """Base of the routes below one queue."""

    def queue(self) -> Queue:
        return get_or_404(_queues(), project=self.project, key=self.kwargs["queue"])


def _queues() -> Any:
    return Queue.objects.select_related("spec", "version", "adjudication_queue", "owner", "project")


def version_of(spec: Spec, number: str) -> SpecVersion:
    """The published version of that number, or 404."""
    parts = number.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 9 for part in parts):
        raise Http404
    return get_or_404(
        SpecVersion.objects.published(),
        project=spec.project,
        spec=spec,
        major=int(parts[0]),
        minor=int(parts[1]),
        patch=int(parts[2]),
    )


class Queues(ApiView):
    policies = {"get": allows("queue.read"), "post": allows("queue.manage")}

    @operation("List the queues with their counts", gives=shapes.QueueList, name="queues_list")
    def get(self, request: Request, project: str) -> Response:
        counted = queues.counts(project=self.project)
        rows = _queues().filter(project=self.project).order_by("key")
        return Response(
            {
                "queues": [
                    {**shapes.QueueShape(queue).data, "counts": counted.get(queue.pk, {})} for queue in rows
                ]
            }
        )

    @operation(
        "Create a queue", takes=shapes.NewQueue, gives=shapes.QueueShape, status=201, name="queues_create"
    )
    def post(self, request: Request, project: str) -> Response:
        body = self.body(shapes.NewQueue, request)
        spec = get_or_404(Spec.objects.select_related("project"), project=self.project, key=body.pop("spec"))
        number = body.pop("version")
        queue = queues.create_queue(
            project=self.project,
            spec=spec,
            owner=self.member,
            by=self.member,
            version=version_of(spec, number) if number else None,
            **body,
        )
        return Response(shapes.QueueShape(queue).data, status=201)


class QueueOne(QueueView):
    policies = {"get": allows("queue.read"), "patch": allows("queue.manage")}

    @operation("See one queue", gives=shapes.QueueCounts, name="queue_read")
    def get(self, request: Request, project: str, queue: str) -> Response:
        found = self.queue()
        counted = queues.counts(project=self.project).get(found.pk, {})
        return Response({**shapes.QueueShape(found).data, "counts": counted})

    @operation(
        "Change a queue's settings", takes=shapes.QueueSettings, gives=shapes.QueueShape, name="queue_change"
    )
    def patch(self, request: Request, project: str, queue: str) -> Response:
        body = self.body(shapes.QueueSettings, request)
        return Response(
            shapes.QueueShape(queues.change_settings(queue=self.queue(), by=self.member, **body)).data
        )


class Pause(QueueView):
    policies = {"post": allows("queue.manage")}

    @operation("Pause a queue", gives=shapes.QueueShape, name="queue_pause")
    def post(self, request: Request, project: str, queue: str) -> Response:
        return Response(shapes.QueueShape(queues.pause(queue=self.queue(), by=self.member)).data)


class Reopen(QueueView):
    policies = {"post": allows("queue.manage")}

    @operation("Reopen a paused queue", gives=shapes.QueueShape, name="queue_reopen")
    def post(self, request: Request, project: str, queue: str) -> Response:
        return Response(shapes.QueueShape(queues.reopen(queue=self.queue(), by=self.member)).data)


class PutInForce(QueueView):
    policies = {"post": allows("spec.roll-back")}

    @operation(
        "Put a version in force", takes=shapes.InForce, gives=shapes.QueueShape, name="queue_put_in_force"
    )
    def post(self, request: Request, project: str, queue: str) -> Response:
        found = self.queue()
        body = self.body(shapes.InForce, request)
        moved = queues.put_in_force(
            queue=found,
            version=version_of(found.spec, body["version"]),
            in_progress=body["in_progress"],
            by=self.member,
        )
        return Response(shapes.QueueShape(moved).data)


class Items(QueueView):
    policies = {"post": allows("queue.manage")}
    parser_classes = [RowsParser, CsvParser]

    @operation(
        "Load items (JSON Lines or CSV) into a queue",
        takes={"application/x-ndjson": OpenApiTypes.BINARY, "text/csv": OpenApiTypes.BINARY},
        gives=shapes.LoadShape,
        status=201,
        name="queue_load",
        parameters=[OpenApiParameter("keep_good_rows", bool), OpenApiParameter("sensitive", bool)],
    )
    def post(self, request: Request, project: str, queue: str) -> Response:
        csv = (request.content_type or "").startswith("text/csv")
        stream = request.data if not isinstance(request.data, dict) else io.BytesIO()
        load = loading.load(
            project=self.project,
            queue=self.queue(),
            source=_Capped(stream, settings.MAX_LOAD_BYTES),  # type: ignore[arg-type]
            name="rest.csv" if csv else "rest.jsonl",
            by=self.member,
            keep_good_rows=request.query_params.get("keep_good_rows") in ("1", "true"),
            sensitive=request.query_params.get("sensitive") in ("1", "true"),
        )
        return Response(shapes.LoadShape(load).data, status=201)


class _Capped:
    """A stream of lines that ends with a refusal beyond a limit."""

    def __init__(self, source: Any, limit: int) -> None:
        self.source, self.left = source, limit

    def readline(self, size: int = -1) -> bytes:
        return self._counted(self.source.readline(size) if size >= 0 else self.source.readline())

    def read(self, size: int = -1) -> bytes:
        return self._counted(self.source.read(size) if size >= 0 else self.source.read())

    def _counted(self, data: bytes) -> bytes:
        self.left -= len(data)
        if self.left < 0:
            raise Invalid(f"The file is larger than {settings.MAX_LOAD_BYTES} bytes; nothing was loaded.")
        return data


class Enrolments(QueueView):
    policies = {"post": allows("queue.manage")}

    @operation(
        "Enrol a member as annotator",
        takes=shapes.Enrol,
        gives=shapes.Enrolled,
        status=201,
        name="queue_enrol",
    )
    def post(self, request: Request, project: str, queue: str) -> Response:
        member = get_or_404(Member, project=self.project, pk=self.body(shapes.Enrol, request)["member"])
        annotator = staffing.annotator_for(member=member)
        staffing.enrol(queue=self.queue(), annotator=annotator, by=self.member)
        return Response({"pseudonym": annotator.pseudonym}, status=201)


class Enrolment(QueueView):
    policies = {"delete": allows("queue.manage")}

    @operation("Dismiss an annotator from a queue", status=204, name="queue_dismiss")
    def delete(self, request: Request, project: str, queue: str, pseudonym: str) -> Response:
        annotator = get_or_404(Annotator, project=self.project, pseudonym=pseudonym)
        staffing.dismiss(queue=self.queue(), annotator=annotator, by=self.member)
        return Response(status=204)


class WorkView(ApiView):
    """Base of the routes of somebody who answers."""

    def annotator(self) -> Annotator:
        """The caller's annotator; made at first need."""
        found = Annotator.objects.filter(member=self.member).first()
        return found or staffing.annotator_for(member=self.member)


class Claim(WorkView):
    policies = {"post": allows("work.label")}

    @operation(
        "Claim the next task of a queue", gives=shapes.LeaseShape, also={204: None}, name="queue_claim"
    )
    def post(self, request: Request, project: str, queue: str) -> Response:
        served = leasing.claim(queue_id=self._queue_id(), annotator=self.annotator(), by=self.member)
        return Response(lease(served)) if served else Response(status=204)

    def _queue_id(self) -> int:
        """Annotators may not read queues, so they are told of one only by being enrolled in it."""
        found = (
            Queue.objects.filter(
                project_id=self.project.pk,
                key=self.kwargs["queue"],
                enrolments__annotator__member_id=self.member.pk,
                enrolments__active=True,
            )
            .values_list("pk", flat=True)
            .first()
        )
        if found is None:
            raise Http404
        return found


class Leases(WorkView):
    policies = {"get": allows("work.label")}

    @operation("List the leases you hold", gives=shapes.LeaseList, name="leases_list")
    def get(self, request: Request, project: str) -> Response:
        return Response({"leases": [lease(served) for served in leasing.held(annotator=self.annotator())]})


class Renew(WorkView):
    policies = {"post": allows("work.label")}

    @operation("Renew a lease", takes=shapes.Renewal, gives=shapes.Renewed, name="lease_renew")
    def post(self, request: Request, project: str, assignment: int) -> Response:
        body = self.body(shapes.Renewal, request)
        until = leasing.renew(assignment_id=assignment, annotator=self.annotator(), token=body["token"])
        return Response({"lease_until": until})


class ReleaseOne(WorkView):
    policies = {"post": allows("work.label")}

    @operation("Give a task back", takes=shapes.Release, status=204, name="lease_release")
    def post(self, request: Request, project: str, assignment: int) -> Response:
        body = self.body(shapes.Release, request)
        leasing.release(
            assignment_id=assignment,
            annotator=self.annotator(),
            token=body["token"],
            reason=body["reason"],
            by=self.member,
        )
        return Response(status=204)


class Cohorts(ApiView):
    policies = {"get": allows("queue.read"), "post": allows("queue.manage")}

    @operation("List cohorts", gives=shapes.CohortList, name="cohorts_list")
    def get(self, request: Request, project: str) -> Response:
        rows = Cohort.objects.filter(project=self.project).order_by("key")
        return Response({"cohorts": shapes.CohortShape(rows, many=True).data})

    @operation(
        "Create a cohort",
        takes=shapes.CohortShape,
        gives=shapes.CohortShape,
        status=201,
        name="cohort_create",
    )
    def post(self, request: Request, project: str) -> Response:
        made = cohorts.create(project=self.project, by=self.member, **self.body(shapes.CohortShape, request))
        return Response(shapes.CohortShape(made).data, status=201)


class CohortMember(ApiView):
    policies = {"put": allows("queue.manage"), "delete": allows("queue.manage")}

    def both(self) -> tuple[Cohort, Annotator]:
        return (
            get_or_404(Cohort, project=self.project, key=self.kwargs["cohort"]),
            get_or_404(Annotator, project=self.project, pseudonym=self.kwargs["pseudonym"]),
        )

    @operation("An annotator joins a cohort", status=204, name="cohort_join")
    def put(self, request: Request, project: str, cohort: str, pseudonym: str) -> Response:
        found, annotator = self.both()
        cohorts.join(cohort=found, annotator=annotator, by=self.member)
        return Response(status=204)

    @operation("An annotator leaves a cohort", status=204, name="cohort_leave")
    def delete(self, request: Request, project: str, cohort: str, pseudonym: str) -> Response:
        found, annotator = self.both()
        cohorts.leave(cohort=found, annotator=annotator, by=self.member)
        return Response(status=204)


class ProjectClone(ApiView):
    policies = {"post": allows("project.manage")}

    @operation(
        "Clone the project: its rules, specs and queues",
        takes=shapes.ProjectCloneIn,
        gives=shapes.ProjectCloneOut,
        status=201,
        name="project_clone",
    )
    def post(self, request: Request, project: str) -> Response:
        made = cloning.clone_project(
            source=self.project, by=self.member, **self.body(shapes.ProjectCloneIn, request)
        )
        return Response({"key": made.key, "name": made.name}, status=201)


class Members(ApiView):
    policies = {"get": allows("member.read"), "post": allows("project.manage")}

    @operation("List the members", gives=shapes.MemberList, parameters=PAGING, name="members_list")
    def get(self, request: Request, project: str) -> Response:
        rows, before = self.page(Member.objects.filter(project=self.project).select_related("user"), request)
        return Response({"members": shapes.MemberShape(rows, many=True).data, "next_before": before})

    @operation(
        "Add a user as member",
        takes=shapes.NewMember,
        gives=shapes.MemberShape,
        status=201,
        name="members_add",
    )
    def post(self, request: Request, project: str) -> Response:
        body = self.body(shapes.NewMember, request)
        user = User.objects.filter(username=body["username"], is_active=True).first()
        if user is None:
            raise Http404
        member = staffing.add_member(project=self.project, user=user, roles=body["roles"], by=self.member)
        return Response(shapes.MemberShape(member).data, status=201)


class MemberView(ApiView):
    def found(self) -> Member:
        return get_or_404(
            Member.objects.select_related("user"), project=self.project, pk=self.kwargs["member"]
        )


class MemberRoles(MemberView):
    policies = {"put": allows("project.manage")}

    @operation("Change a member's roles", takes=shapes.Roles, gives=shapes.MemberShape, name="member_roles")
    def put(self, request: Request, project: str, member: int) -> Response:
        body = self.body(shapes.Roles, request)
        return Response(
            shapes.MemberShape(
                staffing.set_roles(member=self.found(), roles=body["roles"], by=self.member)
            ).data
        )


class Suspend(MemberView):
    policies = {"post": allows("project.manage")}

    @operation("Suspend a member", takes=shapes.Suspension, gives=shapes.MemberShape, name="member_suspend")
    def post(self, request: Request, project: str, member: int) -> Response:
        reason = self.body(shapes.Suspension, request)["reason"]
        return Response(
            shapes.MemberShape(staffing.suspend(member=self.found(), reason=reason, by=self.member)).data
        )


class Reinstate(MemberView):
    policies = {"post": allows("project.manage")}

    @operation("Reinstate a member", gives=shapes.MemberShape, name="member_reinstate")
    def post(self, request: Request, project: str, member: int) -> Response:
        return Response(shapes.MemberShape(staffing.reinstate(member=self.found(), by=self.member)).data)


class Remove(MemberView):
    policies = {"post": allows("project.manage")}

    @operation("End a membership", gives=shapes.MemberShape, name="member_remove")
    def post(self, request: Request, project: str, member: int) -> Response:
        return Response(shapes.MemberShape(staffing.remove(member=self.found(), by=self.member)).data)


def lease(served: leasing.Served) -> dict[str, Any]:
    """A lease as JSON."""
    return {
        "assignment": served.assignment_id,
        "task": served.task_id,
        "token": str(served.token),
        "leased_at": served.leased_at.isoformat(),
        "lease_until": served.lease_until.isoformat(),
        "version": versions.read(served.version_id).number,
        "served_digest": served.served_digest,
        "item": served.item_key,
        "payload": served.payload,
        "sensitive": served.sensitive,
    }
