"""Known answers by REST: list, bring in, find and decide upon candidates, explain, set aside; and how people do."""

from __future__ import annotations

import io
from typing import Any

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import goldreading, nominating
from annotation.goldreading import GoldRow
from specs.access import allows, get_or_404
from specs.api.parsers import CsvParser, RowsParser
from specs.api.schema import operation
from specs.api.views import PAGING, SpecView
from specs.refusals import Invalid
from workforce import goldkeeping
from workforce.api.base import QueueView
from workforce.intervals import Share
from workforce.models import Enrolment, GoldState, KnownAnswer


class ShareOut(serializers.Serializer[Any]):
    right = serializers.IntegerField()
    n = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField()
    high = serializers.FloatField()
    enough = serializers.BooleanField(help_text="Whether a verdict may rest on it.")


class GoldOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    item = serializers.CharField()
    question = serializers.CharField()
    value = serializers.JSONField()
    clauses = serializers.ListField(child=serializers.CharField())
    explanation = serializers.CharField()
    state = serializers.ChoiceField(choices=GoldState.choices)
    source = serializers.CharField()  # type: ignore[assignment]
    meaning = serializers.IntegerField()
    held = serializers.BooleanField(help_text="Not served while a clause it is bound to is flagged.")
    set_aside_for = serializers.CharField()
    reason = serializers.CharField()
    n_shown = serializers.IntegerField()
    answered = ShareOut()
    n_skilled = serializers.IntegerField()
    n_skilled_failed = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class GoldList(serializers.Serializer[Any]):
    gold = GoldOut(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class BroughtInOut(serializers.Serializer[Any]):
    n_rows = serializers.IntegerField()
    n_new = serializers.IntegerField()
    n_known = serializers.IntegerField()
    n_confirmed = serializers.IntegerField()
    n_items = serializers.IntegerField()


class FindIn(serializers.Serializer[Any]):
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=[goldkeeping.UNANIMOUS, goldkeeping.RULING]
    )
    least = serializers.IntegerField(min_value=2, max_value=50, required=False, default=3)
    limit = serializers.IntegerField(min_value=1, max_value=nominating.MAX_FOUND, required=False, default=200)


class DecideIn(serializers.Serializer[Any]):
    ids = serializers.ListField(child=serializers.IntegerField(min_value=1), min_length=1, max_length=2000)
    decision = serializers.ChoiceField(choices=["confirm", "decline"])


class CountOut(serializers.Serializer[Any]):
    n = serializers.IntegerField()


class ExplainIn(serializers.Serializer[Any]):
    explanation = serializers.CharField(allow_blank=True, max_length=20_000)


class SetAsideIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000)


class ClauseFigures(serializers.Serializer[Any]):
    clause = serializers.CharField()
    gold = ShareOut()
    again = ShareOut()


class PersonOut(serializers.Serializer[Any]):
    annotator = serializers.CharField()
    gold = ShareOut(help_text="Gold answered right, answers under flagged clauses left out.")
    again = ShareOut(help_text="Repeats answered as the first time.")
    others = ShareOut(help_text="Pairs with other people's answers that are equal.")
    clauses = ClauseFigures(many=True)


class PeopleOut(serializers.Serializer[Any]):
    people = PersonOut(many=True)
    next_before = serializers.IntegerField(allow_null=True)


def _plain(row: GoldRow) -> dict[str, Any]:
    known, health = row.known, row.health
    return {
        "id": known.pk,
        "item": known.item.key,
        "question": known.question,
        "value": known.value,
        "clauses": row.clauses,
        "explanation": known.explanation,
        "state": known.state,
        "source": known.source,
        "meaning": known.meaning,
        "held": known.held_at is not None,
        "set_aside_for": known.set_aside_for,
        "reason": known.reason,
        "n_shown": health.n_shown if health else 0,
        "answered": _share(health.right) if health else None,
        "n_skilled": health.n_skilled if health else 0,
        "n_skilled_failed": health.n_skilled_failed if health else 0,
        "created_at": known.created_at.isoformat(),
    }


def _share(found: Share) -> dict[str, Any]:
    return found.as_dict()


