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
        status, reply = self.answer(request.data, self.body(shapes.Submission, request))
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
        keep = idempotency.Keep(route, idempotency.body_digest(data))
        if (plain := submitting.submit_plain(**asked, claim_next=claims, keep=keep)) is not None:
            receipt, following = plain.receipt, plain.next
            if claims and following is None and (following := self._next(receipt, annotator)) is not None:
                idempotency.amend(member=member, route=route, key=key, next=_named(following))
            return 200, _reply(receipt, lease(following) if following else None)
        kept = idempotency.replay(member=member, route=route, key=key, body=data)
        if kept is not None:
            return 200, {**kept.reply, "next": _as_it_stands(kept.reply["next"], annotator)}
        with transaction.atomic():
            receipt = submitting.submit(**asked)
            following = self._next(receipt, annotator) if claims else None
            kept_reply = _reply(receipt, _named(following) if following else None)
            idempotency.keep(member=member, route=route, key=key, body=data, status=200, reply=kept_reply)
        return 200, _reply(receipt, lease(following) if following else None)

    def _next(self, receipt: submitting.Receipt, annotator: Annotator) -> leasing.Served | None:
        """A refusal to claim (a queue that was paused, say) does not undo the answer."""
        try:
            with transaction.atomic():
                return leasing.claim(queue_id=receipt.queue_id, annotator=annotator, by=self.member)
        except Refusal:
            return None


def _reply(receipt: submitting.Receipt, following: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "outcome": receipt.outcome,
        "annotation": receipt.annotation_id,
        "task": receipt.task_id,
        "served_digest": receipt.served_digest,
        "feedback": list(receipt.feedback),
        "next": following,
    }


def _named(served: leasing.Served) -> dict[str, Any]:
    """A lease as a kept reply names it: its item is not kept twice."""
    return {"assignment": served.assignment_id, "token": str(served.token)}


def _as_it_stands(named: dict[str, Any] | None, annotator: Annotator) -> dict[str, Any] | None:
    """The lease that the first reply brought, or null once it has ended: a repeat brings no dead lease back."""
    if named is None:
        return None
    held = leasing.held(annotator=annotator, assignment_id=named["assignment"])
    return lease(held[0]) if held and str(held[0].token) == named["token"] else None


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
