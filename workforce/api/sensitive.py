"""Who may not see what, by REST: sensitive categories and consent, what was seen, people and items kept apart."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.shapes import Key
from specs.api.views import PAGING
from specs.refusals import Invalid
from workforce import excluding
from workforce.api.base import WorkView
from workforce.models import Annotator, Exclusion, SensitiveCategory


class CategoryShape(serializers.ModelSerializer[SensitiveCategory]):
    class Meta:
        model = SensitiveCategory
        fields = ("key", "name", "warning")


class CategoryList(serializers.Serializer[Any]):
    categories = CategoryShape(many=True)


class NewCategory(serializers.Serializer[Any]):
    key = Key()
    name = serializers.CharField(max_length=100)
    warning = serializers.CharField(max_length=5000, help_text="What people will see.")


class MarkIn(serializers.Serializer[Any]):
    items = serializers.ListField(child=serializers.CharField(max_length=200), min_length=1)


class Marked(serializers.Serializer[Any]):
    items = serializers.IntegerField(help_text="How many were not marked yet.")


class Seen(serializers.Serializer[Any]):
    items_this_hour = serializers.IntegerField()
    items_per_hour = serializers.IntegerField()
    minutes_today = serializers.FloatField()
    minutes_per_day = serializers.IntegerField()
    capped = serializers.BooleanField()


class ExclusionShape(serializers.ModelSerializer[Exclusion]):
    annotator = serializers.CharField(source="annotator.pseudonym")
    other = serializers.CharField(source="other.pseudonym", allow_null=True, default=None)

    class Meta:
        model = Exclusion
        fields = ("id", "annotator", "other", "field", "value", "since")


class ExclusionList(serializers.Serializer[Any]):
    exclusions = ExclusionShape(many=True)
    next_before = serializers.IntegerField(allow_null=True)


class ExclusionIn(serializers.Serializer[Any]):
    annotator = serializers.CharField(max_length=64, help_text="Pseudonym.")
    other = serializers.CharField(
        max_length=64, required=False, allow_blank=True, default="", help_text="Who has to be kept apart."
    )
    field = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    value = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class Categories(ApiView):
    policies = {"get": allows("spec.read"), "post": allows("queue.manage")}

    @operation("List the categories of sensitive content", gives=CategoryList, name="sensitive_list")
    def get(self, request: Request, project: str) -> Response:
        rows = SensitiveCategory.objects.filter(project=self.project).order_by("key")
        return Response({"categories": CategoryShape(rows, many=True).data})

    @operation("Add a category", takes=NewCategory, gives=CategoryShape, status=201, name="sensitive_add")
    def post(self, request: Request, project: str) -> Response:
        made = excluding.add_category(project=self.project, by=self.member, **self.body(NewCategory, request))
        return Response(CategoryShape(made).data, status=201)


class _OfCategory(WorkView):
    def category(self) -> SensitiveCategory:
        return get_or_404(SensitiveCategory, project=self.project, key=self.kwargs["category"])


class Mark(_OfCategory):
    policies = {"post": allows("queue.manage")}

    @operation("Mark items as of a category", takes=MarkIn, gives=Marked, name="sensitive_mark")
    def post(self, request: Request, project: str, category: str) -> Response:
        n = excluding.mark(category=self.category(), by=self.member, **self.body(MarkIn, request))
        return Response({"items": n})


class ConsentOne(_OfCategory):
    policies = {"put": allows("work.label"), "delete": allows("work.label")}

    @operation("Agree to see a category, having read its warning", status=204, name="sensitive_agree")
    def put(self, request: Request, project: str, category: str) -> Response:
        excluding.agree(annotator=self.annotator(), category=self.category(), by=self.member)
        return Response(status=204)

    @operation("Do not see a category any more", status=204, name="sensitive_withdraw")
    def delete(self, request: Request, project: str, category: str) -> Response:
        excluding.withdraw(annotator=self.annotator(), category=self.category(), by=self.member)
        return Response(status=204)


class SeenSoFar(WorkView):
    policies = {"get": allows("work.label")}

    @operation("What you have seen of what is sensitive", gives=Seen, name="sensitive_seen")
    def get(self, request: Request, project: str) -> Response:
        used = excluding.used(self.annotator())
        return Response(
            {
                "items_this_hour": used.n_this_hour,
                "items_per_hour": settings.SENSITIVE_PER_HOUR,
                "minutes_today": round(used.minutes_today, 1),
                "minutes_per_day": settings.SENSITIVE_MINUTES_PER_DAY,
                "capped": used.capped,
            }
        )


class Exclusions(ApiView):
    policies = {"get": allows("queue.manage"), "post": allows("queue.manage")}

    @operation(
        "List who is kept from whom and from what, newest first",
        gives=ExclusionList,
        parameters=PAGING,
        name="exclusions_list",
    )
    def get(self, request: Request, project: str) -> Response:
        rows, before = self.page(
            Exclusion.objects.filter(project=self.project, ended_at__isnull=True).select_related(
                "annotator", "other"
            ),
            request,
        )
        return Response({"exclusions": ExclusionShape(rows, many=True).data, "next_before": before})

    @operation(
        "Keep two people apart, or somebody from items", takes=ExclusionIn, status=204, name="exclusion_add"
    )
    def post(self, request: Request, project: str) -> Response:
        body = self.body(ExclusionIn, request)
        if bool(body["other"]) == bool(body["field"]):
            raise Invalid("Name another annotator, or a field of the items and its value.")
        annotator = get_or_404(Annotator, project=self.project, pseudonym=body["annotator"])
        if body["other"]:
            other = get_or_404(Annotator, project=self.project, pseudonym=body["other"])
            excluding.keep_apart(one=annotator, other=other, by=self.member)
        else:
            excluding.keep_from(annotator=annotator, field=body["field"], value=body["value"], by=self.member)
        return Response(status=204)


class ExclusionEnd(ApiView):
    policies = {"post": allows("queue.manage")}

    @operation("Lift an exclusion", status=204, name="exclusion_end")
    def post(self, request: Request, project: str, exclusion: int) -> Response:
        excluding.end(exclusion=get_or_404(Exclusion, project=self.project, pk=exclusion), by=self.member)
        return Response(status=204)
