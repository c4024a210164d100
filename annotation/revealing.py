"""What models said of a task, told once it is answered. Nothing changes here: an answer is on record before it is told."""

from __future__ import annotations

from dataclasses import dataclass

from annotation.models import Annotation
from specs import task_types, versions
from workforce import suggesting
from workforce.models import Annotator


@dataclass(frozen=True)
class Told:
    """One question: what she answered (empty where she gave no value), what the model said, in words."""

    title: str
    given: str
    said: str
    same: bool
    model: str
    model_version: str
    confidence: float | None


def revealed(*, assignment_id: int, annotator: Annotator) -> list[Told]:
    """What models said of the task that she just answered, question by question; nothing where her queue does not tell."""
    answer = (
        Annotation.objects.counted()
        .filter(assignment_id=assignment_id, annotator=annotator)
        .order_by("-pk")
        .first()
    )
    if answer is None:
        return []
    questions = {question["key"]: question for question in versions.read(answer.version_id).questions}
    found = []
    for one in suggesting.afterwards(assignment_id=assignment_id, annotator=annotator):
        question = questions.get(one.question)
        if question is None:
            continue
        kind, value = task_types.get(question["kind"]), answer.values.get(one.question)
        found.append(
            Told(
                title=question["title"],
                given="" if value is None else kind.describe(question, value),
                said=kind.describe(question, one.value),
                same=value is not None and kind.agrees(question, value, one.value),
                model=one.model,
                model_version=one.model_version,
                confidence=one.confidence,
            )
        )
    return found
