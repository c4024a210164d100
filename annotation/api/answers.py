"""Answers by REST: submit one or several, keep a draft of one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import keeping, submitting
from annotation.api import shapes
from specs import idempotency
from specs.access import allows, get_or_404
from specs.api import problems
from specs.api.hot import HotView
from specs.api.schema import operation
from specs.refusals import Invalid, Refusal
from specs.tokens import Bearer
from workforce import batching, leasing, limiting
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
    "confidence": None,
    "note": "",
    "keep_version": False,
    "claim_next": False,
}
_FIELDS = {"token", "values", *_DEFAULTS}


class Submit(HotView, WorkView):
    policies = {"post": allows("work.label")}
    own_keys = True

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
            and (
                "confidence" not in data or (type(data["confidence"]) is int and 1 <= data["confidence"] <= 5)
            )
        )
        try:
            return {**_DEFAULTS, **data, "token": UUID(data.get("token", ""))} if plain else None
        except (ValueError, TypeError, AttributeError):
            return None

    def answer(self, data: dict[str, Any], given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        key = self.request.META.get("HTTP_IDEMPOTENCY_KEY", "")
        who = (self.annotator(), self.bearer)
        return 200, submit_one(*who, assignment=self.kwargs["assignment"], key=key, data=data, given=given)


class SubmitMany(WorkView):
    policies = {"post": allows("work.label")}
    own_keys = True  # each answer has its own, and its own transaction

    @operation(
        "Submit several answers at once: each counts by itself, and each has its own reply",
        takes=shapes.Submissions,
        gives=shapes.Outcomes,
        status=207,
        name="assignments_submit",
        examples=shapes.SUBMISSIONS_EXAMPLES,
        keys_inside=True,
    )
    def post(self, request: Request, project: str) -> Response:
        answers = self.body(shapes.Submissions, request)["answers"]
        if len(answers) > settings.MAX_SUBMITTED_AT_ONCE:
            raise Invalid(
                f"At most {settings.MAX_SUBMITTED_AT_ONCE} answers come at once.",
                problems=[{"where": "answers", "message": f"are at most {settings.MAX_SUBMITTED_AT_ONCE}"}],
            )
        return Response({"replies": [self._reply(data) for data in answers]}, status=207)

    def _reply(self, data: dict[str, Any]) -> dict[str, Any]:
        """What one of them would have got by itself. Whatever it runs into is its own reply, and undoes nothing else."""
        told: dict[str, Any] = {"assignment": data.get("assignment"), "receipt": None, "problem": None}
        try:
            given = self.checked(shapes.SubmissionOfMany, data)
            assignment, key = given.pop("assignment"), given.pop("idempotency_key")
            # The body of this answer alone: sent again by itself under its key, it is the same one.
            alone = {
                name: value for name, value in data.items() if name not in ("assignment", "idempotency_key")
            }
            receipt = submit_one(
                self.annotator(), self.bearer, assignment=assignment, key=key, data=alone, given=given
            )
        except Exception as error:
            refused = problems.handler(error, {})
            if refused is None:
                raise
            return {**told, "status": refused.status_code, "problem": refused.data}
        return {**told, "status": 200, "receipt": receipt}


def submit_one(
    annotator: Annotator,
    bearer: Bearer,
    *,
    assignment: int,
    key: str,
    data: dict[str, Any],
    given: dict[str, Any],
) -> dict[str, Any]:
    """Submit one answer in transactions of its own, and lease the next task if asked; returns the reply."""
    route, claims, member = f"submit:{assignment}", given["claim_next"], bearer.member
    asked: dict[str, Any] = {
        "annotator": annotator,
        "assignment_id": assignment,
        "token": given["token"],
        "answer": submitting.Answer(
            values=given["values"],
            citations=given["citations"],
            flagged=given["flagged"],
            confidence=given["confidence"],
            note=given["note"],
            keep_version=given["keep_version"],
        ),
        "client_key": key,
        "by": member,
    }
    # a limited token counts what is held before it takes more
    at_once = claims and bearer.max_leases is None
    if (plain := submitting.submit_plain(**asked, claim_next=at_once)) is not None:
        receipt, following = plain.receipt, plain.next
        if claims and following is None:
            following = _next(receipt, annotator, bearer)
        return _reply(receipt, following)
    kept = idempotency.replay(member=member, route=route, key=key, body=data)
    if kept is not None:
        receipt = submitting.Receipt(**kept.reply, since=kept.created_at)
        return _reply(receipt, _since(receipt, annotator) if claims else None)
    with limiting.within(bearer=bearer, annotator=annotator), transaction.atomic():
        receipt = submitting.submit(**asked)
        if receipt.repeated:
            return _reply(receipt, _since(receipt, annotator) if claims else None)
        idempotency.keep(member=member, route=route, key=key, body=data, status=200, reply=_kept(receipt))
        following = _next(receipt, annotator, bearer) if claims else None
    return _reply(receipt, following)


def _next(receipt: submitting.Receipt, annotator: Annotator, bearer: Bearer) -> leasing.Served | None:
    """A refusal to claim (a queue that was paused, say) does not undo the answer."""
    try:
        with transaction.atomic():
            return batching.claim_one(queue_id=receipt.queue_id, annotator=annotator, bearer=bearer)
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
        revision = keeping.save_draft(
            annotator=annotator,
            task_id=slot.task_id,
            values=body["values"],
            citations=body["citations"],
            revision=body["revision"],
            flagged=body["flagged"],
            confidence=body["confidence"],
            note=body["note"],
        )
        return Response({"revision": revision})
