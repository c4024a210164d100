"""Live sums: what an answer changes is there with the next look, and equals a count of everything."""

from __future__ import annotations

import os
import random
import threading
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from annotation import (
    declining,
    event_cursors,
    following,
    importing,
    measuring,
    parsing,
    reoverlapping,
    revising,
    standings,
    submitting,
)
from annotation.models import Annotation, LiveCursor, LiveItem, LiveQueue, LiveSum
from specs.refusals import Refusal
from tests import cast
from tests.invariants import recounting
from workforce import leasing, queues
from workforce.models import Annotator, Assignment, Queue, SlotState


def _alpha(queue: Queue) -> Any:
    (standing,) = standings.read(queue=queue)
    return standing.live.value


@pytest.mark.django_db
def test_agreement_stands_as_a_report_has_it_after_every_answer() -> None:
    stage = cast.stage(overlap=2, max_overlap=3)
    stage.load(6)
    following.catch_up(project_id=stage.project.pk)
    assert standings.read(queue=stage.queue) == []
    for k in range(6):
        stage.answer(stage.ben, "yes" if k < 4 else "no", cite=["whole"])
        stage.answer(stage.chi, "yes" if k % 2 == 0 else "no")
        following.catch_up(project_id=stage.project.pk)
        (report,) = measuring.compute(spec=stage.spec, queue=stage.queue)
        found = _alpha(stage.queue)
        assert found.value == pytest.approx(report.summary.alpha.value)
        assert found.reason == report.summary.alpha.reason
    assert recounting.differences(stage.project.pk) == []
    (standing,) = standings.read(queue=stage.queue)
    assert (standing.live.n_answers, standing.live.labels) == (12, {"yes": 7, "no": 5})
    assert standing.whole
    assert found.low < found.value < found.high
    (clause,) = standing.live.clauses
    assert clause.estimate.n_items == 6
    assert "too few items" in clause.estimate.reason


SCORE = {
    "key": "score",
    "kind": "rating",
    "title": "How much?",
    "required": True,
    "settings": {"min": 1, "max": 5},
}


@pytest.mark.django_db
def test_points_of_a_scale_are_apart_by_their_distance_under_a_clause() -> None:
    """Neighbours on a scale of five differ by a quarter, as it stands and in a report; alpha stays that of the scale."""
    stage = cast.stage(questions=(SCORE,), overlap=2, max_overlap=2)
    stage.load(12)
    for k in range(12):
        for who, more in ((stage.ben, 0), (stage.chi, 1)):
            served = stage.claim(who)
            stage.submit(who, served, {"score": 1 + k % 4 + more}, {"score": ["whole"]})
    following.catch_up(project_id=stage.project.pk)
    (standing,), (report,) = standings.read(queue=stage.queue), measuring.compute(spec=stage.spec)
    (clause,) = standing.live.clauses
    assert clause.estimate.value == pytest.approx(0.25)
    assert report.clauses[0].estimate.value == pytest.approx(0.25)
    assert standing.live.value.value == pytest.approx(report.summary.alpha.value)
    assert recounting.differences(stage.project.pk) == []


@pytest.mark.django_db
def test_a_correction_takes_back_what_was_counted() -> None:
    stage = cast.stage(overlap=3, max_overlap=3)
    stage.load(1)
    stage.answer(stage.ben, "yes")
    stage.answer(stage.chi, "no")
    following.catch_up(project_id=stage.project.pk)
    slot = Assignment.objects.get(annotator=stage.chi, state="submitted").pk
    revising.revise(
        annotator=stage.chi,
        assignment_id=slot,
        answer=submitting.Answer({"entailed": "yes"}, {}),
        seen=1,
        client_key=str(uuid.uuid4()),
        by=stage.chi.member,
    )
    assert standings.read(queue=stage.queue)[0].live.labels == {"yes": 1, "no": 1}
    following.catch_up(project_id=stage.project.pk)
    assert standings.read(queue=stage.queue)[0].live.labels == {"yes": 2}
    assert recounting.differences(stage.project.pk) == []


@pytest.mark.django_db
def test_a_history_that_comes_in_is_counted_part_by_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "AT_ONCE", 3)
    rows = "".join(f"i{k},a{j},{'yes' if (k * j) % 3 else 'no'}\n" for k in range(8) for j in range(3))
    (tmp_path / "labels.csv").write_text("item_id,annotator_id,label\n" + rows)
    done = importing.import_labels(folder=tmp_path, project_key="history", by=None)
    followed = following.catch_up(project_id=done.project.pk, seconds=0)
    assert (followed.n_items, followed.whole) == (0, False)
    for expected in (3, 3, 2):
        assert following._recount(done.project.pk) == expected
    assert following.catch_up(project_id=done.project.pk).whole
    assert _alpha(done.queue).value == pytest.approx(
        measuring.compute(spec=done.version.spec)[0].summary.alpha.value
    )
    assert recounting.differences(done.project.pk) == []


