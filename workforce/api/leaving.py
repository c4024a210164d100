"""Everything somebody holds, handed back by REST."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from specs.access import allows
from specs.api.schema import operation
from workforce import leasing
from workforce.api import shapes
from workforce.api.base import WorkView


class HandBack(WorkView):
    policies = {"post": allows("work.label")}

    @operation("Hand back everything you hold", gives=shapes.HandedBack, name="leases_hand_back")
    def post(self, request: Request, project: str) -> Response:
        returned = leasing.return_leases_of(
            annotator=self.annotator(), by=self.member, kind="assignment.released"
        )
        return Response({"returned": returned})
