"""What stands before the first claim: reading what changed, a quiz on it; and which version then serves the task."""

from __future__ import annotations

from typing import Any

import pytest

from annotation import submitting
from annotation.models import Annotation
from specs import acknowledging, drafting, publishing
from specs.models import Acknowledgement, SpecVersion
from specs.refusals import Invalid, Stale, WrongState
from tests import cast
from tests.invariants import rebuilding
from workforce import canarying, cohorts, entering, leasing, queues, quizzing
from workforce.models import Assignment, InProgress, Queue, Task

pytestmark = pytest.mark.django_db


def _read(stage: cast.Stage, who: str, version: SpecVersion) -> Acknowledgement:
    return acknowledging.acknowledge(member=stage.member(who), version=version, digest=version.digest)


def _note(stage: cast.Stage, text: str) -> SpecVersion:
    """Publish a patch: a note on a clause."""
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    row = draft.draft_clauses.select_related("clause", "version").get(clause__key="whole")
    drafting.reword_clause(
        clause=row,
        title=row.title,
        blocks=[row.blocks[0], {"type": "notes", "text": text}],
        governs=row.governs,
        by=stage.ada,
    )
    return publishing.publish(draft=draft, notes="A note.", rationale="Asked for.", by=stage.ada)


def test_a_claim_waits_until_what_changed_is_read_once() -> None:
    stage = cast.stage(entry="acknowledge")
    stage.load(3)
    with pytest.raises(entering.AcknowledgementNeeded) as refused:
        stage.claim(stage.ben)
    assert refused.value.details["version"] == stage.version.pk
    with pytest.raises(Stale):
        acknowledging.acknowledge(member=stage.member("ben"), version=stage.version, digest="sha256:0")
    first = _read(stage, "ben", stage.version)
    assert (first.changed, _read(stage, "ben", stage.version)) == ([], first)
    stage.answer(stage.ben, "yes")
    version = cast.amend(stage)
    queues.put_in_force(queue=stage.queue, version=version, by=stage.ada)
    with pytest.raises(entering.AcknowledgementNeeded):
        stage.claim(stage.ben)
    assert _read(stage, "ben", version).changed == ["knowledge"]
    assert stage.claim(stage.ben).served_digest == version.digest
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    with pytest.raises(Invalid, match="draft"):
        acknowledging.acknowledge(member=stage.member("ben"), version=draft, digest="")


def test_a_lease_held_when_the_version_changes_is_still_served() -> None:
    stage = cast.stage(entry="acknowledge")
    stage.load(1)
    _read(stage, "ben", stage.version)
    held = stage.claim(stage.ben)
    queues.put_in_force(queue=stage.queue, version=_note(stage, "Mind."), by=stage.ada)
    assert stage.claim(stage.ben).assignment_id == held.assignment_id


def _quiz_stage(**settings: Any) -> cast.Stage:
    """A stage whose clauses have examples, so that a quiz can be drawn from them."""
    stage = cast.stage(entry="quiz", quiz_items=2, quiz_attempts=2, **settings)
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    for key, value in (("whole", "yes"), ("numbers", "no")):
        row = draft.draft_clauses.select_related("clause", "version").get(clause__key=key)
        blocks = [*row.blocks, {"type": "example", "item": f"case of {key}", "value": value, "why": "So."}]
        drafting.reword_clause(clause=row, title=row.title, blocks=blocks, governs=row.governs, by=stage.ada)
    version = publishing.publish(draft=draft, notes="Examples.", rationale="For the quiz.", by=stage.ada)
    stage.queue = queues.put_in_force(queue=stage.queue, version=version, by=stage.ada)
    stage.version = version
    stage.load(1)
    return stage


def test_a_quiz_is_drawn_from_the_examples_explained_and_passed() -> None:
    stage = _quiz_stage()
    _read(stage, "ben", stage.version)
    with pytest.raises(entering.QuizNeeded):
        stage.claim(stage.ben)
    attempt = quizzing.begin(queue=stage.queue, annotator=stage.ben, version=stage.version)
    assert quizzing.begin(queue=stage.queue, annotator=stage.ben, version=stage.version) == attempt
    assert {entry["payload"]["text"] for entry in attempt.items} == {"case of whole", "case of numbers"}
    with pytest.raises(Invalid, match="no answer"):
        quizzing.answer(attempt=attempt, annotator=stage.ben, place=0, value="maybe")
    for place, entry in enumerate(attempt.items):
        attempt = quizzing.answer(attempt=attempt, annotator=stage.ben, place=place, value=entry["value"])
    assert (attempt.state, attempt.n_right) == ("passed", 2)
    assert stage.claim(stage.ben).served_digest == stage.version.digest
    with pytest.raises(WrongState, match="passed"):
        quizzing.begin(queue=stage.queue, annotator=stage.ben, version=stage.version)


