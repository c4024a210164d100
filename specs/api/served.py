"""What was served with an answer, found by the digest that the answer names."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from specs import precedents
from specs.access import allows
from specs.api.schema import operation
from specs.api.views import SpecView
from specs.models import PrecedentSet, SpecVersion


class ShownOut(serializers.Serializer[Any]):
    precedent = serializers.IntegerField()
    clause = serializers.CharField()
    text = serializers.CharField()
    ruled = serializers.CharField()


class ServedOut(serializers.Serializer[Any]):
    digest = serializers.CharField()
    version = serializers.CharField()
    version_digest = serializers.CharField()
    precedents = ShownOut(many=True)
    canonical = serializers.CharField(help_text="The bytes that the digest covers, as UTF-8 text.")


class Served(SpecView):
    policies = {"get": allows("spec.read")}

    @operation("The version and the precedents that a digest names", gives=ServedOut, name="served_read")
    def get(self, request: Request, project: str, spec: str, served: str) -> Response:
        found = self.spec()
        version = SpecVersion.objects.frozen().filter(spec=found, digest=served).order_by("-pk").first()
        if version is not None:
            return Response(_as_json(version, served, bytes(version.canonical or b""), []))
        row = (
            PrecedentSet.objects.filter(project=self.project, version__spec=found, digest=served)
            .select_related("version")
            .order_by("pk")
            .first()
        )
        if row is None:
            raise Http404
        return Response(_as_json(row.version, served, bytes(row.canonical), precedents.parsed(row)))


def _as_json(version: SpecVersion, digest: str, data: bytes, shown: list[precedents.Shown]) -> dict[str, Any]:
    return {
        "digest": digest,
        "version": version.number,
        "version_digest": version.digest,
        "precedents": [asdict(one) for one in shown],
        "canonical": data.decode(),
    }
