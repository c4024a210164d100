"""A stage with a row in every state that the rules of the database speak of."""

from __future__ import annotations

import io

from django.db import connection

from annotation import establishing
from annotation.models import Dispute
from tests import cast
from workforce import goldkeeping, skills
from workforce.models import KnownAnswer


def in_every_state() -> cast.Stage:
    stage = cast.stage(overlap=2, max_overlap=2)
    stage.load(5)
    for who in (stage.ben, stage.chi):
        stage.answer(who, "yes", cite=["whole"])
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "no")
    _decided(stage)
    stage.claim(stage.ben)
    stage.claim(stage.chi)
    skill = skills.create(project=stage.project, key="law", name="Law", by=stage.ada)
    skills.grant(annotator=stage.ben, skill=skill, by=stage.ada)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workforce_task SET overlap = 9 WHERE id = (SELECT max(id) FROM workforce_task t "
            "WHERE t.queue_id = %s)",
            [stage.queue.pk],
        )
        cursor.execute(
            "INSERT INTO annotation_snapshot (project_id, name, state, version_id, request, digest, error, manifest, position, "
            "n_rows, frozen_at) VALUES (%s, 's', 'frozen', %s, '{}', 'sha256:0', '', '{}', 1, 0, now())",
            [stage.project.pk, stage.version.pk],
        )
    _gold(stage)
    return stage


def _gold(stage: cast.Stage) -> None:
    """A known answer in use, one set aside, and a judged answer to gold."""
    for number in (1, 2):
        text = f'{{"key": "gold-{number}", "value": "yes", "text": "{number}"}}'
        goldkeeping.bring_in(spec=stage.spec, source=io.BytesIO(text.encode()), name="g", by=stage.ada)
    goldkeeping.set_aside(known=KnownAnswer.objects.order_by("pk")[0], reason="Wrong.", by=stage.ada)
    gold = cast.mint(stage, stage.dov, "gold")
    assert gold is not None
    stage.submit(stage.dov, gold, {"entailed": "no"})


def _decided(stage: cast.Stage) -> None:
    """A ruling that was a precedent, in a project whose open disputes stay as they are."""
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "no")
    ruling = cast.ruled(stage, Dispute.objects.latest("pk"), precedent=True)
    establishing.withdraw(precedent=ruling.precedents.get(), reason="It was wrong.", by=stage.ada)
