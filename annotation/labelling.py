"""What the labelling page shows for one lease, and how its form becomes an answer."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import ngettext

from annotation import appealing, parsing, presenting, reworking, submitting
from annotation.models import Annotation, AnswerDraft, ReviewDecision
from specs import posing, precedents, schema, task_types, versions
from specs.retelling import retold
from specs.schema import BadAnswer
from workforce import leasing, suggesting
from workforce.models import Annotator, Purpose, Queue

# Letters that cite a clause. A dot takes a suggestion over; the others of the page are s (skip), x (cannot be labelled),
# h (hold), z (hand back), f (flag) and v (lift the veil).
_CITE_KEYS = "abcdegijklmnopqrtuwy"
_QUESTION = "question "
"""How a problem's place begins that stands below a question of the page; the rest is its key."""
_NAMESPACE = uuid.UUID("3a1f0a43-4a7a-4b0a-8a53-0b1f6b1d7c55")


@dataclass(frozen=True)
class AskedQuestion(posing.Posed):
    suggestion: suggesting.Suggested | None = None

    @property
    def suggested(self) -> str:
        """What the model said, in words."""
        if self.suggestion is None:
            return ""
        return task_types.get(self.question["kind"]).describe(self.question, self.suggestion.value)


@dataclass(frozen=True)
class ShownClause:
    clause: versions.ReadClause
    key: str
    decides: bool
    cited: bool
    precedents: Sequence[precedents.Shown] = ()


@dataclass(frozen=True)
class Work:
    """Everything the page needs for one task."""

    served: leasing.Served
    version: versions.ReadVersion
    fields: list[presenting.Field]
    questions: list[AskedQuestion]
    clauses: list[ShownClause]
    client_key: str
    draft_revision: int
    no_clause: bool
    flagged: bool
    confidence: int | None
    note: str
    asks_for_clause: bool
    blank: bool
    """Nothing is written yet, and no question depends on the item: the form is the same for everybody under its version."""
    returned: reworking.Returned | None = None
    """Why a reviewer returned the answer that is reworked here."""

    @property
    def cited(self) -> list[str]:
        """The keys of the clauses that are cited."""
        return [shown.clause.key for shown in self.clauses if shown.cited]


def work(
    *,
    served: leasing.Served,
    annotator: Annotator,
    queue: Queue,
    draft: AnswerDraft | None,
    form: Mapping[str, Any] | None = None,
    errors: Mapping[str, list[str]] | None = None,
) -> Work:
    """The page's content: from a form that was refused, else from the kept draft, else empty."""
    said = _kept(form, draft, versions.read(served.version_id))
    suggested = {one.question: one for one in suggesting.serve(served)}
    returned = reworking.of_work(served.task_id) if queue.purpose == Purpose.REWORK else None
    if form is None and draft is None:
        prefilled = {one.question: one.value for one in suggested.values() if one.prefilled}
        said = _given(returned.answer) if returned else replace(said, values=prefilled)
    made = _work(served, annotator, queue, said, suggested, draft.revision if draft else 0, errors or {})
    return replace(made, returned=returned)


def correction(
    *,
    answer: Annotation,
    form: Mapping[str, Any] | None = None,
    errors: Mapping[str, list[str]] | None = None,
    fixed: ReviewDecision | None = None,
) -> Work:
    """The page of an answer that was given: the item and the clauses as they were served, and what stands, or a refused form.

    `answer` comes with its task, item, queue, annotator, citations and notes; *fixed* is what a reviewer put in its place.
    """
    item, version = answer.task.item, versions.read(answer.version_id)
    served = leasing.Served(
        assignment_id=answer.assignment_id,
        task_id=answer.task_id,
        number=answer.ordinal,
        token=answer.lease_token or uuid.UUID(int=0),
        leased_at=answer.answered_at,
        lease_until=answer.answered_at,
        n_renewals=0,
        version_id=answer.version_id,
        served_digest=answer.served_digest,
        item_id=item.pk,
        item_key=item.key,
        payload=item.payload,
        sensitive=item.sensitive,
        queue_id=answer.queue_id,
        suggests=False,
    )
    said = _given(answer)
    if fixed is not None:
        said = replace(
            said, values=fixed.values, cited={key for keys in fixed.citations.values() for key in keys}
        )
    if form is not None:
        said = _kept(form, None, version)
    return _work(served, answer.annotator, answer.queue, said, {}, 0, errors or {})


