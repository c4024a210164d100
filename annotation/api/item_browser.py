"""The item browser by REST: what the pages find, show and do."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import bulk_kinds, cataloguing, changing_many, finding, item_rows, item_story, saving_filters
from annotation.api import item_shapes as shapes
from annotation.models import BulkChange, Tag
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.views import PAGING
from specs.refusals import NotAllowed
from workforce.models import Item

LOOKED_FOR = 0.5
"""Seconds for which a request waits at the most until what just happened is found."""
_ASKED = [
    OpenApiParameter("text", str, description="Words; a phrase in quotes, `or`, `-word`, `begin*`."),
    OpenApiParameter("key", str, description="How the key begins."),
    OpenApiParameter("field", str, many=True, description="`name=value` of the payload; all of them."),
    OpenApiParameter(
        "label", str, many=True, description="`question=value` that a task ended with; all of them."
    ),
    OpenApiParameter(
        "said", str, many=True, description="`question=value` that somebody answered; all of them."
    ),
    OpenApiParameter("annotator", str, description="Pseudonym of somebody who answered."),
    OpenApiParameter(
        "clause", str, description="Key of a clause that an answer cites; `none`: that none fits."
    ),
    OpenApiParameter("state", str, many=True, enum=list(finding.STATES), description="One of them."),
    OpenApiParameter("queue", str),
    OpenApiParameter("tag", str, many=True, description="All of them."),
    OpenApiParameter(
        "differ_from", float, description="Share of pairs of answers that differ, at the least."
    ),
    OpenApiParameter("differ_to", float, description="And at the most."),
    OpenApiParameter("review", bool, description="An answer is under review."),
    OpenApiParameter("flagged", bool, description="An answer was flagged by its author."),
    OpenApiParameter(
        "standing", str, enum=list(finding.STANDING), description="Whether its source still has it."
    ),
    OpenApiParameter("order", str, enum=list(finding.ORDERS)),
    OpenApiParameter("after", str, description="`next_after` of the page before."),
    OpenApiParameter("limit", int),
]


def asked_of(view: ApiView, request: Request) -> finding.Asked:
    """What the address asks. What it says must be one of what there is to say."""
    asked = request._request.GET.copy()
    for name in ("review", "flagged"):
        if name in asked and not view.flag(request, name):
            del asked[name]
    view.choice(request, "standing", finding.STANDING)
    view.choice(request, "order", finding.ORDERS)
    return finding.Asked.of(asked)


class Items(ApiView):
    policies = {"get": allows("item.read")}

    @operation("Look for items", gives=shapes.ItemList, parameters=_ASKED, name="items_list")
    def get(self, request: Request, project: str) -> Response:
        whole = cataloguing.catch_up(project_id=self.project.pk, seconds=LOOKED_FOR, wait=False).whole
        found = finding.find(
            project=self.project,
            asked=asked_of(self, request),
            eyes=finding.Eyes.of(self.member, self.bearer.permissions),
            after=request.query_params.get("after", ""),
            limit=shapes.limit_of(self, request),
        )
        rows = item_rows.rows(self.project, found.entries)
        return Response(
            {
                "items": shapes.ItemRow(rows, many=True).data,
                "n": found.n,
                "more_than_n": found.more_than,
                "complete": whole,
                "next_after": found.next or None,
            }
        )


class ItemOne(ApiView):
    policies = {"get": allows("item.read")}

    @operation(
        "See all that became of an item",
        gives=shapes.ItemStory,
        name="item_read",
        parameters=[
            OpenApiParameter("exports", bool, description="Look it up in the newest snapshots as well.")
        ],
    )
    def get(self, request: Request, project: str, item: int) -> Response:
        found = get_or_404(Item.objects.select_related("project", "load"), project=self.project, pk=item)
        story = item_story.read(item=found, member=self.member, allowed=self.bearer.permissions)
        told = shapes.story(story)
        if self.flag(request, "exports") and "snapshot.read" in self.bearer.permissions:
            told["exports"] = [
                {"snapshot": one["snapshot"].pk, "digest": one["snapshot"].digest, "labels": one["labels"]}
                for one in item_story.exports(item=found)
            ]
        return Response(told)


class Tags(ApiView):
    policies = {"get": allows("item.read")}

    @operation("List the tags of items", gives=shapes.TagList, name="tags_list")
    def get(self, request: Request, project: str) -> Response:
        rows = Tag.objects.filter(project=self.project).order_by("key")
        return Response({"tags": list(rows.values_list("key", flat=True))})


class Filters(ApiView):
    policies = {"get": allows("item.read"), "post": allows("item.read")}

    @operation(
        "List the filters that you keep or that are shared", gives=shapes.FilterList, name="filters_list"
    )
    def get(self, request: Request, project: str) -> Response:
        rows = saving_filters.seen_by(self.member)
        return Response({"filters": shapes.FilterShape(rows, many=True).data})

    @operation(
        "Keep a filter under a name",
        takes=shapes.FilterIn,
        gives=shapes.FilterShape,
        status=201,
        name="filter_save",
        examples=[
            OpenApiExample(
                "Disputed ones in German",
                value={"name": "German disputes", "query": "state=disputed&field=lang%3Dde", "shared": True},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, project: str) -> Response:
        body = self.body(shapes.FilterIn, request)
        kept = saving_filters.save(
            name=body["name"], asked=shapes.asked(body["query"]), shared=body["shared"], by=self.member
        )
        return Response(shapes.FilterShape(kept).data, status=201)


class FilterOne(ApiView):
    policies = {"delete": allows("item.read")}

    @operation("Drop a filter", status=204, name="filter_delete")
    def delete(self, request: Request, project: str, filter: int) -> Response:
        kept = get_or_404(saving_filters.seen_by(self.member), project=self.project, pk=filter)
        saving_filters.forget(kept=kept, by=self.member)
        return Response(status=204)


class Changes(ApiView):
    policies = {"get": allows("item.read"), "post": allows("item.read")}

    @operation(
        "List what was done to many items, newest first",
        gives=shapes.ChangeList,
        parameters=PAGING,
        name="bulk_changes_list",
    )
    def get(self, request: Request, project: str) -> Response:
        rows, before = self.page(
            BulkChange.objects.filter(project=self.project).select_related("job"), request
        )
        return Response({"changes": shapes.ChangeShape(rows, many=True).data, "next_before": before})

    @operation(
        "Propose to do one thing to many items: what it would meet is in the answer, nothing is done",
        takes=shapes.ChangeIn,
        gives=shapes.ChangeShape,
        status=201,
        name="bulk_change_propose",
        examples=[
            OpenApiExample(
                "All that are found get priority 500",
                value={"kind": "prioritise", "query": "state=open&text=refund", "priority": 500},
                request_only=True,
            ),
            OpenApiExample(
                "Some are tagged", value={"kind": "tag", "items": [17, 18], "tag": "odd"}, request_only=True
            ),
        ],
    )
    def post(self, request: Request, project: str) -> Response:
        body = self.body(shapes.ChangeIn, request)
        _may(self, body["kind"])
        every = "query" in body
        change = changing_many.propose(
            kind=body.pop("kind"),
            items=body.pop("items", ()),
            asked=shapes.asked(body.pop("query")) if every else None,
            given=body,
            by=self.member,
        )
        return Response(shapes.ChangeShape(change).data, status=201)


def _may(view: ApiView, kind: str) -> None:
    if bulk_kinds.KINDS[kind].permission not in view.bearer.permissions:
        raise NotAllowed("The token lacks the permission for this kind of change.")


class ChangeOne(ApiView):
    policies = {"get": allows("item.read")}

    @operation("See one change of many items", gives=shapes.ChangeShape, name="bulk_change_read")
    def get(self, request: Request, project: str, change: int) -> Response:
        return Response(shapes.ChangeShape(_change(self)).data)


def _change(view: ApiView) -> BulkChange:
    rows = BulkChange.objects.select_related("job")
    return get_or_404(rows, project=view.project, pk=view.kwargs["change"])


class _Step(ApiView):
    """One step of a change, which answers with the change."""

    policies = {"post": allows("item.read")}

    def taken(self, step: Any) -> Response:
        change = _change(self)
        _may(self, change.kind)
        done = step(change=change, by=self.member)
        return Response(shapes.ChangeShape(done).data)


class ChangeBegin(_Step):
    @operation(
        "Do it: at once where it is few items, else in a job",
        gives=shapes.ChangeShape,
        name="bulk_change_begin",
    )
    def post(self, request: Request, project: str, change: int) -> Response:
        return self.taken(changing_many.begin)


class ChangeUndo(_Step):
    @operation("Take it back, as far as that is possible", gives=shapes.ChangeShape, name="bulk_change_undo")
    def post(self, request: Request, project: str, change: int) -> Response:
        return self.taken(changing_many.undo)


class ChangeDismiss(_Step):
    @operation("Leave everything as it is", gives=shapes.ChangeShape, name="bulk_change_dismiss")
    def post(self, request: Request, project: str, change: int) -> Response:
        return self.taken(changing_many.dismiss)
