"""The pages of `specs`."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver

app_name = "specs"
urlpatterns: list[URLPattern | URLResolver] = []
