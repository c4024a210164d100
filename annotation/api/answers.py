"""Answers by REST: submit one, keep a draft of one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import submitting
from annotation.api import shapes
from specs import idempotency
from specs.access import allows, get_or_404
from specs.api.hot import HotView
from specs.api.schema import operation
from specs.refusals import Refusal
from workforce import leasing
from workforce.api.base import WorkView, lease
from workforce.models import Annotator, Assignment

IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="8 to 100 characters of your own; the same key again gives the first reply.",
)


_DEFAULTS: dict[str, Any] = {
    "citations": {},
    "flagged": False,
    "note": "",
    "keep_version": False,
    "claim_next": False,
}
_FIELDS = {"token", "values", *_DEFAULTS}


class Submit(HotView, WorkView):
    policies = {"post": allows("work.label")}

    @operation(
        "Submit an answer, and claim the next task if you like",
        takes=shapes.Submission,
        gives=shapes.Receipt,
        parameters=[IDEMPOTENCY],
        name="assignment_submit",
    )
    def post(self, request: Request, project: str, assignment: int) -> Response:
        given = self.body(shapes.Submission, request)
        status, reply = self.answer(dict(request.data), given)
        return Response(reply, status=status)

    def shaped(self, data: dict[str, Any]) -> dict[str, Any] | None:
        """A body in its plain form, checked by hand; `shapes.Submission` tells what is wrong with any other."""
        citations = data.get("citations", {})
        plain = (
            data.keys() <= _FIELDS
            and isinstance(data.get("values"), dict)
            and isinstance(citations, dict)
            and all(isinstance(keys, list) and len(keys) <= 50 for keys in citations.values())
            and all(
                isinstance(key, str) and 0 < len(key) <= 64 for keys in citations.values() for key in keys
            )
            and all(
                isinstance(data.get(name, False), bool) for name in ("flagged", "keep_version", "claim_next")
            )
            and data.get("note", "") == ""
        )
        try:
            return {**_DEFAULTS, **data, "token": UUID(data.get("token", ""))} if plain else None
        except (ValueError, TypeError, AttributeError):
            return None

    def answer(self, data: dict[str, Any], given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        key = self.request.META.get("HTTP_IDEMPOTENCY_KEY", "")
        assignment = self.kwargs["assignment"]
        route, claims = f"submit:{assignment}", given["claim_next"]
        annotator, member = self.annotator(), self.member
        asked: dict[str, Any] = {
            "annotator": annotator,
            "assignment_id": assignment,
            "token": given["token"],
            "answer": submitting.Answer(
                values=given["values"],
                citations=given["citations"],
                flagged=given["flagged"],
                note=given["note"],
                keep_version=given["keep_version"],
            ),
            "client_key": key,
            "by": member,
        }
        if (plain := submitting.submit_plain(**asked, claim_next=claims)) is not None:
            receipt, following = plain.receipt, plain.next
            if claims and following is None:
                following = self._next(receipt, annotator)
            return 200, _reply(receipt, following)
        kept = idempotency.replay(member=member, route=route, key=key, body=data)
        if kept is not None:
            receipt = submitting.Receipt(**kept.reply, since=kept.created_at)
            return 200, _reply(receipt, _since(receipt, annotator) if claims else None)
        with transaction.atomic():
            receipt = submitting.submit(**asked)
            if receipt.repeated:
                return 200, _reply(receipt, _since(receipt, annotator) if claims else None)
            idempotency.keep(member=member, route=route, key=key, body=data, status=200, reply=_kept(receipt))
            following = self._next(receipt, annotator) if claims else None
        return 200, _reply(receipt, following)

    def _next(self, receipt: submitting.Receipt, annotator: Annotator) -> leasing.Served | None:
        """A refusal to claim (a queue that was paused, say) does not undo the answer."""
        try:
            with transaction.atomic():
                return leasing.claim(queue_id=receipt.queue_id, annotator=annotator, by=self.member)
        except Refusal:
            return None


def _reply(receipt: submitting.Receipt, following: leasing.Served | None) -> dict[str, Any]:
    return {
        "outcome": receipt.outcome,
        "annotation": receipt.annotation_id,
        "task": receipt.task_id,
        "served_digest": receipt.served_digest,
        "feedback": list(receipt.feedback),
        "next": lease(following) if following else None,
    }


def _kept(receipt: submitting.Receipt) -> dict[str, Any]:
    """What is kept of a receipt that its answer alone does not tell. A plain answer tells all of it."""
    return {
        "outcome": receipt.outcome,
        "annotation_id": receipt.annotation_id,
        "task_id": receipt.task_id,
        "queue_id": receipt.queue_id,
        "served_digest": receipt.served_digest,
        "feedback": list(receipt.feedback),
    }


def _since(receipt: submitting.Receipt, annotator: Annotator) -> leasing.Served | None:
    """The task that she holds since the answer was given, as it stands: a repeated request brings no dead lease back."""
    held = leasing.held(annotator=annotator, queue_id=receipt.queue_id)
    return next((one for one in held if receipt.since is not None and one.leased_at >= receipt.since), None)


class AnswerDraft(WorkView):
    policies = {"put": allows("work.label")}

    @operation(
        "Keep a draft of an answer", takes=shapes.DraftIn, gives=shapes.DraftOut, name="assignment_draft"
    )
    def put(self, request: Request, project: str, assignment: int) -> Response:
        annotator = self.annotator()
        slot = get_or_404(Assignment, project=self.project, pk=assignment, annotator=annotator)
        body = self.body(shapes.DraftIn, request)
        revision = submitting.save_draft(
            annotator=annotator,
            task_id=slot.task_id,
            values=body["values"],
            citations=body["citations"],
            revision=body["revision"],
        )
        return Response({"revision": revision})
