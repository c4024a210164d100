"""Precedents: made of rulings, frozen as sets, served by digest, never before gold or their own item."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation import establishing, labelling, piloting
from annotation.models import Annotation, Dispute, Precedent, Ruling
from specs import canonical, drafting, precedents
from specs.models import PrecedentSet
from specs.refusals import Invalid, WrongState
from tests import cast
from workforce import leasing, queues, routing, staffing
from workforce.models import Annotator, Item, KnownAnswer, Task

pytestmark = pytest.mark.django_db

WORDS = "An adult reader knows where Lyon lies."


@pytest.fixture
def stage(settings: Any) -> cast.Stage:
    settings.PRECEDENTS_WITHHELD_PERCENT = 0
    made = cast.stage(overlap=2, max_overlap=2)
    made.load(4)
    made.answer(made.ben, "yes")
    made.answer(made.chi, "no")
    return made


def _ruling(stage: cast.Stage, **changed: Any) -> Ruling:
    return cast.ruled(stage, Dispute.objects.get(state="open"), **changed)


def _beside(stage: cast.Stage, served: leasing.Served, who: Annotator) -> dict[str, list[str]]:
    """What the labelling page shows beside its clauses."""
    work = labelling.work(served=served, annotator=who, queue=stage.queue, draft=None)
    return {
        shown.clause.key: [one.text for one in shown.precedents] for shown in work.clauses if shown.precedents
    }


def test_a_later_task_shows_it_and_its_answer_names_the_digest_of_exactly_that(stage: cast.Stage) -> None:
    before = stage.claim(stage.dov)
    assert before.served_digest == stage.version.digest
    stage.submit(stage.dov, before, {"entailed": "no"})
    establishing.establish(ruling=_ruling(stage), text=WORDS, by=stage.ada)
    served = stage.claim(stage.ben)
    assert _beside(stage, served, stage.ben) == {"knowledge": [WORDS]}
    stage.submit(stage.ben, served, {"entailed": "yes"})
    kept = PrecedentSet.objects.get()
    answer = Annotation.objects.latest("pk")
    assert answer.served_digest == kept.digest != stage.version.digest
    # recomputed from what is stored, as a reader of the record would
    data = bytes(kept.canonical)
    assert canonical.digest(data) == answer.served_digest
    assert json.loads(data) == {
        "format": 1,
        "version": stage.version.digest,
        "precedents": [
            {"precedent": Precedent.objects.get().pk, "clause": "knowledge", "text": WORDS, "ruled": "No"}
        ],
    }


def test_it_is_shown_neither_before_its_own_item_nor_before_gold(stage: cast.Stage) -> None:
    ruling = _ruling(stage)
    establishing.establish(ruling=ruling, text=WORDS, by=stage.ada)
    again = queues.create_queue(
        project=stage.project,
        key="again",
        name="Again",
        spec=stage.spec,
        version=stage.version,
        owner=stage.ada,
        entry="none",
        by=stage.ada,
    )
    routing.route_many(item_ids=[ruling.dispute.task.item_id], queue=again, meaning=1, by=stage.ada)
    staffing.enrol(queue=again, annotator=stage.dov, by=stage.ada)
    own = stage.claim(stage.dov, again)
    assert (own.item_key, own.served_digest) == ("item-0", stage.version.digest)
    assert _beside(stage, own, stage.dov) == {}
    for item in ("item-1", "item-2"):
        KnownAnswer.objects.create(
            project=stage.project,
            item=Item.objects.get(key=item),
            spec=stage.spec,
            question="entailed",
            value="yes",
            source="test",
            meaning=1,
        )
    for expected in ("item-1", "item-2", "item-3"):
        served = stage.claim(stage.ben)
        assert served.item_key == expected
        assert bool(_beside(stage, served, stage.ben)) == (expected == "item-3")
        stage.submit(stage.ben, served, {"entailed": "yes"})


def test_a_fixed_share_of_the_other_items_goes_without_so_that_gold_cannot_be_told(
    stage: cast.Stage, settings: Any
) -> None:
    settings.PRECEDENTS_WITHHELD_PERCENT = 50
    establishing.establish(ruling=_ruling(stage), text=WORDS, by=stage.ada)
    stage.load(30, start=100)
    shown: dict[str, set[bool]] = {}
    for who in (stage.ben, stage.chi):
        for _ in range(30):
            served = stage.claim(who)
            shown.setdefault(served.item_key, set()).add(served.served_digest != stage.version.digest)
            stage.submit(who, served, {"entailed": "yes"})
    assert all(len(seen) == 1 for seen in shown.values())  # the same for everybody
    assert 4 <= sum(True in seen for seen in shown.values()) <= 27


def test_other_words_are_a_later_revision_and_a_withdrawal_is_kept_with_its_reason(stage: cast.Stage) -> None:
    first = establishing.establish(ruling=_ruling(stage), text="One.", by=stage.ada)
    old_digest = PrecedentSet.objects.get().digest
    second = establishing.reword(precedent=first, text="Two.", by=stage.ada)
    first.refresh_from_db()
    assert (first.superseded_by, second.revision, first.text) == (second, 2, "One.")
    assert _beside(stage, stage.claim(stage.ben), stage.ben) == {"knowledge": ["Two."]}
    with pytest.raises(WrongState):
        establishing.reword(precedent=first, text="Three.", by=stage.ada)
    with pytest.raises(Invalid, match="why"):
        establishing.withdraw(precedent=second, reason=" ", by=stage.ada)
    establishing.withdraw(precedent=second, reason="It misled.", by=stage.ada)
    assert stage.claim(stage.chi).served_digest == stage.version.digest
    assert PrecedentSet.objects.count() == 3
    # what was served before can still be read by its digest
    served = precedents.served(
        version_id=stage.version.pk, version_digest=stage.version.digest, digest=old_digest
    )
    assert [one.text for one in served["knowledge"]] == ["One."]


def test_it_goes_along_into_the_next_version_unless_its_clause_is_reworded(stage: cast.Stage) -> None:
    made = establishing.establish(ruling=_ruling(stage), text=WORDS, by=stage.ada)
    other = cast.amend(stage, "numbers")
    assert [one.text for one in precedents.current(other.pk)["knowledge"]] == [WORDS]
    reworded = cast.amend(stage, "knowledge")
    assert precedents.current(reworded.pk) == {}
    assert precedents.current(other.pk)["knowledge"]  # the version it was made for keeps it
    establishing.keep(precedent=made, by=stage.ada)
    assert [one.text for one in precedents.current(reworded.pk)["knowledge"]] == [WORDS]


def test_a_precedent_that_is_made_stands_under_every_version_with_that_wording(stage: cast.Stage) -> None:
    same = cast.amend(stage, "numbers")
    cast.amend(stage, "knowledge")
    establishing.establish(ruling=_ruling(stage), text=WORDS, by=stage.ada)
    shown = PrecedentSet.objects.values_list("version", flat=True)
    assert set(shown) == {stage.version.pk, same.pk}


def test_what_does_not_stand_is_no_precedent(stage: cast.Stage) -> None:
    ruling = _ruling(stage, cause="annotator-erred", clause_key="", reason="")
    for text, clause in (("", "knowledge"), ("x" * 2001, "knowledge"), (WORDS, ""), (WORDS, "no-such")):
        with pytest.raises(Invalid):
            establishing.establish(ruling=ruling, clause_key=clause, text=text, by=stage.ada)
    establishing.establish(ruling=ruling, clause_key="knowledge", text=WORDS, by=stage.ada)
    with pytest.raises(WrongState, match="already"):
        establishing.establish(ruling=ruling, clause_key="knowledge", text=WORDS, by=stage.ada)
    Dispute.objects.update(state="open")
    with pytest.raises(WrongState, match="does not stand"):
        establishing.establish(ruling=ruling, clause_key="numbers", text=WORDS, by=stage.ada)
    assert Precedent.objects.count() == 1


def test_the_regression_sample_is_the_items_of_the_precedents(stage: cast.Stage) -> None:
    made = establishing.establish(ruling=_ruling(stage), text=WORDS, by=stage.ada)
    for who, value in ((stage.ben, "yes"), (stage.chi, "no")):
        stage.answer(who, value)
    _ruling(stage)  # ruled on, but no precedent
    draft = drafting.open_draft(spec=stage.spec, by=stage.ada)
    row = draft.draft_clauses.select_related("clause").get(clause__key="numbers")
    drafting.reword_clause(
        clause=row,
        title=row.title,
        blocks=[{"type": "definition", "text": "Figures decide."}],
        governs=row.governs,
        by=stage.ada,
    )
    pilot = piloting.start(
        draft=draft,
        sample="precedents",
        n_items=50,
        overlap=2,
        annotators=[stage.ben, stage.chi],
        owner=stage.ada,
        by=stage.ada,
    )
    assert list(Task.objects.filter(queue=pilot.queue).values_list("item__key", flat=True)) == ["item-0"]
    assert precedents.current(pilot.trial_id)["knowledge"][0].precedent == made.pk


def test_leads_make_reword_and_withdraw_by_pages_and_others_may_not(
    stage: cast.Stage, client: Client
) -> None:
    ruling = _ruling(stage)
    client.force_login(stage.ada.user)  # type: ignore[arg-type]
    page = client.get(f"/p/rte/disputes/{ruling.dispute_id}/").content.decode()
    assert "This ruling is not shown to annotators" in page
    client.post(f"/p/rte/disputes/{ruling.dispute_id}/precedent/", {"clause": "knowledge", "text": WORDS})
    made = Precedent.objects.get()
    again = client.post(
        f"/p/rte/disputes/{ruling.dispute_id}/precedent/", {"clause": "knowledge", "text": "Kept words"}
    )
    assert (again.status_code, "Kept words" in again.content.decode()) == (409, True)
    assert WORDS in client.get("/p/rte/precedents/").content.decode()
    assert WORDS in client.get("/p/rte/specs/rte/1.0.0/").content.decode()
    client.post(f"/p/rte/precedents/{made.pk}/", {"what": "reword", "text": "Lyon is known."})
    newest = Precedent.objects.latest("pk")
    client.post(f"/p/rte/precedents/{newest.pk}/", {"what": "withdraw", "reason": "It misled."})
    assert "No precedent yet" in client.get("/p/rte/precedents/").content.decode()
    assert "It misled." in client.get("/p/rte/precedents/?state=gone").content.decode()
    client.force_login(stage.member("ben").user)  # type: ignore[arg-type]
    assert (
        client.post(f"/p/rte/precedents/{newest.pk}/", {"what": "withdraw", "reason": "x"}).status_code == 403
    )


def test_the_list_takes_as_many_queries_for_ten_as_for_one(
    stage: cast.Stage, client: Client, django_assert_num_queries: Any
) -> None:
    client.force_login(stage.ada.user)  # type: ignore[arg-type]
    ruling = _ruling(stage)
    establishing.establish(ruling=ruling, text=WORDS, by=stage.ada)
    client.get("/p/rte/precedents/")
    with CaptureQueriesContext(connection) as one:
        client.get("/p/rte/precedents/")
    for clause in ("whole", "numbers"):
        establishing.establish(ruling=ruling, clause_key=clause, text=WORDS, by=stage.ada)
    with django_assert_num_queries(len(one)):
        client.get("/p/rte/precedents/")


def test_a_token_does_what_the_pages_do(stage: cast.Stage, client: Client) -> None:
    ruling = _ruling(stage)
    headers = {"Authorization": f"Bearer {stage.token(stage.ada)}"}
    base = "/api/v1/projects/rte"

    def post(path: str, body: dict[str, Any]) -> Any:
        return client.post(f"{base}/{path}", body, content_type="application/json", headers=headers)

    made = post(f"disputes/{ruling.dispute_id}/precedent", {"text": WORDS})
    assert (made.status_code, made.json()["clause"]) == (201, "knowledge")
    digest = stage.claim(stage.ben).served_digest
    served = client.get(f"{base}/specs/rte/served/{digest}", headers=headers).json()
    assert canonical.digest(served["canonical"].encode()) == digest
    assert [one["text"] for one in served["precedents"]] == [WORDS]
    alone = client.get(f"{base}/specs/rte/served/{stage.version.digest}", headers=headers).json()
    assert (alone["precedents"], canonical.digest(alone["canonical"].encode())) == ([], stage.version.digest)
    second = post(f"precedents/{made.json()['id']}/reword", {"text": "Two."}).json()
    assert post(f"precedents/{second['id']}/keep", {}).status_code == 200
    gone = post(f"precedents/{second['id']}/withdraw", {"reason": "It misled."}).json()
    assert gone["superseded_at"] is not None
    assert post(f"precedents/{second['id']}/withdraw", {"reason": "Again."}).status_code == 409
    listed = client.get(f"{base}/precedents?state=gone&clause=knowledge", headers=headers).json()[
        "precedents"
    ]
    assert [one["revision"] for one in listed] == [2, 1]
