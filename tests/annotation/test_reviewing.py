"""Review stages: accept, fix, return; rework by the author alone; a task under review does not settle."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from annotation import adding, answers, reviewing, revising, reworking, settling, submitting, under_review
from annotation.agreement import live
from annotation.models import (
    Annotation,
    Basis,
    Dispute,
    Resolution,
    Review,
    ReviewDecision,
    ReviewState,
)
from specs import versions
from specs.models import Event, Role
from specs.refusals import Invalid, NotAllowed, Stale, WrongState
from tests import cast
from tests.invariants import checking, rebuilding
from workforce import cohorts, leasing, review_stages, skills, staffing
from workforce.models import Annotator, Assignment, Barred, Queue, ReviewStage, Task
from workforce.review_stages import Terms

pytestmark = pytest.mark.django_db


def _stage(terms: Terms | None = None, *, n: int = 1, **settings: Any) -> tuple[cast.Stage, ReviewStage]:
    """A queue of one answer per task with a review stage in which Dov reviews."""
    stage = cast.stage(**{"overlap": 1, "max_overlap": 1, **settings})
    made = review_stages.add(queue=stage.queue, terms=terms or Terms(), by=stage.ada)
    staffing.enrol(queue=made.review_queue, annotator=stage.dov, by=stage.ada)
    stage.load(n)
    return stage, made


def _review(
    stage: cast.Stage, where: ReviewStage, verdict: str, *, who: Annotator | None = None, **said: Any
) -> ReviewDecision:
    """Dov (or *who*) takes the next review and decides."""
    reviewer = who or stage.dov
    assert reviewer.member is not None
    taken = reviewing.take(queue=where.review_queue, annotator=reviewer, by=reviewer.member)
    assert taken is not None
    review, served = taken
    if verdict == "return":
        said = {"reason": "Whose knowledge?", "clause": "knowledge", **said}
    said.setdefault("seen", reviewing.in_force(review).pk)
    return reviewing.decide(
        review=review,
        annotator=reviewer,
        assignment_id=served.assignment_id,
        token=served.token,
        decided=reviewing.Decided(verdict, **said),
        by=reviewer.member,
    )


def _rework(stage: cast.Stage, where: ReviewStage, who: Annotator, value: str) -> submitting.Receipt:
    return stage.answer(who, value, queue=where.rework_queue)


def _sound(stage: cast.Stage) -> None:
    assert checking.violations() == []
    assert rebuilding.differences(stage.project.pk) == []


def test_an_answer_under_review_settles_when_it_is_accepted() -> None:
    stage, where = _stage()
    stage.answer(stage.ben, "yes")
    task = Task.objects.get(queue=stage.queue)
    assert (task.state, Review.objects.get().state) == ("open", ReviewState.OPEN)
    _sound(stage)
    _review(stage, where, "accept")
    task.refresh_from_db()
    assert (task.state, Review.objects.get().state) == ("resolved", ReviewState.ACCEPTED)
    assert Resolution.objects.get().basis == Basis.CONSENSUS
    assert Event.objects.filter(kind="review.decided", by=stage.member("dov")).count() == 1
    _sound(stage)


def test_the_database_lets_no_task_settle_that_is_under_review() -> None:
    stage, _ = _stage()
    stage.answer(stage.ben, "yes")
    task = Task.objects.get(queue=stage.queue)
    assert settling.settle(task_id=task.pk) == "open"
    with pytest.raises(DatabaseError, match="under review"), transaction.atomic():
        settling.append_resolution(
            task_id=task.pk,
            project_id=task.project_id,
            question="entailed",
            value="yes",
            basis=Basis.CONSENSUS,
            version_id=stage.version.pk,
            event_id=1,
            rule="share",
        )


def test_a_fix_is_the_reviewers_own_answer_and_the_original_stays() -> None:
    stage, where = _stage()
    stage.answer(stage.ben, "yes", cite=["whole"])
    decision = _review(stage, where, "fix", values={"entailed": "no"}, citations={"entailed": ["numbers"]})
    assert (decision.reviewer, decision.values) == (stage.dov, {"entailed": "no"})
    assert [(one.annotator, one.values) for one in Annotation.objects.all()] == [
        (stage.ben, {"entailed": "yes"})
    ]
    resolution = Resolution.objects.get()
    assert (resolution.value, resolution.basis) == ("no", Basis.REVIEW)
    _sound(stage)


def test_a_fix_counts_beside_the_other_answers_of_the_task() -> None:
    stage, where = _stage(overlap=2, max_overlap=2)
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "no")
    for _ in range(2):
        review = Review.objects.filter(state="open").order_by("pk")[0]
        verdict = "fix" if review.annotator == stage.ben else "accept"
        said: dict[str, Any] = {"values": {"entailed": "no"}} if verdict == "fix" else {}
        _review(stage, where, verdict, **said)
    assert Resolution.objects.get().value == "no"
    assert Resolution.objects.get().distribution == {"no": 2}
    assert not Dispute.objects.exists()
    _sound(stage)


def test_returned_work_goes_to_its_author_alone_and_is_reviewed_again() -> None:
    stage, where = _stage(n=2)
    staffing.enrol(queue=where.rework_queue, annotator=stage.chi, by=stage.ada)
    stage.answer(stage.ben, "yes", cite=["whole"])
    _review(stage, where, "return")
    _sound(stage)
    assert leasing.claim(queue_id=where.rework_queue_id, annotator=stage.chi, by=None) is None
    (waits,) = reworking.waiting_for(stage.ben)
    assert (waits.decision.reason, waits.decision.clause and waits.decision.clause.key) == (
        "Whose knowledge?",
        "knowledge",
    )
    receipt = _rework(stage, where, stage.ben, "no")
    reworked = Annotation.objects.get(pk=receipt.annotation_id or 0)
    assert (reworked.revision, reworked.values) == (2, {"entailed": "no"})
    assert reworked.task.queue == stage.queue
    _sound(stage)
    again = Review.objects.latest("pk")
    assert (again.round, again.state) == (2, ReviewState.OPEN)
    _review(stage, where, "accept")
    assert Resolution.objects.get().value == "no"
    _sound(stage)
    # What she says once it was returned is in part the reviewer's: agreement between people counts what she said before.
    scope = answers.Scope(stage.spec, versions.read(stage.version.pk), "entailed", stage.queue)
    found = answers.read(scope)
    assert [found.values[code] for code in found.value] == ["yes"]
    with connection.cursor() as cursor:
        items = [reworked.task.item_id]
        known = {"queue": stage.queue.pk, "items": items, "kinds": list(answers.PEOPLE)}
        (sums,) = adding.of_items(cursor, known).values()
    assert sums["entailed"] == live.contribution(
        [live.Said(stage.ben.pk, "yes", "yes", (waits.answer.citations.get().clause_id or 0,))],
        [],
        apart=None,
        by_pattern=True,
    )


def test_rework_whose_lease_ends_or_is_handed_back_stays_its_authors() -> None:
    stage, where = _stage()
    staffing.enrol(queue=where.rework_queue, annotator=stage.chi, by=stage.ada)
    stage.answer(stage.ben, "yes")
    _review(stage, where, "return")
    served = stage.claim(stage.ben, where.rework_queue)
    leasing.release(
        assignment_id=served.assignment_id, annotator=stage.ben, token=served.token, by=stage.ben.member
    )
    _sound(stage)
    again = stage.claim(stage.ben, where.rework_queue)
    Assignment.objects.filter(pk=again.assignment_id).update(
        leased_at=leasing.database_now() - timedelta(hours=2),
        lease_until=leasing.database_now() - timedelta(hours=1),
    )
    assert leasing.claim(queue_id=where.rework_queue_id, annotator=stage.chi, by=None) is None
    late = stage.submit(stage.ben, again, {"entailed": "no"})
    assert (late.outcome, Annotation.objects.latest("pk").values) == ("counted", {"entailed": "no"})


def test_the_same_rework_sent_twice_is_one_answer() -> None:
    stage, where = _stage()
    stage.answer(stage.ben, "yes")
    _review(stage, where, "return")
    served, key = stage.claim(stage.ben, where.rework_queue), str(uuid.uuid4())
    first = stage.submit(stage.ben, served, {"entailed": "no"}, key=key)
    second = stage.submit(stage.ben, served, {"entailed": "no"}, key=key)
    assert second.repeated
    assert first.annotation_id == second.annotation_id
    assert Review.objects.count() == 2


def test_what_is_returned_too_often_becomes_a_dispute(settings: Any) -> None:
    settings.REVIEW_ROUNDS = 1
    stage, where = _stage()
    stage.answer(stage.ben, "yes")
    _review(stage, where, "return")
    _rework(stage, where, stage.ben, "yes")
    _review(stage, where, "return")
    dispute = Dispute.objects.get()
    assert (dispute.reason, Task.objects.get(queue=stage.queue).state) == ("review", "disputed")
    assert dispute.work_id is not None
    barred = Barred.objects.filter(task=dispute.work_id).values_list("annotator", flat=True)
    assert set(barred) == {stage.ben.pk, stage.dov.pk}
    _sound(stage)


def test_what_is_not_reworked_in_time_becomes_a_dispute() -> None:
    stage, where = _stage()
    stage.answer(stage.ben, "yes")
    _review(stage, where, "return")
    assert reviewing.end_overdue() == 0
    Review.objects.update(due_at=leasing.database_now() - timedelta(days=1))
    assert (reviewing.end_overdue(), reviewing.end_overdue()) == (1, 0)
    assert Dispute.objects.get().reason == "review"
    assert leasing.claim(queue_id=where.rework_queue_id, annotator=stage.ben, by=None) is None
    _sound(stage)


def test_nobody_reviews_her_own_answer() -> None:
    stage, where = _stage()
    staffing.enrol(queue=where.review_queue, annotator=stage.ben, by=stage.ada)
    stage.answer(stage.ben, "yes")
    assert reviewing.take(queue=where.review_queue, annotator=stage.ben, by=stage.member("ben")) is None
    decision = _review(stage, where, "accept")
    with pytest.raises(DatabaseError), transaction.atomic():
        ReviewDecision.objects.filter(pk=decision.pk).update(reviewer=stage.ben)
    with (
        pytest.raises(DatabaseError, match="nobody_reviews_her_own_answer"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO annotation_reviewdecision (project_id, review_id, assignment_id, annotation_id, author_id, "
            'reviewer_id, by_id, verdict, "values", cannot, citations, reason, event_id) SELECT project_id, review_id, '
            "assignment_id, annotation_id, author_id, author_id, by_id, verdict, values, cannot, citations, reason, event_id "
            "FROM annotation_reviewdecision"
        )


def test_who_has_reviewed_an_answer_is_not_asked_for_one() -> None:
    stage, where = _stage(overlap=2, max_overlap=2)
    stage.answer(stage.ben, "yes")
    _review(stage, where, "accept")
    assert leasing.claim(queue_id=stage.queue.pk, annotator=stage.dov, by=None) is None


def test_stages_follow_one_another_and_a_fix_goes_on_to_the_next() -> None:
    stage, first = _stage()
    second = review_stages.add(queue=stage.queue, terms=Terms(role=Role.LEAD), by=stage.ada)
    lead = staffing.annotator_for(member=stage.ada)
    stage.answer(stage.ben, "yes")
    with pytest.raises(NotAllowed, match="role lead"):
        reviewing.take(queue=second.review_queue, annotator=stage.dov, by=stage.member("dov"))
    _review(stage, first, "fix", values={"entailed": "no"})
    assert Task.objects.get(queue=stage.queue).state == "open"
    _review(stage, second, "accept", who=lead)
    assert (Resolution.objects.get().value, Resolution.objects.get().basis) == ("no", Basis.REVIEW)
    _sound(stage)


def test_a_rework_after_a_fix_is_what_counts() -> None:
    stage, first = _stage()
    second = review_stages.add(queue=stage.queue, terms=Terms(role=Role.LEAD), by=stage.ada)
    lead = staffing.annotator_for(member=stage.ada)
    stage.answer(stage.ben, "yes")
    _review(stage, first, "fix", values={"entailed": "no"})
    _review(stage, second, "return", who=lead)
    _rework(stage, first, stage.ben, "yes")
    _review(stage, second, "accept", who=lead)
    assert (Resolution.objects.get().value, Resolution.objects.get().basis) == ("yes", Basis.CONSENSUS)


@pytest.mark.parametrize(
    ("terms", "n_reviewed"),
    [(Terms(scope="newcomers", first_n=2), 2), (Terms(scope="share", share=Decimal("0.5")), None)],
)
def test_a_stage_takes_the_first_answers_or_a_drawn_share(terms: Terms, n_reviewed: int | None) -> None:
    stage, _ = _stage(terms, n=6)
    for _ in range(6):
        stage.answer(stage.ben, "yes")
    rest = Task.objects.filter(queue=stage.queue, state="resolved").count()
    assert rest + Review.objects.count() == 6
    if n_reviewed is not None:
        assert Review.objects.count() == n_reviewed


def test_a_share_is_drawn_once_and_about_as_large_as_it_says() -> None:
    where = ReviewStage(pk=7, scope="share", share=Decimal("0.3"))
    drawn = [review_stages.takes(stage=where, annotator_id=1, assignment_id=k) for k in range(4000)]
    again = [review_stages.takes(stage=where, annotator_id=1, assignment_id=k) for k in range(4000)]
    assert drawn == again
    assert 0.27 < sum(drawn) / len(drawn) < 0.33


def test_a_stage_for_a_cohort_takes_its_members_answers() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    cohort = cohorts.create(project=stage.project, key="new", name="New", by=stage.ada)
    cohorts.join(cohort=cohort, annotator=stage.ben, by=stage.ada)
    review_stages.add(queue=stage.queue, terms=Terms(scope="cohort", cohort=cohort), by=stage.ada)
    stage.load(2)
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "yes")
    assert [review.annotator for review in Review.objects.all()] == [stage.ben]


def test_a_stage_asks_for_a_skill() -> None:
    skill_stage = cast.stage(overlap=1, max_overlap=1)
    skill = skills.create(project=skill_stage.project, key="review", name="Review", by=skill_stage.ada)
    where = review_stages.add(queue=skill_stage.queue, terms=Terms(skill=skill), by=skill_stage.ada)
    staffing.enrol(queue=where.review_queue, annotator=skill_stage.dov, by=skill_stage.ada)
    skill_stage.load(1)
    skill_stage.answer(skill_stage.ben, "yes")
    with pytest.raises(NotAllowed, match="skill"):
        _review(skill_stage, where, "accept")
    skills.grant(annotator=skill_stage.dov, skill=skill, by=skill_stage.ada)
    _review(skill_stage, where, "accept")


def test_an_answer_may_be_corrected_until_a_reviewer_decides() -> None:
    stage, where = _stage()
    given = stage.answer(stage.ben, "yes")
    taken = reviewing.take(queue=where.review_queue, annotator=stage.dov, by=stage.member("dov"))
    assert taken is not None
    slot = Annotation.objects.get(pk=given.annotation_id or 0).assignment_id

    def correct(seen: int) -> None:
        revising.revise(
            annotator=stage.ben,
            assignment_id=slot,
            answer=submitting.Answer({"entailed": "no"}, {}),
            seen=seen,
            client_key=str(uuid.uuid4()),
            by=stage.ben.member,
        )

    correct(1)
    with pytest.raises(Stale):
        _review(stage, where, "accept", seen=given.annotation_id)
    _review(stage, where, "return")
    with pytest.raises(revising.Settled, match="reviewer"):
        correct(2)


@pytest.mark.parametrize(
    "said",
    [
        {"verdict": "praise"},
        {"verdict": "return", "reason": " "},
        {"verdict": "return", "clause": ""},
        {"verdict": "return", "clause": "no-such"},
        {"verdict": "fix", "values": {}},
        {"verdict": "fix", "values": {"entailed": "maybe"}},
        {"verdict": "fix", "cannot": "weather"},
    ],
)
def test_an_incomplete_decision_is_refused_and_the_review_stays_open(said: dict[str, Any]) -> None:
    stage, where = _stage()
    stage.answer(stage.ben, "yes")
    with pytest.raises(Invalid):
        _review(stage, where, **said)
    assert Review.objects.get().state == ReviewState.OPEN
    assert not ReviewDecision.objects.exists()


def test_a_review_ends_with_its_task() -> None:
    stage, where = _stage(overlap=2, max_overlap=2, max_returns=1)
    stage.answer(stage.ben, "yes")
    held = reviewing.take(queue=where.review_queue, annotator=stage.dov, by=stage.member("dov"))
    assert held is not None
    task = Task.objects.get(queue=stage.queue)
    settling.open_dispute(
        task_id=task.pk,
        project_id=task.project_id,
        questions=["entailed"],
        reason="asked-for",
        disagreement=0.0,
        item_id=task.item_id,
        meaning=1,
        adjudication_queue_id=stage.queue.adjudication_queue_id,
        answered_by=[stage.ben.pk],
        by=stage.ada,
    )
    assert Review.objects.get().state == ReviewState.WITHDRAWN
    with pytest.raises(WrongState, match="not under review"):
        _review(stage, where, "accept")


def test_a_plain_answer_to_a_review_is_refused() -> None:
    stage, where = _stage()
    stage.answer(stage.ben, "yes")
    served = stage.claim(stage.dov, where.review_queue)
    with pytest.raises(WrongState, match="This is a review"):
        stage.submit(stage.dov, served, {"entailed": "yes"})


def test_an_ended_stage_takes_no_more_and_finishes_what_it_took() -> None:
    stage, where = _stage(n=2)
    stage.answer(stage.ben, "yes")
    review_stages.end(stage=where, by=stage.ada)
    with pytest.raises(WrongState):
        review_stages.end(stage=where, by=stage.ada)
    stage.answer(stage.ben, "yes")
    assert Review.objects.count() == 1
    _review(stage, where, "accept")
    assert set(Task.objects.filter(queue=stage.queue).values_list("state", flat=True)) == {"resolved"}


def test_nothing_is_loaded_into_a_queue_of_reviews() -> None:
    stage, where = _stage()
    for queue in (where.review_queue, where.rework_queue):
        with pytest.raises(WrongState, match="Nothing is loaded"):
            stage.load(1, start=5, queue=queue)


def test_only_labels_are_reviewed() -> None:
    stage, where = _stage()
    with pytest.raises(Invalid, match="Only labels"):
        review_stages.add(queue=where.review_queue, terms=Terms(), by=stage.ada)
    with pytest.raises(DatabaseError, match="a stage reviews labels"), transaction.atomic():
        ReviewStage.objects.create(
            project=stage.project,
            queue=stage.queue,
            position=9,
            review_queue=Queue.objects.get(pk=stage.queue.pk),
            rework_queue=where.rework_queue,
            scope="all",
            event_id=1,
        )
    assert not under_review.pending(0)
