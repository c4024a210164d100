"""The OpenAPI document and its reference page: public, since they name no data."""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

from django.http import HttpResponse
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONOpenAPIRenderer, TemplateHTMLRenderer
from rest_framework.request import Request

from specs.access import PUBLIC
from specs.middleware import with_etag

_one_at_a_time = threading.Lock()


@cache
def _document() -> bytes:
    """The document, made once by a process: that takes seconds, and two at once would get in each other's way."""
    made = SchemaGenerator(urlconf=None, api_version=None).get_schema(request=None, public=True)
    return JSONOpenAPIRenderer().render(made, renderer_context={})


class ApiSchema(SpectacularAPIView):
    policies = {"get": PUBLIC}
    permission_classes = [AllowAny]
    renderer_classes = [JSONOpenAPIRenderer]

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        with _one_at_a_time, translation.override("en"):
            document = _document()
        return with_etag(
            request._request,
            HttpResponse(document, content_type="application/vnd.oai.openapi+json; charset=utf-8"),
        )


class ApiReference(SpectacularSwaggerSplitView):
    policies = {"get": PUBLIC}
    permission_classes = [AllowAny]
    renderer_classes = [TemplateHTMLRenderer]
    url_name = "api-schema"
