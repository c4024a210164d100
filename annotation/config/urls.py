"""All routes: the pages of the three apps, accounts, the API, and what machines ask about health."""

from __future__ import annotations

from django.urls import include, path

from annotation.config import health, metrics

urlpatterns = [
    path("api/v1/", include("annotation.config.api_urls")),  # first: the busiest, and tried in order
    path("", include("annotation.urls")),
    path("", include("workforce.urls")),
    path("", include("specs.urls")),
    path("accounts/", include("allauth.urls")),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
]
handler400 = "annotation.config.errors.bad_request"
handler403 = "annotation.config.errors.forbidden"
handler404 = "annotation.config.errors.not_found"
handler500 = "annotation.config.errors.fault"
