"""The way of a version into force by REST: comparison, gate, publication, pilots, canaries, quizzes, questions about clauses."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import asking, comparing, piloting, releasing
from annotation.models import Inquiry, Pilot, Sample
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.shapes import VersionShape
from specs.api.views import PAGING, SpecView
from specs.models import ChangeClass, Clause, VersionState
from workforce import canarying, quizzing
from workforce.api.base import QueueView, WorkView, version_of
from workforce.models import Annotator, Canary, Cohort, InProgress, Queue, QuizAttempt


class Reason(serializers.Serializer[Any]):
    where = serializers.CharField()
    change_class = serializers.CharField()
    message = serializers.CharField()


class Run(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["same", "removed", "added"])
    text = serializers.CharField()


class BlockRuns(serializers.Serializer[Any]):
    title = serializers.CharField()
    runs = Run(many=True)


class TouchedOut(serializers.Serializer[Any]):
    n_answers = serializers.IntegerField()
    n_tasks = serializers.IntegerField()


class Change(serializers.Serializer[Any]):
    key = serializers.CharField()
    kind = serializers.CharField()
    ancestors = serializers.ListField(child=serializers.CharField())
    title = serializers.CharField()
    old_number = serializers.CharField()
    new_number = serializers.CharField()
    change_class = serializers.CharField()
    reasons = Reason(many=True)
    blocks = BlockRuns(many=True)
    touched = TouchedOut(allow_null=True)


class CostOut(serializers.Serializer[Any]):
    n_tasks = serializers.IntegerField()
    n_answers = serializers.IntegerField()
    seconds_per_answer = serializers.FloatField(allow_null=True)
    hours = serializers.FloatField(allow_null=True)
    money = serializers.FloatField(allow_null=True)
    currency = serializers.CharField()


class Comparison(serializers.Serializer[Any]):
    old = serializers.CharField()
    new = serializers.CharField()
    change_class = serializers.CharField()
    clauses = Change(many=True)
    questions = Reason(many=True)
    changed_meaning = serializers.ListField(child=serializers.CharField())
    cost = CostOut(
        allow_null=True, help_text="What relabelling takes; null where nothing has to be asked again."
    )


class Compare(SpecView):
    policies = {"get": allows("spec.read")}

    @operation(
        "Compare two versions word by word, with what the change costs",
        gives=Comparison,
        name="versions_compare",
    )
    def get(self, request: Request, project: str, spec: str, old: str, new: str) -> Response:
        before, after = self.version(old), self.version(new)
        if before.state == VersionState.DRAFT and after.state != VersionState.DRAFT:
            raise Http404
        return Response(comparing.compare(before, after).as_dict())


class CheckOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    clause = serializers.CharField()
    passed = serializers.BooleanField()
    message = serializers.CharField()


class GateOut(serializers.Serializer[Any]):
    change_class = serializers.CharField()
    binding = serializers.BooleanField()
    passed = serializers.BooleanField(allow_null=True)
    pilot = serializers.IntegerField(allow_null=True)
    checks = CheckOut(many=True)
    moved = serializers.DictField(allow_null=True)


class Gate(SpecView):
    policies = {"get": allows("spec.discuss")}

    @operation("What the gate says of the draft", gives=GateOut, name="draft_gate")
    def get(self, request: Request, project: str, spec: str) -> Response:
        return Response(releasing.gate_of(self.draft()).as_dict())


class PublicationIn(serializers.Serializer[Any]):
    notes = serializers.CharField(max_length=10_000)
    rationale = serializers.CharField(max_length=10_000)
    change_class = serializers.ChoiceField(
        choices=ChangeClass.choices, required=False, allow_null=True, default=None
    )
    override_reason = serializers.CharField(
        max_length=10_000,
        required=False,
        allow_blank=True,
        default="",
        help_text="For owners: publish past a gate that is not passed, on record.",
    )
    in_force = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, default=list, help_text="Keys of queues."
    )
    in_progress = serializers.ChoiceField(
        choices=InProgress.choices, required=False, default=InProgress.FINISH
    )


class Publish(SpecView):
    policies = {"post": allows("spec.publish")}

    @operation("Publish the draft", takes=PublicationIn, gives=VersionShape, status=201, name="draft_publish")
    def post(self, request: Request, project: str, spec: str) -> Response:
        body = self.body(PublicationIn, request)
        version = releasing.publish(
            draft=self.draft(),
            claimed=ChangeClass(body["change_class"]) if body["change_class"] else None,
            notes=body["notes"],
            rationale=body["rationale"],
            override_reason=body["override_reason"],
            in_force=[get_or_404(Queue, project=self.project, key=key) for key in body["in_force"]],
            in_progress=body["in_progress"],
            by=self.member,
        )
        return Response(VersionShape(version).data, status=201)


class PilotShape(serializers.ModelSerializer[Pilot]):
    trial = serializers.CharField(source="trial.number")
    digest = serializers.CharField(source="trial.digest")
    queue = serializers.CharField(source="queue.key")

    class Meta:
        model = Pilot
        fields = (
            "id",
            "trial",
            "digest",
            "queue",
            "sample",
            "changed",
            "n_items",
            "state",
            "started_at",
            "ended_at",
        )


class PilotList(serializers.Serializer[Any]):
    pilots = PilotShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class PilotIn(serializers.Serializer[Any]):
    sample = serializers.ChoiceField(choices=Sample.choices, required=False, default=Sample.CHANGED)
    n_items = serializers.IntegerField(min_value=1)
    overlap = serializers.IntegerField(min_value=2, max_value=10, required=False, default=3)
    annotators = serializers.ListField(
        child=serializers.CharField(max_length=64), help_text="Their pseudonyms."
    )


class PilotWhole(PilotShape):
    reading = serializers.DictField(help_text="What it shows so far, beside the version in force.")

    class Meta(PilotShape.Meta):
        fields = (*PilotShape.Meta.fields, "reading")  # type: ignore[assignment]


class Pilots(SpecView):
    policies = {"get": allows("spec.read"), "post": allows("spec.propose")}

    @operation("Pilots of a spec, newest first", gives=PilotList, parameters=PAGING, name="pilots_list")
    def get(self, request: Request, project: str, spec: str) -> Response:
        rows, before = self.page(
            Pilot.objects.filter(spec=self.spec()).select_related("trial", "queue"), request
        )
        return Response({"pilots": PilotShape(rows, many=True).data, "next_before": before})

    @operation("Try the draft on a sample", takes=PilotIn, gives=PilotShape, status=201, name="pilot_start")
    def post(self, request: Request, project: str, spec: str) -> Response:
        body = self.body(PilotIn, request)
        annotators = [
            get_or_404(Annotator, project=self.project, pseudonym=name) for name in body.pop("annotators")
        ]
        pilot = piloting.start(
            draft=self.draft(), annotators=annotators, owner=self.member, by=self.member, **body
        )
        return Response(PilotShape(pilot).data, status=201)


class PilotView(SpecView):
    def pilot(self) -> Pilot:
        rows = Pilot.objects.select_related("trial__based_on", "queue", "spec")
        return get_or_404(rows, project=self.project, spec=self.spec(), pk=self.kwargs["pilot"])


class PilotOne(PilotView):
    policies = {"get": allows("spec.read")}

    @operation("One pilot and what it shows", gives=PilotWhole, name="pilot_read")
    def get(self, request: Request, project: str, spec: str, pilot: int) -> Response:
        found = self.pilot()
        return Response({**PilotShape(found).data, "reading": piloting.as_dict(piloting.read(found))})


class PilotEnd(PilotView):
    policies = {"post": allows("spec.propose"), "delete": allows("spec.propose")}

    @operation("End a pilot", gives=PilotShape, name="pilot_end")
    def post(self, request: Request, project: str, spec: str, pilot: int) -> Response:
        piloting.end(pilot=self.pilot(), by=self.member)
        return Response(PilotShape(self.pilot()).data)

    @operation("Let a pilot go on", gives=PilotShape, name="pilot_resume")
    def delete(self, request: Request, project: str, spec: str, pilot: int) -> Response:
        piloting.resume(pilot=self.pilot(), by=self.member)
        return Response(PilotShape(self.pilot()).data)


class CanaryShape(serializers.ModelSerializer[Canary]):
    version = serializers.CharField(source="version.number")
    cohort = serializers.CharField(source="cohort.key", default=None, allow_null=True)

    class Meta:
        model = Canary
        fields = ("id", "version", "cohort", "share", "n_tasks", "state", "started_at", "ended_at")


class CanaryList(serializers.Serializer[Any]):
    canaries = CanaryShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class CanaryIn(serializers.Serializer[Any]):
    version = serializers.CharField(max_length=40)
    share = serializers.FloatField(min_value=0, max_value=1)
    cohort = serializers.CharField(max_length=64, required=False, allow_null=True, default=None)


class CanaryEndIn(serializers.Serializer[Any]):
    to = serializers.ChoiceField(choices=["all", "back"])
    in_progress = serializers.ChoiceField(
        choices=InProgress.choices, required=False, default=InProgress.FINISH
    )


class Canaries(QueueView):
    policies = {"get": allows("queue.read"), "post": allows("spec.roll-back")}

    @operation("Canaries of a queue, newest first", gives=CanaryList, parameters=PAGING, name="canaries_list")
    def get(self, request: Request, project: str, queue: str) -> Response:
        rows, before = self.page(
            Canary.objects.filter(queue=self.queue()).select_related("version", "cohort"), request
        )
        return Response({"canaries": CanaryShape(rows, many=True).data, "next_before": before})

    @operation(
        "Try a version on a part of the queue",
        takes=CanaryIn,
        gives=CanaryShape,
        status=201,
        name="canary_start",
    )
    def post(self, request: Request, project: str, queue: str) -> Response:
        body, found = self.body(CanaryIn, request), self.queue()
        cohort = get_or_404(Cohort, project=self.project, key=body["cohort"]) if body["cohort"] else None
        canary = canarying.start(
            queue=found,
            version=version_of(found.spec, body["version"]),
            share=body["share"],
            cohort=cohort,
            by=self.member,
        )
        return Response(CanaryShape(canary).data, status=201)


class CanaryEnd(QueueView):
    policies = {"post": allows("spec.roll-back")}

    @operation("To all, or back", takes=CanaryEndIn, gives=CanaryShape, name="canary_end")
    def post(self, request: Request, project: str, queue: str, canary: int) -> Response:
        body = self.body(CanaryEndIn, request)
        found = get_or_404(Canary, project=self.project, queue=self.queue(), pk=canary)
        if body["to"] == "all":
            canarying.adopt(canary=found, in_progress=body["in_progress"], by=self.member)
        else:
            canarying.withdraw(canary=found, by=self.member)
        row = Canary.objects.select_related("version", "cohort").get(pk=found.pk)
        return Response(CanaryShape(row).data)


class QuizItem(serializers.Serializer[Any]):
    payload = serializers.DictField()
    question = serializers.CharField()
    clause = serializers.CharField(required=False)
    answer = serializers.JSONField(required=False)
    right = serializers.BooleanField(required=False)
    value = serializers.JSONField(required=False, help_text="What is right, once it is answered.")
    why = serializers.CharField(required=False)


class QuizOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    state = serializers.CharField()
    scope = serializers.CharField()
    number = serializers.IntegerField()
    n_right = serializers.IntegerField()
    items = QuizItem(many=True)


class QuizAnswerIn(serializers.Serializer[Any]):
    place = serializers.IntegerField(min_value=0, help_text="Counting from 0.")
    value = serializers.JSONField()


def _quiz(attempt: QuizAttempt) -> dict[str, Any]:
    """What an annotator may see of her quiz: what is right only once she has answered."""
    items = [
        entry if "answer" in entry else {name: entry[name] for name in ("payload", "question")}
        for entry in attempt.items
    ]
    return {
        "id": attempt.pk,
        "state": attempt.state,
        "scope": attempt.scope,
        "number": attempt.number,
        "n_right": attempt.n_right,
        "items": items,
    }


class Quiz(WorkView):
    policies = {"post": allows("work.label")}

    @operation("Begin the quiz of a queue, or go on with it", gives=QuizOut, name="quiz_begin")
    def post(self, request: Request, project: str, queue: str) -> Response:
        annotator = self.annotator()
        found = get_or_404(
            Queue.objects.filter(enrolments__annotator=annotator, enrolments__active=True).select_related(
                "version"
            ),
            project=self.project,
            key=queue,
        )
        assert found.version is not None
        return Response(_quiz(quizzing.begin(queue=found, annotator=annotator, version=found.version)))


class QuizAnswer(WorkView):
    policies = {"post": allows("work.label")}

    @operation("Answer an item of the quiz", takes=QuizAnswerIn, gives=QuizOut, name="quiz_answer")
    def post(self, request: Request, project: str, quiz: int) -> Response:
        annotator = self.annotator()
        attempt = get_or_404(QuizAttempt, project=self.project, annotator=annotator, pk=quiz)
        body = self.body(QuizAnswerIn, request)
        return Response(_quiz(quizzing.answer(attempt=attempt, annotator=annotator, **body)))


class InquiryOut(serializers.ModelSerializer[Inquiry]):
    clause = serializers.CharField(source="clause.key")
    version = serializers.CharField(source="version.number")

    class Meta:
        model = Inquiry
        fields = ("id", "clause", "version", "public", "text", "asked_at", "answer", "answered_at")


class InquiryList(serializers.Serializer[Any]):
    inquiries = InquiryOut(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class InquiryIn(serializers.Serializer[Any]):
    clause = serializers.CharField(max_length=64)
    text = serializers.CharField(max_length=20_000)
    public = serializers.BooleanField(required=False, default=True)


class AnswerIn(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=20_000)


class RatingIn(serializers.Serializer[Any]):
    clear = serializers.BooleanField()


class ClauseHeard(serializers.Serializer[Any]):
    clause = serializers.CharField()
    n_open = serializers.IntegerField()
    n_asked = serializers.IntegerField()
    n_clear = serializers.IntegerField()
    n_unclear = serializers.IntegerField()


class HeardOut(serializers.Serializer[Any]):
    clauses = ClauseHeard(many=True)


class Inquiries(ApiView):
    policies = {"get": allows("spec.read")}

    @operation(
        "Questions about clauses, newest first", gives=InquiryList, parameters=PAGING, name="inquiries_list"
    )
    def get(self, request: Request, project: str) -> Response:
        rows, before = self.page(asking.visible_to(self.member).select_related("clause", "version"), request)
        return Response({"inquiries": InquiryOut(rows, many=True).data, "next_before": before})


class Ask(SpecView):
    policies = {"post": allows("spec.read")}

    @operation("Ask about a clause", takes=InquiryIn, gives=InquiryOut, status=201, name="inquiry_ask")
    def post(self, request: Request, project: str, spec: str, number: str) -> Response:
        body, version = self.body(InquiryIn, request), self.version(number)
        clause = get_or_404(Clause, project=self.project, spec=version.spec_id, key=body.pop("clause"))
        made = asking.ask(version=version, clause=clause, by=self.member, **body)
        return Response(InquiryOut(made).data, status=201)


class Answer(ApiView):
    policies = {"post": allows("spec.answer")}

    @operation("Answer a question about a clause", takes=AnswerIn, gives=InquiryOut, name="inquiry_answer")
    def post(self, request: Request, project: str, inquiry: int) -> Response:
        row = get_or_404(
            Inquiry.objects.select_related("clause", "version"), project=self.project, pk=inquiry
        )
        asking.answer(inquiry=row, by=self.member, **self.body(AnswerIn, request))
        row.refresh_from_db()
        return Response(InquiryOut(row).data)


class Rate(SpecView):
    policies = {"post": allows("spec.read")}

    @operation("Say whether a clause is clear", takes=RatingIn, status=204, name="clause_rate")
    def post(self, request: Request, project: str, spec: str, number: str, clause: str) -> Response:
        version = self.version(number)
        row = get_or_404(Clause, project=self.project, spec=version.spec_id, key=clause)
        asking.rate(version=version, clause=row, by=self.member, **self.body(RatingIn, request))
        return Response(status=204)


class Heard(SpecView):
    policies = {"get": allows("spec.read")}

    @operation("What was heard of each clause: questions and ratings", gives=HeardOut, name="clauses_heard")
    def get(self, request: Request, project: str, spec: str) -> Response:
        found = self.spec()
        keys = dict(found.clauses.values_list("pk", "key"))
        return Response(
            {
                "clauses": [
                    {"clause": keys[clause], **vars(heard)}
                    for clause, heard in sorted(asking.heard(spec_id=found.pk).items())
                ]
            }
        )
