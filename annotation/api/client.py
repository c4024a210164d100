"""The client as a file: what it does, everybody may read."""

from __future__ import annotations

from pathlib import Path

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from specs.access import PUBLIC
from specs.api.base import ApiView
from specs.api.schema import operation

FILE = Path(__file__).parents[1] / "client" / "concordat.py"


class ClientFile(ApiView):
    policies = {"get": PUBLIC}
    permission_classes = [AllowAny]

    @operation(
        "Download the Python client: one file without dependencies",
        gives=OpenApiTypes.STR,
        media="text/x-python",
        name="client_read",
    )
    def get(self, request: Request) -> HttpResponse:
        headers = {
            "Content-Disposition": 'attachment; filename="concordat.py"',
            "X-Content-Type-Options": "nosniff",
        }
        return HttpResponse(FILE.read_bytes(), content_type="text/x-python; charset=utf-8", headers=headers)
