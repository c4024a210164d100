"""Newcomers' paths by REST: the stages of a queue, who stands where, what a person decides, and one's own way."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows, get_or_404
from specs.api.schema import operation
from specs.api.views import PAGING
from workforce import onboarding, paths, walking
from workforce.api import path_shapes as shapes
from workforce.api.base import QueueView, WorkView, queue_id_of
from workforce.models import Enrolment


class QueuePath(QueueView):
    policies = {"get": allows("people.manage"), "put": allows("people.manage")}

    @operation("See the path of newcomers", gives=shapes.PathShape, name="path_get")
    def get(self, request: Request, project: str, queue: str) -> Response:
        return Response({"stages": [shapes.terms(one) for one in paths.stages(queue=self.queue())]})

    @operation(
        "Lay the path of newcomers, as a whole; no stage is no path",
        takes=shapes.PathShape,
        gives=shapes.PathShape,
        name="path_lay",
    )
    def put(self, request: Request, project: str, queue: str) -> Response:
        body = self.body(shapes.PathShape, request)["stages"]
        path = {one.pop("stage"): one for one in map(dict, body)}
        laid = paths.lay(queue=self.queue(), path=path, by=self.member)
        return Response({"stages": [shapes.terms(one) for one in laid]})


class PathPeople(QueueView):
    policies = {"get": allows("people.manage")}

    @operation(
        "List who stands on the path", gives=shapes.WalkerList, parameters=PAGING, name="path_people_list"
    )
    def get(self, request: Request, project: str, queue: str) -> Response:
        found = self.queue()
        rows, before = self.page(walking.on_path(queue=found), request)
        counts, n_through = walking.counts(queue=found)
        return Response(
            {
                "people": [shapes.walker(one) for one in walking.walkers(rows)],
                "n_by_stage": counts,
                "n_through": n_through,
                "next_before": before,
            }
        )


def _way(enrolment: Enrolment) -> dict[str, Any]:
    way = walking.way(enrolment=enrolment)
    return {
        "stage": enrolment.stage,
        "since": enrolment.stage_since,
        "held": enrolment.held,
        "held_reason": way.held_reason,
        "progress": shapes.ProgressShape(way.progress).data,
        "stages": [shapes.terms(mark.terms) for mark in way.marks],
        "steps": shapes.StepShape(way.steps, many=True).data,
    }


class PersonView(QueueView):
    """Base of the routes about one person on the path."""

    def enrolment(self) -> Enrolment:
        rows = Enrolment.objects.select_related("annotator", "queue")
        return get_or_404(
            rows, project=self.project, queue=self.queue(), annotator__pseudonym=self.kwargs["pseudonym"]
        )

    def answer(self) -> Response:
        return Response(_way(self.enrolment()))


class PathPerson(PersonView):
    policies = {"get": allows("people.manage")}

    @operation("See somebody's way", gives=shapes.WayShape, name="path_person")
    def get(self, request: Request, project: str, queue: str, pseudonym: str) -> Response:
        return self.answer()


class PathPlace(PersonView):
    policies = {"post": allows("people.manage")}

    @operation(
        "Put somebody back, on, or through, and say why",
        takes=shapes.PathPlacing,
        gives=shapes.WayShape,
        name="path_place",
    )
    def post(self, request: Request, project: str, queue: str, pseudonym: str) -> Response:
        onboarding.place(enrolment=self.enrolment(), by=self.member, **self.body(shapes.PathPlacing, request))
        return self.answer()


class PathHold(PersonView):
    policies = {"post": allows("people.manage")}

    @operation("Hold somebody where she is", takes=shapes.PathReason, gives=shapes.WayShape, name="path_hold")
    def post(self, request: Request, project: str, queue: str, pseudonym: str) -> Response:
        onboarding.hold(enrolment=self.enrolment(), by=self.member, **self.body(shapes.PathReason, request))
        return self.answer()


class PathLetGo(PersonView):
    policies = {"post": allows("people.manage")}

    @operation("Let somebody go on", takes=shapes.PathReason, gives=shapes.WayShape, name="path_let_go")
    def post(self, request: Request, project: str, queue: str, pseudonym: str) -> Response:
        onboarding.let_go(enrolment=self.enrolment(), by=self.member, **self.body(shapes.PathReason, request))
        return self.answer()


class MyPath(WorkView):
    policies = {"get": allows("work.label")}

    @operation("See your own way into a queue", gives=shapes.WayShape, name="my_path")
    def get(self, request: Request, project: str, queue: str) -> Response:
        found = walking.of(queue_id=queue_id_of(self.project.pk, queue), annotator=self.annotator())
        if found is None:
            raise Http404
        return Response(_way(found))