@pytest.mark.django_db
def test_many_items_at_once_are_counted_anew_and_nothing_is_counted_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(following, "MOST_DIRTY", 2)
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(5)
    following.catch_up(project_id=stage.project.pk)
    for _ in range(5):
        stage.answer(stage.ben, "yes")
    assert following.catch_up(project_id=stage.project.pk, seconds=0).whole is False
    assert following.catch_up(project_id=stage.project.pk).whole
    for _ in range(2):
        following.catch_up(project_id=stage.project.pk)
    assert standings.read(queue=stage.queue)[0].live.n_answers == 5


@pytest.mark.django_db
def test_a_database_in_another_cluster_begins_anew() -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(2)
    stage.answer(stage.ben, "yes")
    following.catch_up(project_id=stage.project.pk)
    LiveCursor.objects.update(seen=2**60)
    stage.answer(stage.ben, "no")
    following.catch_up(project_id=stage.project.pk)
    assert LiveCursor.objects.get().seen < 2**60
    assert recounting.differences(stage.project.pk) == []


def test_an_answer_that_commits_late_is_followed_and_what_is_settled_is_left_behind(
    committed_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ben's transaction began before Chi's and ends after it was folded; its event has the lower number."""
    monkeypatch.setattr(event_cursors, "SETTLED_AFTER", 0)
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(2)
    following.catch_up(project_id=stage.project.pk)
    bens, chis = stage.claim(stage.ben), stage.claim(stage.chi)
    answered, folded = threading.Event(), threading.Event()

    def late() -> None:
        with transaction.atomic():
            stage.submit(stage.ben, bens, {"entailed": "yes"})
            answered.set()
            folded.wait(30)
        connection.close()

    thread = threading.Thread(target=late)
    thread.start()
    assert answered.wait(30)
    stage.submit(stage.chi, chis, {"entailed": "yes"})
    for _ in range(3):
        following.catch_up(project_id=stage.project.pk)
    assert standings.read(queue=stage.queue)[0].live.n_answers == 1
    events = list(Annotation.objects.order_by("pk").values_list("event_id", flat=True))
    assert LiveCursor.objects.get().upto < events[0]
    folded.set()
    thread.join()
    following.catch_up(project_id=stage.project.pk)
    assert standings.read(queue=stage.queue)[0].live.n_answers == 2
    for _ in range(3):
        following.catch_up(project_id=stage.project.pk)
    # Beside other processes of the run, one of which may hold a transaction open in the same server, nothing settles so soon.
    if "PYTEST_XDIST_WORKER" not in os.environ:
        assert LiveCursor.objects.get().upto >= max(events)
    assert recounting.differences(stage.project.pk) == []


def test_who_comes_second_leaves_it_to_the_first(committed_db: None) -> None:
    stage = cast.stage(overlap=1, max_overlap=1)
    stage.load(1)
    following.catch_up(project_id=stage.project.pk)
    found = []

    def second() -> None:
        found.append(following.catch_up(project_id=stage.project.pk, wait=False))
        connection.close()

    with transaction.atomic():
        following.catch_up(project_id=stage.project.pk)
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(30)
    assert found == [following.Followed(0, True)]


@pytest.mark.django_db
def test_a_sum_never_goes_below_one_and_stands_once() -> None:
    stage = cast.stage()
    known = {"project": stage.project, "queue": stage.queue, "meaning": 1}
    for wrong in ({"amount": 0}, {"amount": -1}):
        with pytest.raises(IntegrityError, match="live_sum_counts_something"), transaction.atomic():
            LiveSum.objects.create(**known, question="q", name="n", **wrong)
    LiveSum.objects.create(**known, question="q", name="n", amount=1)
    with pytest.raises(IntegrityError, match="live_sum_once"), transaction.atomic():
        LiveSum.objects.create(**known, question="q", name="n", amount=2)
    LiveQueue.objects.create(project=stage.project, queue=stage.queue)
    with pytest.raises(IntegrityError, match="live_queue_once"), transaction.atomic():
        LiveQueue.objects.create(project=stage.project, queue=stage.queue)
    stage.load(1)
    item = Assignment.objects.get(queue=stage.queue, number=1).task.item
    LiveItem.objects.create(**known, item=item, said={})
    with pytest.raises(IntegrityError, match="live_item_once"), transaction.atomic():
        LiveItem.objects.create(**known, item=item, said={})
    LiveCursor.objects.create(project=stage.project, seen=1)
    with pytest.raises(IntegrityError, match="live_cursor_one_per_project"), transaction.atomic():
        LiveCursor.objects.create(project=stage.project, seen=1)


@pytest.mark.django_db
def test_the_page_shows_an_answer_with_its_next_look() -> None:
    stage = cast.stage(overlap=2, max_overlap=2)
    client, url = Client(), f"/p/rte/agreement/?queue={stage.queue.key}"
    assert stage.ada.user is not None
    client.force_login(stage.ada.user)
    assert "nobody has answered yet" in client.get(url).content.decode()
    stage.load(1)
    stage.answer(stage.ben, "yes")
    whole = client.get(url).content.decode()
    assert 'hx-trigger="every 2s"' in whole
    stage.answer(stage.chi, "no")
    part = client.get(f"{url}&part=standing", headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith("<section")
    assert '<td class="n" data-label="Answers">2</td>' in part


class _Anything:
    """Random work in one queue: answers, late ones, corrections, things that cannot be labelled, other overlaps, histories."""

    def __init__(self, stage: cast.Stage, seed: int, folder: Path) -> None:
        self.stage, self.random, self.folder = stage, random.Random(seed), folder
        self.n_loaded = self.n_histories = 0
        self.lost: list[tuple[Annotator, leasing.Served]] = []
        self.done: dict[str, int] = {}

    def run(self, n: int) -> None:
        names = {
            "answer": 20,
            "lose": 1,
            "late": 1,
            "correct": 4,
            "cannot": 2,
            "overlap": 0.2,
            "history": 0.1,
        }
        for _ in range(n):
            name = self.random.choices(list(names), list(names.values()))[0]
            try:
                with transaction.atomic():
                    getattr(self, name)()
                self.done[name] = self.done.get(name, 0) + 1
            except Refusal:
                continue
            if self.random.random() < 0.05:
                following.catch_up(project_id=self.stage.project.pk)

    def answer(self) -> None:
        served = self._served()
        self._submit(*served)

    def lose(self) -> None:
        who, served = self._served()
        Assignment.objects.filter(pk=served.assignment_id).update(
            lease_until=leasing.database_now() - timedelta(seconds=1)
        )
        self.lost.append((who, served))

    def late(self) -> None:
        if self.lost:
            self._submit(*self.lost.pop(self.random.randrange(len(self.lost))))

    def correct(self) -> None:
        who = self._who()
        slot = (
            Assignment.objects.filter(annotator=who, state=SlotState.SUBMITTED, queue=self.stage.queue)
            .order_by("-submitted_at")
            .values_list("pk", flat=True)
            .first()
        )
        if slot is not None:
            revising.revise(
                annotator=who,
                assignment_id=slot,
                answer=self._said(),
                seen=Annotation.objects.filter(assignment=slot).count(),
                client_key=str(uuid.uuid4()),
                by=who.member,
            )

    def cannot(self) -> None:
        who, served = self._served()
        declining.decline(
            annotator=who,
            assignment_id=served.assignment_id,
            token=served.token,
            category="broken",
            by=who.member,
        )

    def overlap(self) -> None:
        n = self.random.randint(1, 3)
        queues.change_settings(queue=self.stage.queue, by=self.stage.ada, overlap=n)
        reoverlapping.change(queue=self.stage.queue, by=self.stage.ada)

    def history(self) -> None:
        """Labels made elsewhere, of items of an earlier history as well."""
        self.n_histories += 1
        first = self.random.randrange(max(1, self.n_histories))
        rows = [
            f"h{first + k},a{self.random.randrange(6)}-{j},{self.random.choice(['yes', 'no'])}"
            for k in range(3)
            for j in range(2)
        ]
        (self.folder / "labels.csv").write_text("\n".join(["item_id,annotator_id,label", *rows]) + "\n")
        importing.import_labels(folder=self.folder, project_key=self.stage.project.key, by=None)

    def _who(self) -> Annotator:
        return self.random.choice([self.stage.ben, self.stage.chi, self.stage.dov])

    def _served(self) -> tuple[Annotator, leasing.Served]:
        who = self._who()
        served = leasing.claim(queue_id=self.stage.queue.pk, annotator=who, by=who.member)
        if served is None:
            self.stage.load(20, start=self.n_loaded)
            self.n_loaded += 20
            served = leasing.claim(queue_id=self.stage.queue.pk, annotator=who, by=who.member)
        if served is None:
            raise submitting.TaskGone("nothing to do")
        return who, served

    def _said(self) -> submitting.Answer:
        cited = self.random.choice([["knowledge"], ["whole", "numbers"], [parsing.NO_CLAUSE], []])
        return submitting.Answer(
            {"entailed": self.random.choice(["yes", "yes", "no"])}, {"entailed": cited} if cited else {}
        )

    def _submit(self, who: Annotator, served: leasing.Served) -> None:
        submitting.submit(
            annotator=who,
            assignment_id=served.assignment_id,
            token=served.token,
            answer=self._said(),
            client_key=str(uuid.uuid4()),
            by=who.member,
        )


def _anything(tmp_path: Path, seed: int) -> _Anything:
    stage = cast.stage(overlap=2, max_overlap=3, max_returns=50, cannot_categories=["broken"])
    return _Anything(stage, seed, tmp_path)


def test_after_any_work_the_sums_are_those_of_a_count(committed_db: None, tmp_path: Path) -> None:
    work = _anything(tmp_path, 1)
    work.run(150)
    assert recounting.differences(work.stage.project.pk) == []
    assert len(work.done) >= 5, work.done


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(2, 7))
def test_after_a_hundred_thousand_operations_the_sums_are_those_of_a_count(
    committed_db: None, tmp_path: Path, seed: int
) -> None:
    """In five lives of 20,000 each, so that they can run beside each other."""
    work = _anything(tmp_path, seed)
    for _ in range(2):
        work.run(10_000)
        assert recounting.differences(work.stage.project.pk) == []
    print(work.done)