def _fail(stage: cast.Stage) -> None:
    attempt = quizzing.begin(queue=stage.queue, annotator=stage.ben, version=stage.version)
    for place, entry in enumerate(attempt.items):
        wrong = "no" if entry["value"] == "yes" else "yes"
        attempt = quizzing.answer(attempt=attempt, annotator=stage.ben, place=place, value=wrong)
    assert attempt.state == "failed"


def test_who_has_used_up_her_attempts_is_let_in_by_name_and_reason() -> None:
    stage = _quiz_stage()
    _read(stage, "ben", stage.version)
    _fail(stage)
    _fail(stage)
    with pytest.raises(quizzing.NoAttemptLeft, match="lead or manager"):
        _fail(stage)
    assert [row.annotator for row in quizzing.waiting(queue=stage.queue)] == [stage.ben]
    with pytest.raises(Invalid):
        quizzing.let_in(
            queue=stage.queue,
            annotator=stage.ben,
            version=stage.version,
            excused=False,
            reason=" ",
            by=stage.ada,
        )
    for excused in (False, True):
        quizzing.let_in(
            queue=stage.queue,
            annotator=stage.ben,
            version=stage.version,
            excused=excused,
            reason="Spoke to her.",
            by=stage.ada,
        )
        if not excused:
            _fail(stage)
            with pytest.raises(entering.QuizNeeded):
                stage.claim(stage.ben)
    assert stage.claim(stage.ben) is not None


def test_waiting_is_another_price_of_failing() -> None:
    stage = _quiz_stage(quiz_failure="wait")
    _read(stage, "ben", stage.version)
    _fail(stage)
    _fail(stage)
    with pytest.raises(quizzing.NoAttemptLeft, match="try again at") as refused:
        _fail(stage)
    assert refused.value.details["again_at"]


def _leased(stage: cast.Stage, in_progress: str, version: SpecVersion) -> leasing.Served:
    stage.load(3)
    stage.answer(stage.chi, "yes")  # item 0 is begun
    held = stage.claim(stage.ben)
    stage.queue = queues.put_in_force(
        queue=stage.queue, version=version, in_progress=in_progress, by=stage.ada
    )
    return held


def test_work_in_progress_finishes_under_the_version_it_was_served_with() -> None:
    stage = cast.stage()
    held = _leased(stage, InProgress.FINISH, _note(stage, "Mind."))
    stage.submit(stage.ben, held, {"entailed": "yes"})
    assert Annotation.objects.get(annotator=stage.ben).served_digest == held.served_digest


def test_work_in_progress_starts_again_and_late_answers_count_under_the_new_version() -> None:
    stage = cast.stage()
    version = _note(stage, "Mind.")
    held = _leased(stage, InProgress.RESTART, version)
    assert not Assignment.objects.filter(state="leased").exists()
    assert stage.claim(stage.ben).served_digest == version.digest
    assert held.served_digest != version.digest


def test_a_changed_meaning_starts_begun_tasks_again_if_asked_and_keeps_what_was_answered() -> None:
    stage = cast.stage()
    version = cast.amend(stage)
    _leased(stage, InProgress.RESTART, version)
    assert set(Task.objects.filter(state="open").values_list("meaning", flat=True)) == {2}
    assert Task.objects.filter(state="open").count() == 3
    assert Annotation.objects.count() == 1


def test_who_takes_a_task_again_under_another_meaning_gets_it_anew() -> None:
    stage = cast.stage()
    stage.load(1)
    held, version = stage.claim(stage.ben), cast.amend(stage)
    queues.put_in_force(queue=stage.queue, version=version, in_progress="ask", by=stage.ada)
    again = submitting.take_again(
        annotator=stage.ben, assignment_id=held.assignment_id, token=held.token, by=stage.member("ben")
    )
    assert again is not None
    assert (again.task_id != held.task_id, again.served_digest) == (True, version.digest)
    assert rebuilding.differences(stage.project.pk) == []


