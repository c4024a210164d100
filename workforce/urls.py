"""The pages of `workforce`."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver

app_name = "workforce"
urlpatterns: list[URLPattern | URLResolver] = []
