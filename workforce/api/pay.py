"""Hours and rates by REST: exact timesheets as JSON or CSV, what work costs, who owns a queue."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.shapes import Key
from specs.api.views import PAGING
from specs.models import Member
from workforce import hours, paying, service_levels, timesheets
from workforce.api.base import QueueView
from workforce.api.shapes import QueueShape
from workforce.models import Annotator, Queue, Rate, RateBasis, Work
from workforce.views.pay import csv_of

PERIOD = [
    OpenApiParameter(
        "first", OpenApiTypes.DATE, description="The first day; six days before the last if left out."
    ),
    OpenApiParameter("last", OpenApiTypes.DATE, description="The last day; today if left out."),
    OpenApiParameter(
        "as_of", OpenApiTypes.DATETIME, description="Reckon it as it was known then, to the same lines."
    ),
]


class PeriodShape(serializers.Serializer[Any]):
    first = serializers.DateField(required=False, allow_null=True, default=None)
    last = serializers.DateField(required=False, allow_null=True, default=None)
    as_of = serializers.DateTimeField(required=False, allow_null=True, default=None)


class SumShape(serializers.Serializer[Any]):
    seconds = serializers.IntegerField()
    answers = serializers.IntegerField()
    money = serializers.DictField(child=serializers.CharField(), help_text="By currency.")
    hourly = serializers.DictField(
        child=serializers.CharField(), help_text="What an hour came to, by currency."
    )
    below_living_wage = serializers.BooleanField()


class LineShape(serializers.Serializer[Any]):
    annotator = serializers.CharField()
    day = serializers.DateField()
    time_zone = serializers.CharField()
    queue = serializers.CharField()
    work = serializers.ChoiceField(choices=Work.choices)
    seconds = serializers.IntegerField()
    answers = serializers.IntegerField()
    basis = serializers.ChoiceField(choices=RateBasis.choices)
    rate = serializers.CharField()
    money = serializers.CharField()
    currency = serializers.CharField()


class StampShape(serializers.Serializer[Any]):
    project = serializers.CharField()
    first = serializers.DateField()
    last = serializers.DateField()
    as_of = serializers.DateTimeField()
    ledger_position = serializers.IntegerField()
    idle_cap_seconds = serializers.IntegerField()


class SheetShape(serializers.Serializer[Any]):
    stamp = StampShape()
    lines = LineShape(many=True)
    sum = SumShape(help_text="Of the lines of this page.")
    next_before = serializers.IntegerField(allow_null=True)


class SheetView(ApiView):
    """Base: a period out of the query, read as strictly as a body."""

    def asked(self, request: Request, annotator: Annotator | None = None) -> timesheets.Period:
        shape = PeriodShape(
            data={
                name: request.query_params[name]
                for name in ("first", "last", "as_of")
                if name in request.query_params
            }
        )
        shape.is_valid(raise_exception=True)
        return timesheets.period(**shape.validated_data, zone=hours.zone_of(annotator, self.project))

    def sheet(
        self, annotators: list[Annotator], asked: timesheets.Period, before: int | None = None
    ) -> dict[str, Any]:
        found = [
            line
            for person in timesheets.persons(project=self.project, annotators=annotators, asked=asked)
            for line in person.lines
        ]
        return {
            "stamp": timesheets.stamp(project=self.project, asked=asked),
            "lines": [line.as_dict() for line in found],
            "sum": timesheets.summed(self.project, found).as_dict(),
            "next_before": before,
        }


class Timesheet(SheetView):
    policies = {"get": allows("pay.read")}

    @operation("The timesheet of a period", gives=SheetShape, parameters=[*PERIOD, *PAGING], name="timesheet")
    def get(self, request: Request, project: str) -> Response:
        asked = self.asked(request)
        shown, before = self.page(timesheets.who_worked(project=self.project, asked=asked), request)
        return Response(self.sheet(shown, asked, before))


class TimesheetFile(SheetView):
    policies = {"get": allows("pay.read")}

    @operation(
        "The whole timesheet of a period as CSV",
        gives=OpenApiTypes.STR,
        media="text/csv",
        parameters=PERIOD,
        name="timesheet_csv",
    )
    def get(self, request: Request, project: str) -> HttpResponseBase:
        return csv_of(self.project, self.asked(request))


class MyTimesheet(SheetView):
    policies = {"get": allows("work.label")}

    @operation("Your own timesheet", gives=SheetShape, parameters=PERIOD, name="timesheet_own")
    def get(self, request: Request, project: str) -> Response:
        own = Annotator.objects.filter(project=self.project, member=self.member).first()
        asked = self.asked(request, own)
        return Response(self.sheet([own] if own else [], asked))


class RateIn(serializers.Serializer[Any]):
    basis = serializers.ChoiceField(choices=RateBasis.choices)
    amount = serializers.DecimalField(max_digits=10, decimal_places=4, min_value=0)
    currency = serializers.RegexField("^[A-Z]{3}$")
    since = serializers.DateField()
    until = serializers.DateField(required=False, allow_null=True, default=None)
    queue = Key(required=False, allow_null=True, default=None)
    work = serializers.ChoiceField(choices=Work.choices, required=False, allow_blank=True, default="")
    annotator = serializers.CharField(max_length=64, required=False, allow_null=True, default=None)


class RateShape(serializers.ModelSerializer[Rate]):
    queue = serializers.CharField(source="queue.key", allow_null=True, default=None)
    annotator = serializers.CharField(source="annotator.pseudonym", allow_null=True, default=None)

    class Meta:
        model = Rate
        fields = (
            "id",
            "basis",
            "amount",
            "currency",
            "since",
            "until",
            "queue",
            "work",
            "annotator",
            "set_at",
        )


class RateList(serializers.Serializer[Any]):
    rates = RateShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class Rates(ApiView):
    policies = {"get": allows("pay.read"), "post": allows("pay.manage")}

    @operation("List the rates, newest first", gives=RateList, parameters=PAGING, name="rates_list")
    def get(self, request: Request, project: str) -> Response:
        rows = Rate.objects.filter(project=self.project).select_related("queue", "annotator")
        shown, before = self.page(rows, request)
        return Response({"rates": RateShape(shown, many=True).data, "next_before": before})

    @operation("Set a rate from a day on", takes=RateIn, gives=RateShape, status=201, name="rate_set")
    def post(self, request: Request, project: str) -> Response:
        body = self.body(RateIn, request)
        key, pseudonym = body.pop("queue"), body.pop("annotator")
        rate = paying.set_rate(
            project=self.project,
            queue=get_or_404(Queue, project=self.project, key=key) if key else None,
            annotator=get_or_404(Annotator, project=self.project, pseudonym=pseudonym) if pseudonym else None,
            by=self.member,
            **body,
        )
        return Response(RateShape(rate).data, status=201)


class OwnerIn(serializers.Serializer[Any]):
    member = serializers.IntegerField(help_text="The member who answers for the queue from now on.")


class QueueOwner(QueueView):
    policies = {"put": allows("queue.manage")}

    @operation("Hand a queue over", takes=OwnerIn, gives=QueueShape, name="queue_owner")
    def put(self, request: Request, project: str, queue: str) -> Response:
        to = get_or_404(Member, project=self.project, pk=self.body(OwnerIn, request)["member"])
        moved = service_levels.transfer(queue=self.queue(), to=to, by=self.member)
        moved.refresh_from_db()
        return Response(QueueShape(moved).data)
