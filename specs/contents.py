"""A version as plain data: its words in order, the digest over them, what stands in the way of publishing a draft.

Drafts are read from their rows, frozen versions from the canonical bytes that their digest covers, so that anything can be
compared with anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from specs import canonical, diff, pictures, schema
from specs import clauses as clause_shape
from specs.models import (
    ChangeClass,
    ClauseLineage,
    DraftClause,
    Picture,
    SpecVersion,
    VersionState,
)
from specs.problems import Problem
from specs.refusals import Invalid


def content(version: SpecVersion) -> dict[str, Any]:
    """A version as plain data, the shape that `specs.diff` compares: clauses in order and questions.

    A clause that this very version split or merged names its `ancestors`.
    """
    if version.state != VersionState.DRAFT:
        frozen = canonical.loads_strict(bytes(version.canonical or b"{}"))
        return {"clauses": frozen["clauses"], "questions": frozen["questions"]}
    rows = DraftClause.objects.filter(version=version).select_related("clause").order_by("position")
    return {"clauses": [_plain(row) for row in rows], "questions": schema.clean(version.questions)}


def _ancestry(rows: QuerySet[ClauseLineage]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows.select_related("clause", "ancestor").order_by("ancestor__key"):
        found.setdefault(row.clause.key, []).append({"key": row.ancestor.key, "kind": row.kind})
    return found


def _plain(row: DraftClause) -> dict[str, Any]:
    cleaned = clause_shape.clean({"title": row.title, "blocks": row.blocks, "governs": row.governs})
    ancestors = sorted(row.ancestors, key=lambda entry: str(entry["key"]))
    return {
        "key": row.clause.key,
        "section": row.section,
        **cleaned,
        **({"ancestors": ancestors} if ancestors else {}),
    }


def canonical_bytes(version: SpecVersion, *, questions: Sequence[Any] | None = None) -> bytes:
    """The bytes a version's digest covers: its clauses in order and its questions, under a format number.

    With *questions*, what it would be if it asked these instead of its own.
    """
    whole = content(version)
    if questions is not None:
        whole["questions"] = list(questions)
    return canonical.dumps({"format": canonical.FORMAT, "spec": version.spec.key, **whole})


def digest_of(version: SpecVersion) -> str:
    """A published version's digest, or what a draft's would be if it were published as it stands."""
    return version.digest or canonical.digest(canonical_bytes(version))


def compare(old: SpecVersion, new: SpecVersion) -> diff.Difference:
    """The difference between any two versions of a spec; clauses split or merged on the way from one to the other are known."""
    lineage = {}
    if old.published_at is not None:
        between = ClauseLineage.objects.filter(
            version__spec=new.spec_id, version__published_at__gt=old.published_at
        )
        if new.published_at is not None:
            between = between.filter(version__published_at__lte=new.published_at)
        lineage = _ancestry(between)
    return diff.compare(content(old), content(new), lineage=lineage)


def problems(draft: SpecVersion) -> list[Problem]:
    """Everything that stands in the way of publication."""
    data = content(draft)
    found = schema.problems(
        data["questions"], max_questions=settings.MAX_QUESTIONS, max_labels=settings.MAX_LABELS
    )
    if not data["clauses"]:
        found.append(Problem("clauses", _("there is no clause")))
    unseen = DraftClause.objects.filter(version=draft, unseen=True).order_by("position")
    found += [
        Problem(f"clause {key}", _("came out of a document and nobody has looked at it yet"))
        for key in unseen.values_list("clause__key", flat=True)
    ]
    for clause in data["clauses"]:
        found += clause_shape.problems(
            clause["key"], clause, data["questions"], max_characters=settings.MAX_BLOCK_CHARACTERS
        )
    found += _sections_apart([clause["section"] for clause in data["clauses"]])
    known = set(Picture.objects.filter(project_id=draft.project_id).values_list("digest", flat=True))
    for clause in data["clauses"]:
        missing = pictures.named_in(clause) - known
        found += [
            Problem(
                f"clause {clause['key']}",
                _("shows a picture that this project does not have: %(digest)s…") % {"digest": digest[:19]},
            )
            for digest in sorted(missing)
        ]
    return found


def _sections_apart(sections: Sequence[str]) -> list[Problem]:
    """Sections whose clauses do not stand together: their numbers would repeat a title."""
    runs = [section for place, section in enumerate(sections) if place == 0 or sections[place - 1] != section]
    twice = sorted({section for section in runs if section and runs.count(section) > 1})
    return [Problem(f"section {section}", _("stands in more than one place")) for section in twice]


def change_class_of(draft: SpecVersion, claimed: ChangeClass | None) -> diff.Class:
    """The class the draft would be published under. Raises `Invalid` when it claims too little, or nothing changed."""
    base = draft.based_on
    if base is None:
        return "major"
    difference = compare(base, draft)
    computed = difference.change_class
    if computed == "none":
        raise Invalid(_("Nothing changed since the version it is based on."))
    wanted: diff.Class = claimed.value if claimed else computed  # type: ignore[assignment]
    if not diff.at_least(wanted, computed):
        too_high = [
            {"where": f"{where}, {reason.where}", "message": f"{reason.message} ({reason.change_class})"}
            for where, reason in difference.reasons
            if not diff.at_least(wanted, reason.change_class)
        ]
        raise Invalid(
            _("This is not a %(wanted)s change: it is %(computed)s.")
            % {"wanted": wanted, "computed": computed},
            problems=too_high,
        )
    return wanted
