"""Where a dispute stands among the others: how unsure its answers are, what its item is worth, which others look the same.

open -> open at another place: place, catch_up, mark_flagged
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from annotation import flagging, sides
from annotation.models import Annotation, Dispute, StopDecision
from specs import canonical, task_types, versions
from workforce.models import Queue, Task

_FLAGGED = """
    UPDATE annotation_dispute d SET unflagged = NOT (d.clauses && %(clauses)s::bigint[])
    FROM workforce_task t JOIN workforce_queue q ON q.id = t.queue_id
    WHERE d.project_id = %(project)s AND d.state = 'open' AND t.id = d.task_id
      AND q.spec_id = %(spec)s AND t.meaning = %(meaning)s
      AND d.unflagged = (d.clauses && %(clauses)s::bigint[])
"""


@dataclass(frozen=True)
class Standing:
    """What a dispute is ordered and found by; see the columns of `Dispute`."""

    queue_id: int
    confidence: float
    value: float
    clauses: list[int]
    pair: str
    likeness: str


def place(dispute: Dispute) -> None:
    """Reckon anew where the dispute stands, after an answer came or changed. Call it under the dispute's lock."""
    Dispute.objects.filter(pk=dispute.pk).update(**vars(standing(dispute.task_id, dispute.questions)))


def standing(task_id: int, questions: Sequence[str]) -> Standing:
    """Where a dispute of the task stands on these questions, as its answers are now."""
    task = Task.objects.select_related("item", "queue__adjudication_queue").get(pk=task_id)
    answers = list(Annotation.objects.counted().filter(task=task).order_by("ordinal"))
    given = [one for one in sides.voices(task.pk, answers=answers) if not one.fixed]
    value = worth(task.item.payload, task.queue.adjudication_queue)
    if not given:
        return Standing(task.queue_id, 0.0, value, [], "", "")
    version = versions.read(max(answer.version_id for answer in answers))
    said = {key: _said(version, key, given) for key in questions}
    cited = sorted({clause or 0 for one in given for key in questions for clause in one.cites.get(key, ())})
    return Standing(
        queue_id=task.queue_id,
        confidence=_confidence(task.pk, said, len(answers)),
        value=value,
        clauses=[clause for clause in cited if clause],
        pair=_pair(version, said),
        likeness=_likeness(version, said, cited),
    )


def worth(payload: Mapping[str, Any], queue: Queue | None) -> float:
    """What the item is worth by the field that the adjudication queue names; 1 where it names none, or the item has no number."""
    found = payload.get(queue.value_field) if queue is not None and queue.value_field else None
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= 1e12:
        return 1.0
    return float(found)


def _said(version: versions.ReadVersion, key: str, given: Sequence[sides.Voice]) -> list[tuple[str, int]]:
    """How many say each value of a question, the most first; that it cannot be labelled is one more value."""
    question = version.question(key)
    kind = task_types.get(question["kind"])
    values = [one.values[key] for one in given if key in one.values]
    groups = kind.compare(question, values) if values else []
    counts = [(kind.key(question, group["value"]), group["n"]) for group in groups]
    declined: dict[str, int] = {}
    for one in given:
        if one.cannot:
            declined[f"cannot:{one.cannot}"] = declined.get(f"cannot:{one.cannot}", 0) + 1
    return sorted([*counts, *declined.items()], key=lambda one: (-one[1], one[0]))


def _confidence(task_id: int, said: Mapping[str, list[tuple[str, int]]], n: int) -> float:
    """The calibrated or posterior chance of the last look, where tasks stop by it; else the share of the largest group.

    Of several questions the least sure one counts.
    """
    look = StopDecision.objects.filter(task=task_id).order_by("-pk").first()
    if look is not None and look.n_answers == n and (sure := look.confidence or look.posterior) is not None:
        return min(1.0, max(0.0, sure))
    shares = [counts[0][1] / sum(n for _, n in counts) for counts in said.values() if counts]
    return min(shares, default=0.0)


def _pair(version: versions.ReadVersion, said: Mapping[str, list[tuple[str, int]]]) -> str:
    """The two labels that most stand between, as `question: a / b`; empty where no question has labels to choose from."""
    for key, counts in said.items():
        if len(counts) > 1 and task_types.get(version.question(key)["kind"]).one_of_options:
            return f"{key}: {' / '.join(sorted(value for value, _ in counts[:2]))}"[:200]
    return ""


def _likeness(
    version: versions.ReadVersion, said: Mapping[str, list[tuple[str, int]]], cited: Sequence[int]
) -> str:
    """A digest that disputes share where the same questions stand between the same values, under the same meaning and clauses."""
    between = {key: sorted(value for value, _ in counts) for key, counts in said.items()}
    if not any(len(values) > 1 for values in between.values()):
        return ""
    whole = canonical.dumps([version.spec_id, version.meaning, between, list(cited)])
    return hashlib.sha256(whole).hexdigest()


def catch_up(*, project_id: int, limit: int = 500) -> int:
    """Give a place to open disputes that have none, since they are older than places are; returns how many."""
    with transaction.atomic():
        rows = Dispute.objects.select_for_update(skip_locked=True, no_key=True)
        found = list(rows.filter(project=project_id, state="open", queue=None).order_by("pk")[:limit])
        for dispute in found:
            place(dispute)
    return len(found)


def mark_flagged(*, project_id: int) -> int:
    """Bring forward the open disputes whose answers cite a clause that is flagged now, and back those of others.

    Returns how many moved. Harmless to repeat.
    """
    rows = Dispute.objects.filter(project=project_id, state="open").order_by()
    scopes = list(rows.values_list("task__queue__spec", "task__meaning").distinct())
    flagged = flagging.flagged(specs=scopes)
    n = 0
    with connection.cursor() as cursor:
        for (spec, meaning), clauses in flagged.items():
            cursor.execute(
                _FLAGGED,
                {"project": project_id, "spec": spec, "meaning": meaning, "clauses": sorted(clauses)},
            )
            n += cursor.rowcount
    return n
