"""The routes of the API, version 1: each app's own below the project, and the schema that describes them."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

import annotation.api.urls
import workforce.api.urls
from annotation.api.client import ClientFile
from annotation.config.api_schema import ApiReference, ApiSchema

project: list[URLPattern | URLResolver] = [
    # Routes are tried in order, and there are many: those that are asked for all the time come first.
    *annotation.api.urls.BUSIEST,
    *workforce.api.urls.BUSIEST,
    path("", include("specs.api.urls")),
    path("", include("workforce.api.urls")),
    path("", include("annotation.api.urls")),
]
urlpatterns = [
    path("projects/<slug:project>/", include(project)),
    path("client.py", ClientFile.as_view(), name="api-client"),
    path("schema", ApiSchema.as_view(), name="api-schema"),
    path("docs", ApiReference.as_view(), name="api-reference"),
]
