"""The quiz before the first claim, by REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows, get_or_404
from specs.api.schema import operation
from workforce import quizzing
from workforce.api.base import WorkView
from workforce.models import Queue, QuizAttempt


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
