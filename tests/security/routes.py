"""Every route of the product, as the resolver has them, with the policy each one declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.urls import URLPattern, URLResolver, get_resolver

from specs.access import Policy

BY_OTHERS = "accounts/"  # allauth's pages decide by themselves, before a project is known
PAGE_VERBS = ("get", "post")


@dataclass(frozen=True)
class Route:
    where: str
    view: Any

    @property
    def is_api(self) -> bool:
        return self.where.startswith("api/")

    @property
    def in_project(self) -> bool:
        return "<slug:project>" in self.where

    @property
    def places(self) -> list[str]:
        """The names of what the address leaves open, the project left out."""
        names = [part.split(">")[0].split(":")[-1] for part in self.where.split("<")[1:]]
        return [name for name in names if name != "project"]

    @property
    def policies(self) -> dict[str, Policy]:
        """Policy by verb; a page has one for all verbs."""
        if hasattr(self.view, "policy"):
            return dict.fromkeys(PAGE_VERBS, self.view.policy)
        return dict(getattr(getattr(self.view, "cls", None), "policies", {}))

    def address(self, project: str, ids: Mapping[str, object]) -> str:
        filled = self.where.replace("<slug:project>", project)
        for name in self.places:
            start, end = filled.index("<"), filled.index(">")
            filled = filled[:start] + str(ids[name]) + filled[end + 1 :]
        return "/" + filled


def _walk(resolver: URLResolver, prefix: str = "") -> Iterator[Route]:
    for entry in resolver.url_patterns:
        where = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield Route(where, entry.callback)
        else:
            yield from _walk(entry, where)


ROUTES = [route for route in _walk(get_resolver()) if not route.where.startswith(BY_OTHERS)]


def fingerprint(*without: str) -> list[tuple[str, int, int]]:
    """How many rows every table has and what they are: what a refused request may not change."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        names = [row[0] for row in cursor.fetchall()]
        # Live sums are folded from the ledger, by a look as well as by a job: nothing that anybody did.
        tables = [
            name
            for name in names
            if name not in ("specs_session", *without) and not name.startswith("annotation_live")
        ]
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT '{table}', count(*), coalesce(sum(hashtext(t::text)::bigint), 0)::bigint FROM {table} t"
                for table in tables
            )
        )
        return sorted(cursor.fetchall())
