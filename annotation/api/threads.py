"""The thread of a task by REST."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import talking
from annotation.models import Speaker
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from workforce.models import Task


class MessageIn(serializers.Serializer[Any]):
    text = serializers.CharField(
        max_length=5000,
        help_text="Markdown. `@` and a number names an annotator, `@reviewer` and `@lead` the others.",
    )


class MessageShape(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="number")
    speaker = serializers.ChoiceField(choices=Speaker.choices)
    who = serializers.CharField(help_text="The number of an annotator in this thread; else empty.")
    own = serializers.BooleanField()
    text = serializers.CharField()
    written_at = serializers.DateTimeField()


class MessageList(serializers.Serializer[Any]):
    messages = MessageShape(many=True)


class MessageMade(serializers.Serializer[Any]):
    id = serializers.IntegerField()


class Thread(ApiView):
    policies = {"get": allows("thread.write"), "post": allows("thread.write")}

    def task(self) -> Task:
        found = talking.about(get_or_404(Task, project=self.project, pk=self.kwargs["task"]))
        if talking.place_of(task=found, member=self.member) is None:
            raise Http404
        return found

    @operation(
        "The messages about a task that you may read, oldest first", gives=MessageList, name="thread_read"
    )
    def get(self, request: Request, project: str, task: int) -> Response:
        said = talking.read(task=self.task(), member=self.member)
        return Response({"messages": MessageShape(said, many=True).data})

    @operation("Write about a task", takes=MessageIn, gives=MessageMade, status=201, name="thread_write")
    def post(self, request: Request, project: str, task: int) -> Response:
        made = talking.say(task=self.task(), text=self.body(MessageIn, request)["text"], by=self.member)
        return Response({"id": made.pk}, status=201)