def _given(answer: Annotation) -> _Said:
    """What an answer says, as the page begins with it; it comes with its citations and notes."""
    return _Said(
        answer.values,
        {one.clause.key if one.clause else parsing.NO_CLAUSE for one in answer.citations.all()},
        answer.flagged,
        next((note.text for note in answer.notes.all()), ""),
        answer.confidence,
    )


def correction_key(answer: Annotation) -> str:
    """One key per revision that is corrected: the same page sent twice is one correction."""
    return str(uuid.uuid5(_NAMESPACE, f"{answer.assignment_id}:{answer.revision}"))


def _work(
    served: leasing.Served,
    annotator: Annotator,
    queue: Queue,
    said: _Said,
    suggested: Mapping[str, suggesting.Suggested],
    draft_revision: int,
    errors: Mapping[str, list[str]],
) -> Work:
    version = versions.read(served.version_id)
    questions = [
        AskedQuestion(
            **posing.parts(
                question,
                served.payload,
                value=said.values.get(question["key"]),
                errors=errors.get(question["key"], ()),
            ),
            suggestion=suggested.get(question["key"]),
        )
        for question in version.questions
    ]
    first = version.questions[0]["key"]
    beside = precedents.served(
        version_id=version.id, version_digest=version.digest, digest=served.served_digest
    )
    ordered = sorted(version.clauses, key=lambda clause: (not clause.decides(first), clause.position))
    return Work(
        served=served,
        version=version,
        fields=presenting.fields(
            served.payload,
            declared=queue.project.item_fields,
            without=posing.shown_by(version.questions),
        ),
        questions=questions,
        clauses=[
            ShownClause(
                clause,
                _CITE_KEYS[place] if place < len(_CITE_KEYS) else "",
                clause.decides(first),
                clause.key in said.cited,
                beside.get(clause.key, ()),
            )
            for place, clause in enumerate(ordered)
        ],
        client_key=client_key(served.token),
        draft_revision=draft_revision,
        no_clause=parsing.NO_CLAUSE in said.cited,
        flagged=said.flagged,
        confidence=said.confidence,
        note=said.note,
        asks_for_clause=any(
            submitting.asks_for_clause(
                citing=queue.citing,
                share=float(queue.cite_share),
                task_id=served.task_id,
                annotator_id=annotator.pk,
                question=question,
            )
            for question in version.questions
        ),
        blank=said == _Said()
        and not (draft_revision or suggested or errors)
        and not any(task_types.get(question["kind"]).posed_with(question) for question in version.questions),
    )


def client_key(token: uuid.UUID) -> str:
    """One key per lease: the same page sent twice is one answer."""
    return str(uuid.uuid5(_NAMESPACE, str(token)))


@dataclass(frozen=True)
class _Said:
    """What the page begins with: values by question, cited clauses, the flag, the note."""

    values: Mapping[str, Any] = field(default_factory=dict)
    cited: AbstractSet[str] = frozenset()
    flagged: bool = False
    note: str = ""
    confidence: int | None = None


def _kept(form: Mapping[str, Any] | None, draft: AnswerDraft | None, version: versions.ReadVersion) -> _Said:
    if form is not None:
        return _Said(
            entered(version, form),
            set(_cited(form)),
            bool(form.get("flagged")),
            str(form.get("note", "")),
            _confidence(form),
        )
    if draft is None:
        return _Said()
    cited = {key for entry in draft.citations for key in entry["clauses"]}
    return _Said(dict(draft.values), cited, draft.flagged, draft.note, draft.confidence)


