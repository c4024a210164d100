"""Calibration queues by REST: the terms of the test, who sat for it, and one's own sittings. Its items come by claims."""

from __future__ import annotations

from datetime import timedelta

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows, get_or_404
from specs.api.schema import operation
from specs.api.views import PAGING
from specs.models import Clause
from workforce import calibrating, sitting
from workforce.api import calibration_shapes as shapes
from workforce.api.base import QueueView, WorkView
from workforce.models import Calibration, Purpose, Queue, QueueState, Sitting, Skill


class QueueCalibration(QueueView):
    policies = {"get": allows("people.manage"), "put": allows("people.manage")}

    @operation(
        "See what a calibration queue tests and grants", gives=shapes.TestTerms, name="calibration_get"
    )
    def get(self, request: Request, project: str, queue: str) -> Response:
        found = calibrating.terms_of(queue=self.queue())
        if found is None:
            raise Http404
        return Response(shapes.terms(found))

    @operation(
        "Say what a calibration queue tests and grants",
        takes=shapes.TestTerms,
        gives=shapes.TestTerms,
        name="calibration_set",
    )
    def put(self, request: Request, project: str, queue: str) -> Response:
        found, body = self.queue(), self.body(shapes.TestTerms, request)
        body["skill"] = get_or_404(Skill, project=self.project, key=body["skill"])
        if body["clause"]:
            body["clause"] = get_or_404(Clause, project=self.project, spec=found.spec_id, key=body["clause"])
        else:
            body["clause"] = None
        wait = timedelta(seconds=body.pop("wait_seconds"))
        return Response(shapes.terms(calibrating.set_terms(queue=found, by=self.member, wait=wait, **body)))


class Sittings(QueueView):
    policies = {"get": allows("people.manage")}

    @operation("List who sat for the test", gives=shapes.SittingList, parameters=PAGING, name="sittings_list")
    def get(self, request: Request, project: str, queue: str) -> Response:
        rows = Sitting.objects.filter(queue=self.queue()).select_related("annotator", "version")
        found, before = self.page(rows, request)
        return Response({"sittings": shapes.SittingShape(found, many=True).data, "next_before": before})


class Qualify(WorkView):
    policies = {"get": allows("work.label"), "post": allows("work.label")}

    def terms(self) -> Calibration:
        rows = Queue.objects.exclude(state=QueueState.CLOSED)
        queue = get_or_404(rows, project=self.project, key=self.kwargs["queue"], purpose=Purpose.CALIBRATION)
        found = calibrating.terms_of(queue=queue)
        if found is None:
            raise Http404
        return found

    def answer(self) -> Response:
        terms, annotator = self.terms(), self.annotator()
        past = sitting.sittings(queue_id=terms.queue_id, annotator=annotator)
        return Response(
            {
                "terms": shapes.terms(terms),
                "holds": sitting.holds(terms=terms, annotator=annotator) is not None,
                "refused": sitting.why_not(terms=terms, past=past, annotator=annotator),
                "sittings": shapes.SittingShape(past, many=True).data,
            }
        )

    @operation("See a test, and how you did", gives=shapes.MyTest, name="my_test")
    def get(self, request: Request, project: str, queue: str) -> Response:
        return self.answer()

    @operation(
        "Come to a test; claims in its queue then bring its items", gives=shapes.MyTest, name="test_enter"
    )
    def post(self, request: Request, project: str, queue: str) -> Response:
        calibrating.enter(queue=self.terms().queue, annotator=self.annotator(), by=self.member)
        return self.answer()