def test_an_annotator_is_asked_at_submission() -> None:
    stage = cast.stage()
    version = _note(stage, "Mind.")
    held = _leased(stage, InProgress.ASK, version)
    with pytest.raises(submitting.VersionChanged) as refused:
        stage.submit(stage.ben, held, {"entailed": "yes"})
    assert refused.value.details == {"served": "1.0.0", "in_force": "1.0.1"}
    again = submitting.take_again(
        annotator=stage.ben, assignment_id=held.assignment_id, token=held.token, by=stage.member("ben")
    )
    assert again is not None
    assert (again.task_id, again.served_digest) == (held.task_id, version.digest)
    stage.submit(stage.ben, again, {"entailed": "yes"})
    other = stage.claim(stage.chi)
    queues.put_in_force(queue=stage.queue, version=stage.version, in_progress="ask", by=stage.ada)
    kept = submitting.submit(
        annotator=stage.chi,
        assignment_id=other.assignment_id,
        token=other.token,
        answer=submitting.Answer({"entailed": "no"}, {}, keep_version=True),
        client_key="a-key-of-mine",
        by=None,
    )
    assert kept.served_digest == version.digest


def test_rolling_back_and_forth_loses_no_task() -> None:
    stage = cast.stage()
    stage.load(4)
    version = cast.amend(stage)
    for wanted in (version, stage.version, version, stage.version):
        queues.put_in_force(queue=stage.queue, version=wanted, by=stage.ada)
        opened = Task.objects.filter(queue=stage.queue, state="open")
        assert [task.meaning for task in opened] == [wanted.meaning] * 4
        assert Assignment.objects.filter(queue=stage.queue, state="open").count() == 8


@pytest.mark.parametrize("major", [True, False])
def test_a_canary_serves_its_share_and_goes_to_all_or_back(major: bool) -> None:
    stage = cast.stage()
    stage.load(10)
    version = cast.amend(stage) if major else _note(stage, "Mind.")
    canary = canarying.start(queue=stage.queue, version=version, share=0.3, by=stage.ada)
    assert canary.n_tasks == 3
    with pytest.raises(WrongState, match="canary"):
        queues.put_in_force(queue=stage.queue, version=version, by=stage.ada)
    digests = [_take(stage, stage.ben) for _ in range(10)]
    assert sorted(digests.count(one.digest) for one in (stage.version, version)) == [3, 7]
    canarying.withdraw(canary=canary, by=stage.ada)
    assert Task.objects.filter(queue=stage.queue, state="open").count() == 10
    assert rebuilding.differences(stage.project.pk) == []


def _take(stage: cast.Stage, who: object) -> str:
    served = stage.claim(who)  # type: ignore[arg-type]
    stage.submit(who, served, {"entailed": "yes"})  # type: ignore[arg-type]
    return served.served_digest


@pytest.mark.parametrize("major", [True, False])
def test_a_cohort_claims_the_canary_and_nothing_else(major: bool) -> None:
    stage = cast.stage()
    stage.load(6)
    version = cast.amend(stage) if major else _note(stage, "Mind.")
    cohort = cohorts.create(project=stage.project, key="early", name="Early", by=stage.ada)
    with pytest.raises(Invalid, match="Nobody"):
        canarying.start(queue=stage.queue, version=version, share=0.5, cohort=cohort, by=stage.ada)
    for _ in range(2):
        cohorts.join(cohort=cohort, annotator=stage.ben, by=stage.ada)
    cohorts.join(cohort=cohort, annotator=stage.dov, by=stage.ada)
    cohorts.leave(cohort=cohort, annotator=stage.dov, by=stage.ada)
    canary = canarying.start(queue=stage.queue, version=version, share=0.5, cohort=cohort, by=stage.ada)
    assert {_take(stage, stage.ben) for _ in range(3)} == {version.digest}
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.ben, by=None) is None
    assert {_take(stage, stage.chi) for _ in range(3)} == {stage.version.digest}
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.chi, by=None) is None
    canarying.adopt(canary=canary, by=stage.ada)
    assert Queue.objects.get(pk=stage.queue.pk).version == version
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.chi, by=None) is not None
    with pytest.raises(WrongState, match="already"):
        canarying.withdraw(canary=canary, by=stage.ada)
    assert rebuilding.differences(stage.project.pk) == []