def entered(version: versions.ReadVersion, form: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in the form, question by question, right or wrong: what a draft keeps and a refused page shows again."""
    found = {
        question["key"]: task_types.get(question["kind"]).entered(question, form)
        for question in version.questions
    }
    return {key: value for key, value in found.items() if value is not None}


def written(version: versions.ReadVersion, form: Mapping[str, Any]) -> dict[str, Any]:
    """A form as a draft of an answer: what `keeping.save_draft` takes of it, unfinished or wrong as it may be."""
    values = entered(version, form)
    return {
        "values": values,
        "citations": citations(version, values or {str(version.questions[0]["key"]): ""}, _cited(form)),
        "flagged": bool(form.get("flagged")),
        "confidence": _confidence(form),
        "note": str(form.get("note", "")),
        "revision": _number(form.get("draft_revision", "")),
    }


def _confidence(form: Mapping[str, Any]) -> int | None:
    """How sure she is, from 1 to 5; None where she did not say."""
    return int(form["confidence"]) if form.get("confidence") in ("1", "2", "3", "4", "5") else None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _cited(form: Mapping[str, Any]) -> list[str]:
    named = form.getlist("cite") if hasattr(form, "getlist") else list(form.get("cite", []))
    return [*named, *([parsing.NO_CLAUSE] if form.get("no_clause") else [])]


def answer(
    *, form: Mapping[str, Any], version: versions.ReadVersion, payload: Mapping[str, Any]
) -> submitting.Answer:
    """The form as an answer. Raises `BadAnswer`.

    A cited clause belongs to the answered questions it decides, or to the first one when it decides none of them; that no
    clause fits belongs to every answered question without a citation.
    """
    values = schema.parse_form(version.questions, form, payload)
    return submitting.Answer(
        values=values,
        citations=citations(version, values, _cited(form)),
        flagged=bool(form.get("flagged")),
        confidence=_confidence(form),
        note=str(form.get("note", "")),
        keep_version=bool(form.get("keep_version")),
    )


def citations(
    version: versions.ReadVersion, values: Mapping[str, Any], cited: Sequence[str]
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    answered = [question["key"] for question in version.questions if question["key"] in values]
    for key in cited:
        clause = version.clause(key)
        if clause is None:
            continue
        decided = [question for question in answered if clause.decides(question)] or answered[:1]
        for question in decided:
            found.setdefault(question, []).append(key)
    if parsing.NO_CLAUSE in cited:
        for question in answered:
            found.setdefault(question, [parsing.NO_CLAUSE])
    return found


def said(error: BadAnswer) -> str:
    """What is wrong with an answer, in the reader's language: how many questions (each says its own below it), and the rest."""
    asked = {problem.where for problem in error.problems if problem.where.startswith(_QUESTION)}
    rest = [
        f"{retold(problem.where)}: {problem.message}"
        for problem in error.problems
        if problem.where not in asked
    ]
    if asked:
        beside = ngettext(
            "One question needs a look: what is wrong stands below it.",
            "%(n)s questions need a look: what is wrong stands below each.",
            len(asked),
        )
        rest.insert(0, beside % {"n": len(asked)})
    return "; ".join(rest)


def errors_by_question(error: BadAnswer) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for problem in error.problems:
        found.setdefault(problem.where.removeprefix(_QUESTION), []).append(problem.message)
    return found


def with_clauses(told: Sequence[Mapping[str, Any]], queue: Queue) -> list[dict[str, Any]]:
    """What she is told of known answers, each with the clauses that decide, as they read in the version in force.

    `appeal_until` is until when she can appeal against a mark.
    """
    until = appealing.deadlines([one["mark"] for one in told])
    found = [{**one, "appeal_until": until.get(one["mark"])} for one in told]
    if not found or queue.version_id is None:
        return found
    version = versions.read(queue.version_id)
    for one in found:
        one["decide"] = [clause for key in one["clauses"] if (clause := version.clause(key))]
    return found
