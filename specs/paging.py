"""Keyset pages for lists on pages: newest first, `?before=ID`, at a cost that does not grow with the page."""

from __future__ import annotations

from typing import TypeVar

from django.conf import settings
from django.db import models
from django.http import HttpRequest

Row = TypeVar("Row", bound=models.Model)


def newest_first(
    request: HttpRequest, rows: models.QuerySet[Row], *, named: str = "before"
) -> tuple[list[Row], str]:
    """The rows of the asked page, and the address of the next one ("" at the end), other parameters kept.

    `named`: the parameter's name, for a second list on one page.
    """
    before = request.GET.get(named, "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    found = list(rows.order_by("-pk")[: settings.PAGE_SIZE + 1])
    shown = found[: settings.PAGE_SIZE]
    if len(found) == len(shown):
        return shown, ""
    query = request.GET.copy()
    query[named] = str(shown[-1].pk)
    return shown, f"?{query.urlencode()}"
