"""Members, enrolments and cohorts by REST."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.views import PAGING
from specs.models import Member
from workforce import cohorts, departing, staffing, suspending
from workforce.api import shapes, standing_shapes
from workforce.api.base import QueueView
from workforce.models import Annotator, Cohort


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
    policies = {"post": allows("people.manage")}

    @operation(
        "Suspend a member", takes=standing_shapes.Suspend, gives=shapes.MemberShape, name="member_suspend"
    )
    def post(self, request: Request, project: str, member: int) -> Response:
        suspending.suspend(member=self.found(), by=self.member, **self.body(standing_shapes.Suspend, request))
        return Response(shapes.MemberShape(self.found()).data)


class Reinstate(MemberView):
    policies = {"post": allows("people.manage")}

    @operation("Reinstate a member", gives=shapes.MemberShape, name="member_reinstate")
    def post(self, request: Request, project: str, member: int) -> Response:
        return Response(shapes.MemberShape(suspending.lift(member=self.found(), by=self.member)).data)


class Remove(MemberView):
    policies = {"post": allows("people.manage")}

    @operation("End a membership", gives=shapes.MemberShape, name="member_remove")
    def post(self, request: Request, project: str, member: int) -> Response:
        return Response(shapes.MemberShape(departing.remove(member=self.found(), by=self.member)).data)
