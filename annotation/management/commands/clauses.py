"""Which clauses are ambiguous, and which only somebody misreads; nothing is kept."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotation import gathering, weighing
from annotation.management.scoping import add_scope, scope_of

NUMBERS = (
    *("disagreement", "raw", "shrunk", "excess", "low", "high", "z", "z_without", "flagged", "weighty"),
    *("above_limit", "due_to_people", "due_to_clause", "reason", "confusions", "why"),
)


class Command(BaseCommand):
    help = "Every clause with its verdict and what it rests on, by where to look first."

    def add_arguments(self, parser: CommandParser) -> None:
        add_scope(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        found = gathering.read(scope_of(options))
        names = weighing.named([pk for one in found.clauses for pk in one.annotators])
        rows = [_row(one, names) for one in found.clauses]
        if options["json"]:
            whole = {name: found.numbers[name] for name in ("limit", "bad_throughout", "confusions")}
            self.stdout.write(json.dumps({"clauses": rows, **whole}))
            return
        for row in rows:
            self.stdout.write(_line(row))
        if bad := found.numbers["bad_throughout"]:
            self.stdout.write(
                f"Bad throughout: {bad['above']} of {bad['of']} clauses lie above the limit of {bad['limit']:.0%}."
            )


def _row(one: gathering.Found, names: dict[int, str]) -> dict[str, Any]:
    return {
        "key": one.clause.key,
        "number": one.clause.number,
        "items": one.numbers["n_items"],
        "answers": one.numbers["n_answers"],
        **{name: one.numbers[name] for name in NUMBERS},
        "verdict": str(one.verdict),
        "beside": one.beside.key if one.beside else None,
        "annotators": [names[pk] for pk in one.annotators],
    }


def _line(row: dict[str, Any]) -> str:
    numbers = (
        "-" if row["low"] is None else f"{row['disagreement']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
    )
    said = ", ".join(row["annotators"]) or row["beside"] or row["reason"]
    pointers = "; ".join(f"{one['kind']} {one['share']:.0%} (n={one['n']})" for one in row["why"])
    verdict = row["verdict"] if row["verdict"] not in ("too_few", "rarely_used") else "no verdict"
    return f"§{row['number']} {row['key']}: {numbers} n={row['items']} {verdict} {said} [{pointers}]".replace(
        " []", ""
    )
