"""What annotators' answers say about them, by REST; and a second look at them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import dossier_file, rechecking
from specs.access import allows
from specs.api.schema import operation
from workforce.api.base import WorkView
from workforce.api.roster import AnnotatorView


class Record(serializers.Serializer[Any]):
    """What is recorded about one annotator, as on her page; `figures` carry n, interval, and null for too few."""

    format = serializers.IntegerField()
    pseudonym = serializers.CharField()
    state = serializers.CharField()
    languages = serializers.ListField(child=serializers.CharField())
    time_zone = serializers.CharField()
    weekday_hours = serializers.ListField(child=serializers.FloatField())
    days_away = serializers.ListField(child=serializers.DictField())
    skills = serializers.ListField(child=serializers.DictField())
    cohorts = serializers.ListField(child=serializers.DictField())
    queues = serializers.ListField(child=serializers.DictField())
    figures = serializers.DictField()
    suspensions = serializers.ListField(child=serializers.DictField())
    steps_of_paths = serializers.ListField(child=serializers.DictField())
    tests = serializers.ListField(child=serializers.DictField())
    findings = serializers.ListField(child=serializers.DictField())
    consequences = serializers.ListField(child=serializers.DictField())
    second_looks = serializers.ListField(child=serializers.DictField())
    history = serializers.ListField(child=serializers.DictField())


class RecheckIn(serializers.Serializer[Any]):
    since = serializers.DateTimeField()
    reason = serializers.CharField(max_length=2000)


class RecheckOut(serializers.Serializer[Any]):
    tasks = serializers.IntegerField()
    reopened = serializers.IntegerField(help_text="How many of them were settled and are open again.")


class Recorded(AnnotatorView):
    policies = {"get": allows("member.read")}

    @operation("See what is recorded about an annotator", gives=Record, name="roster_record")
    def get(self, request: Request, project: str, pseudonym: str) -> Response:
        return Response(dossier_file.about(self.annotator()))


class MyRecord(WorkView):
    policies = {"get": allows("work.label")}

    @operation("See what is recorded about you", gives=Record, name="me_record")
    def get(self, request: Request, project: str) -> Response:
        return Response(dossier_file.about(self.annotator()))


class Recheck(AnnotatorView):
    policies = {"post": allows("people.manage")}

    @operation(
        "Ask for one more blind answer on everything an annotator answered since a time",
        takes=RecheckIn,
        gives=RecheckOut,
        status=201,
        name="roster_recheck",
    )
    def post(self, request: Request, project: str, pseudonym: str) -> Response:
        done = rechecking.recheck(annotator=self.annotator(), by=self.member, **self.body(RecheckIn, request))
        return Response({"tasks": len(done.tasks), "reopened": done.n_reopened}, status=201)
