"""The routes of the API, version 1: each app's own below the project, and the schema that describes them."""

from __future__ import annotations

from django.urls import include, path

from annotation.config.api_schema import ApiReference, ApiSchema

project = [
    path("", include("specs.api.urls")),
    path("", include("workforce.api.urls")),
    path("", include("annotation.api.urls")),
]
urlpatterns = [
    path("schema", ApiSchema.as_view(), name="api-schema"),
    path("docs", ApiReference.as_view(), name="api-reference"),
    path("projects/<slug:project>/", include(project)),
]
