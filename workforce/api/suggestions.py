"""What models said of a task that one holds or answered, by REST: only what she may see, and that she took it over."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows, get_or_404
from specs.api.schema import operation
from workforce import leasing, suggesting
from workforce.api.base import WorkView
from workforce.api.shapes import SuggestionShape
from workforce.models import Assignment


class SuggestionList(serializers.Serializer[Any]):
    suggestions = SuggestionShape(many=True)


class TakeIn(serializers.Serializer[Any]):
    token = serializers.UUIDField(help_text="The lease's token.")
    question = serializers.CharField(max_length=64)


class Suggestions(WorkView):
    policies = {"get": allows("work.label")}

    @operation(
        "What models said of a task: while you hold it what is shown to you, after your answer what the queue shows then",
        gives=SuggestionList,
        name="assignment_suggestions",
    )
    def get(self, request: Request, project: str, assignment: int) -> Response:
        annotator = self.annotator()
        get_or_404(Assignment, project=self.project, pk=assignment, annotator=annotator)
        held = leasing.held(annotator=annotator, assignment_id=assignment)
        found = (
            suggesting.serve(held[0])
            if held
            else suggesting.afterwards(assignment_id=assignment, annotator=annotator)
        )
        return Response({"suggestions": [one.as_dict() for one in found]})


class SuggestionTake(WorkView):
    policies = {"post": allows("work.label")}

    @operation(
        "Put on record that you took a suggestion over; the answer is still yours to send",
        takes=TakeIn,
        gives=SuggestionShape,
        name="suggestion_take",
    )
    def post(self, request: Request, project: str, assignment: int) -> Response:
        body, annotator = self.body(TakeIn, request), self.annotator()
        get_or_404(Assignment, project=self.project, pk=assignment, annotator=annotator)
        taken = suggesting.take(
            assignment_id=assignment,
            annotator=annotator,
            token=body["token"],
            question=body["question"],
            by=self.member,
        )
        return Response(taken.as_dict())
