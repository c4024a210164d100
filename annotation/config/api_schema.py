"""The OpenAPI document and its reference page: public, since they name no data."""

from __future__ import annotations

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONOpenAPIRenderer, TemplateHTMLRenderer

from specs.access import PUBLIC


class ApiSchema(SpectacularAPIView):
    policies = {"get": PUBLIC}
    permission_classes = [AllowAny]
    renderer_classes = [JSONOpenAPIRenderer]


class ApiReference(SpectacularSwaggerSplitView):
    policies = {"get": PUBLIC}
    permission_classes = [AllowAny]
    renderer_classes = [TemplateHTMLRenderer]
    url_name = "api-schema"
