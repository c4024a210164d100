"""A page without a server: our own scripts under the product's policy, the body given by the test."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings
from django.template.loader import render_to_string
from playwright.sync_api import Page, Route

ADDRESS = "http://stage.test/"
STATIC = Path(__file__).resolve().parents[2] / "static"
KINDS = {".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = "; ".join(
    f"{name} {' '.join(sources)}" for name, sources in settings.CONTENT_SECURITY_POLICY["DIRECTIVES"].items()
)


def show(page: Page, body: str) -> None:
    """Open a page with this in its main part, with the list of keys and the live region, unstyled."""
    html = render_to_string("base.html").replace('<div class="stack">', f'<div class="stack">{body}', 1)
    html = re.sub(r'<link rel="stylesheet"[^>]*>', "", html)

    def static(route: Route) -> None:
        path = STATIC / route.request.url.removeprefix(f"{ADDRESS}static/")
        route.fulfill(body=path.read_bytes(), content_type=KINDS[path.suffix])

    page.route(f"{ADDRESS}static/**", static)
    page.route(ADDRESS, lambda route: reply(route, html))
    page.goto(ADDRESS)


def reply(route: Route, html: str, status: int = 200, **headers: str) -> None:
    """Answer a request with HTML; a header is written with underscores: `HX_Trigger="..."`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    route.fulfill(
        body=html,
        status=status,
        headers={"content-type": "text/html; charset=utf-8", "content-security-policy": POLICY, **named},
    )