class Gold(SpecView):
    policies = {"get": allows("gold.manage"), "post": allows("gold.manage")}
    parser_classes = [RowsParser, CsvParser]

    @operation(
        "List a spec's known answers with their health, newest first",
        gives=GoldList,
        name="gold_list",
        parameters=[
            *PAGING,
            OpenApiParameter("state", str, enum=GoldState.values),
            OpenApiParameter("clause", str),
            OpenApiParameter("label", str),
        ],
    )
    def get(self, request: Request, project: str, spec: str) -> Response:
        found = self.spec()
        self.choice(request, "state", GoldState.values)
        chosen = {name: request.query_params.get(name, "") for name in ("state", "clause", "label")}
        rows, before = self.page(goldreading.listed(found, **chosen), request)
        return Response(
            {"gold": [_plain(row) for row in goldreading.described(found, rows)], "next_before": before}
        )

    @operation(
        "Bring in known answers (JSON Lines or CSV)",
        takes={"application/x-ndjson": OpenApiTypes.BINARY, "text/csv": OpenApiTypes.BINARY},
        gives=BroughtInOut,
        status=201,
        name="gold_bring_in",
    )
    def post(self, request: Request, project: str, spec: str) -> Response:
        csv = (request.content_type or "").startswith("text/csv")
        stream: Any = request.data
        body = b"" if isinstance(stream, dict) else stream.read(settings.MAX_DOCUMENT_BYTES + 1)
        if len(body) > settings.MAX_DOCUMENT_BYTES:
            raise Invalid(f"The file is larger than {settings.MAX_DOCUMENT_BYTES} bytes.")
        done = goldkeeping.bring_in(
            spec=self.spec(),
            source=io.BytesIO(body),
            name="rest.csv" if csv else "rest.jsonl",
            by=self.member,
        )
        return Response(vars(done), status=201)


class GoldFind(SpecView):
    policies = {"post": allows("gold.manage")}

    @operation(
        "Find candidates among unanimous tasks or rulings", takes=FindIn, gives=CountOut, name="gold_find"
    )
    def post(self, request: Request, project: str, spec: str) -> Response:
        body = self.body(FindIn, request)
        if body["source"] == goldkeeping.RULING:
            n = nominating.from_rulings(spec=self.spec(), limit=body["limit"], by=self.member)
        else:
            n = nominating.from_unanimous(
                spec=self.spec(), least=body["least"], limit=body["limit"], by=self.member
            )
        return Response({"n": n})


class GoldDecide(SpecView):
    policies = {"post": allows("gold.manage")}

    @operation("Confirm or decline candidates", takes=DecideIn, gives=CountOut, name="gold_decide")
    def post(self, request: Request, project: str, spec: str) -> Response:
        body = self.body(DecideIn, request)
        move = goldkeeping.confirm if body["decision"] == "confirm" else goldkeeping.decline
        return Response({"n": move(spec=self.spec(), ids=body["ids"], by=self.member)})


class GoldView(SpecView):
    def known(self) -> KnownAnswer:
        rows = KnownAnswer.objects.select_related("item", "spec")
        return get_or_404(rows, project=self.project, spec=self.spec(), pk=self.kwargs["known"])

    def reply(self, known: KnownAnswer) -> Response:
        return Response(_plain(goldreading.described(known.spec, [known])[0]))


class GoldOne(GoldView):
    policies = {"get": allows("gold.manage"), "patch": allows("gold.manage")}

    @operation("See one known answer", gives=GoldOut, name="gold_read")
    def get(self, request: Request, project: str, spec: str, known: int) -> Response:
        return self.reply(self.known())

    @operation("Explain why a known answer is right", takes=ExplainIn, gives=GoldOut, name="gold_explain")
    def patch(self, request: Request, project: str, spec: str, known: int) -> Response:
        found = self.known()
        body = self.body(ExplainIn, request)
        goldkeeping.explain(known=found, explanation=body["explanation"], by=self.member)
        return self.reply(self.known())


class GoldSetAside(GoldView):
    policies = {"post": allows("gold.manage")}

    @operation("Use a known answer no more", takes=SetAsideIn, gives=GoldOut, name="gold_set_aside")
    def post(self, request: Request, project: str, spec: str, known: int) -> Response:
        found = self.known()
        body = self.body(SetAsideIn, request)
        goldkeeping.set_aside(known=found, reason=body["reason"], by=self.member)
        return self.reply(self.known())


class GoldPeople(QueueView):
    policies = {"get": allows("gold.manage")}

    @operation(
        "Gold accuracy, agreement with oneself and with others, per annotator of a queue and clause",
        gives=PeopleOut,
        name="gold_people",
        parameters=PAGING,
    )
    def get(self, request: Request, project: str, queue: str) -> Response:
        found = self.queue()
        rows = Enrolment.objects.filter(queue=found, active=True).select_related("annotator")
        shown, before = self.page(rows, request)
        return Response(
            {
                "people": [
                    {
                        "annotator": row.enrolment.annotator.pseudonym,
                        "gold": _share(row.gold),
                        "again": _share(row.again),
                        "others": _share(row.others),
                        "clauses": [
                            {"clause": key, "gold": _share(gold), "again": _share(again)}
                            for key, gold, again in row.by_clause
                        ],
                    }
                    for row in goldreading.people(found, shown)
                ],
                "next_before": before,
            }
        )
