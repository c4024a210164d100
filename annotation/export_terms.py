"""What a request for a snapshot says, whole and checked: the same terms give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation import export_formats, holding_out
from specs import equating, task_types, versions
from specs.models import SpecVersion, VersionState
from specs.refusals import Invalid

FORMAT = 2
SETTLED, ADJUDICATED, MAJORITY, WEIGHED, SOFT = (
    "settled",
    "adjudicated",
    "majority",
    "shrunken-dawid-skene",
    "soft",
)
RULES = {
    SETTLED: gettext_lazy("What the tasks were settled with"),
    ADJUDICATED: gettext_lazy("Only what a lead decided"),
    MAJORITY: gettext_lazy("The majority of the answers"),
    WEIGHED: gettext_lazy("Answers weighed by who gave them (Dawid-Skene, shrunken)"),
    SOFT: gettext_lazy("Soft labels: the share of every answer"),
}
BASES = {
    "consensus": gettext_lazy("Consensus"),
    "adjudicated": gettext_lazy("Adjudicated"),
    "plural": gettext_lazy("Several are right"),
    "review": gettext_lazy("Review"),
    "gold": gettext_lazy("Gold"),
    "carried": gettext_lazy("Carried"),
    "unresolved": gettext_lazy("Unresolved"),
}
USUAL_BASES = tuple(basis for basis in BASES if basis != "unresolved")
COLUMNS = {
    "payload": gettext_lazy("The item's fields"),
    "selection": gettext_lazy("Why it was selected from production"),
    "queue": gettext_lazy("Its queue"),
    "distribution": gettext_lazy("How many answers of each value"),
    "share": gettext_lazy("Share or posterior of the value"),
    "entropy": gettext_lazy("Entropy of the answers"),
    "n_answers": gettext_lazy("Number of answers"),
    "confidence": gettext_lazy("How sure the authors were"),
    "clauses": gettext_lazy("Clauses cited"),
    "ruling": gettext_lazy("The ruling, its cause and clause"),
    "spec_version": gettext_lazy("Version of the spec"),
    "settled_at": gettext_lazy("When it was settled"),
    "answers": gettext_lazy("Every answer, under pseudonyms"),
    "predictions": gettext_lazy("What models predicted"),
}
USUAL_COLUMNS = tuple(column for column in COLUMNS if column not in ("answers", "predictions"))
MOST_FILTERS = 20


@dataclass(frozen=True)
class Terms:
    """Everything that decides on the bytes but the position.

    `fields` and `labels` keep items whose field, or label, is one of the values; `after` and `before` bound when the labels were
    settled; `splits` keeps some of the splits; with `gold` a known answer stands for the label of its item. `since`
    is the number of the earliest version whose decisions count.
    """

    since: str = ""
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    after: str = ""
    before: str = ""
    bases: Sequence[str] = USUAL_BASES
    rule: str = SETTLED
    gold: bool = False
    split: bool = False
    splits: Sequence[str] = holding_out.SPLITS
    eval_percent: int | None = None
    test_percent: int | None = None
    split_by: str = ""
    columns: Sequence[str] = USUAL_COLUMNS
    item_fields: Sequence[str] = ()
    formats: Sequence[str] = ("jsonl", "parquet")


def checked(terms: Terms, version: SpecVersion) -> tuple[dict[str, Any], list[SpecVersion]]:
    """The terms as a request keeps them, but the split, and the versions that count. Raises `Invalid` with every problem."""
    if version.state == VersionState.DRAFT:
        raise Invalid(_("A snapshot names a published version."))
    questions = versions.read(version.pk).questions
    problems: list[dict[str, str]] = []

    def known(where: str, given: Sequence[str], there: Sequence[str], *, some: bool = True) -> list[str]:
        unknown = sorted(set(given) - set(there))
        if unknown or (some and not given):
            problems.append(
                {"where": where, "message": _("is one or more of: %(there)s") % {"there": ", ".join(there)}}
            )
        return [one for one in there if one in given]

    found: dict[str, Any] = {
        "rule": (known("rule", [terms.rule], list(RULES)) or [""])[0],
        "bases": known("bases", terms.bases, list(BASES)),
        "columns": known("columns", terms.columns, list(COLUMNS), some=False),
        "formats": known("formats", terms.formats, list(export_formats.FORMATS)),
        "item_fields": sorted(set(terms.item_fields)) or None,
        "fields": _filters(terms.fields, "fields", None, problems),
        "labels": _filters(terms.labels, "labels", [one["key"] for one in questions], problems),
        "after": _time(terms.after, "after", problems),
        "before": _time(terms.before, "before", problems),
        "gold": terms.gold or None,
        "splits": known("splits", terms.splits, holding_out.SPLITS) if terms.split else None,
    }
    for name in found["formats"]:
        reason = export_formats.FORMATS[name].why_not(questions)
        if reason:
            problems.append({"where": name, "message": reason})
    if terms.rule == WEIGHED and not any(task_types.get(one["kind"]).one_of_options for one in questions):
        problems.append({"where": "rule", "message": _("needs a question whose answer is one of its labels")})
    counted = _counted(version, terms.since, problems)
    if problems:
        raise Invalid(_("The snapshot cannot be built as asked."), problems=problems)
    found["versions"] = [one.number for one in counted] if terms.since else None
    found["meanings"] = sorted({one.meaning or 0 for one in counted} | {version.meaning or 0})
    return found, counted


def _filters(
    given: Mapping[str, Sequence[str]], where: str, there: list[str] | None, problems: list[dict[str, str]]
) -> dict[str, list[str]] | None:
    if len(given) > MOST_FILTERS or any(not values for values in given.values()):
        problems.append(
            {
                "where": where,
                "message": _("names at most %(n)s filters, each with values") % {"n": MOST_FILTERS},
            }
        )
    if there is not None and set(given) - set(there):
        problems.append(
            {"where": where, "message": _("is one or more of: %(there)s") % {"there": ", ".join(there)}}
        )
    return {name: sorted(set(map(str, values))) for name, values in sorted(given.items())} or None


def _time(text: str, where: str, problems: list[dict[str, str]]) -> str | None:
    """A moment in UTC, so that two spellings of it are one request."""
    if not text:
        return None
    try:
        found = parse_datetime(text) or datetime.fromisoformat(text)
    except ValueError:
        problems.append({"where": where, "message": _("is a time such as 2026-01-31T12:00:00+00:00")})
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return found.astimezone(UTC).isoformat()


def _counted(version: SpecVersion, since: str, problems: list[dict[str, str]]) -> list[SpecVersion]:
    """The published versions from *since* to this one, oldest first; they have to ask for the same labels."""
    if not since:
        return [version]
    rows = list(SpecVersion.objects.published().filter(spec_id=version.spec_id).newest_first())[::-1]
    numbers = [one.number for one in rows]
    if since not in numbers or numbers.index(since) > numbers.index(version.number):
        problems.append(
            {
                "where": "since",
                "message": _("is a published version up to %(number)s") % {"number": version.number},
            }
        )
        return [version]
    counted = rows[numbers.index(since) : numbers.index(version.number) + 1]
    alike = equating.together(spec_id=version.spec_id, meaning=version.meaning or 0)
    other = [one.number for one in counted if one.meaning not in alike]
    if other:
        problems.append(
            {
                "where": "since",
                "message": _(
                    "takes in versions with another meaning that nobody declared the same: %(other)s"
                )
                % {"other": ", ".join(other)},
            }
        )
    return counted
