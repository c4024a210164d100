"""Rules about people: whom they find, what follows, and that no rule suspends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import Error, connection, transaction
from django.test import Client

from annotation import metrics, watching
from annotation.agreement import drift
from annotation.models import Annotation
from specs.models import Clause, Event, Member, MemberState, Suspension
from specs.refusals import Invalid, NotAllowed, WrongState
from tests import cast
from tests.annotation.test_people import _answered, _flag, _judged
from tests.workforce.test_goldkeeping import bring_in
from workforce import consequences, entering, leasing, people_rules, skipping, staffing, suspending
from workforce.models import (
    Annotator,
    Consequence,
    Enrolment,
    Finding,
    Notice,
    PeopleRule,
    SpecWarning,
    Task,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage() -> cast.Stage:
    return cast.stage(overlap=3, max_overlap=5)


def _rule(stage: cast.Stage, *, on: bool = True, **terms: Any) -> PeopleRule:
    made = people_rules.create(
        project=stage.project,
        by=stage.ada,
        **{
            "name": "Agreement",
            "metric": "agreement",
            "last_answers": 100,
            "minimum": 4,
            "threshold": 0.9,
            "sure": False,
            "action": "review",
            "confirm": False,
            "share": 1.0,
            "reason": "Agreement is low.",
            **terms,
        },
    )
    return people_rules.switch(rule=made, on=True, by=stage.ada) if on else made


def _ben_is_off(stage: cast.Stage, *, cite: str = "") -> None:
    """Ben agrees on two of four, the others on all that can be said of them."""
    _answered(
        stage,
        ("yes", "yes", "yes"),
        ("no", "yes", "yes"),
        ("yes", "yes", "yes"),
        ("no", "yes", "yes"),
        cite=cite,
    )


def _found(outcome: watching.Outcome) -> list[str]:
    return [look.annotator.pseudonym for look in outcome.found]


def test_a_rule_finds_who_lies_beyond_its_threshold_and_a_dry_run_changes_nothing(stage: cast.Stage) -> None:
    _ben_is_off(stage)
    rule = _rule(stage, on=False)
    outcome = watching.look(rule=rule)
    assert _found(outcome) == [stage.ben.pseudonym]
    assert next(look.reading.value for look in outcome.looks if look.found) == 0.5
    assert watching.watch(rule=rule) == []
    assert not Finding.objects.exists()


def test_below_its_minimum_a_rule_finds_nobody(stage: cast.Stage) -> None:
    _ben_is_off(stage)
    assert _found(watching.look(rule=_rule(stage, minimum=5))) == []


def test_a_sure_rule_wants_the_whole_interval_beyond(stage: cast.Stage) -> None:
    _ben_is_off(stage)
    assert (
        _found(watching.look(rule=_rule(stage, sure=True, threshold=0.8))) == []
    )  # 2 of 4 reaches from 0.15 to 0.85
    assert _found(watching.look(rule=_rule(stage, name="More", sure=True, threshold=0.86))) == [
        stage.ben.pseudonym
    ]


def test_answers_under_flagged_clauses_are_set_aside_before_a_rule_judges(stage: cast.Stage) -> None:
    _ben_is_off(stage, cite="knowledge")
    rule = _rule(stage)
    assert _found(watching.look(rule=rule)) == [stage.ben.pseudonym]
    _flag(stage, "knowledge")
    outcome = watching.look(rule=rule)
    assert _found(outcome) == []
    assert {look.reading.n_set_aside for look in outcome.looks if look.annotator == stage.ben} == {4}


def test_it_is_written_down_once_a_day_whatever_runs_how_often(stage: cast.Stage) -> None:
    _ben_is_off(stage)
    rule = _rule(stage)
    assert len(watching.watch(rule=rule)) == 1
    assert watching.watch(rule=rule) == []
    assert watching.watch_all() == 0
    finding = Finding.objects.get()
    assert (finding.annotator, finding.value, finding.n) == (stage.ben, 0.5, 4)
    with pytest.raises(Error), transaction.atomic():
        Finding.objects.create(
            project=stage.project,
            rule=rule,
            annotator=stage.ben,
            window_end=finding.window_end,
            value=0,
            n=1,
            event_id=0,
        )
    consequence = Consequence.objects.get()
    assert (consequence.state, consequence.action, consequence.decided_by) == ("in-force", "review", None)
    assert Event.objects.filter(kind="people-rule.found").count() == 1


def test_raised_review_wants_one_more_answer_on_each_of_her_tasks_and_on_nobody_elses(
    stage: cast.Stage,
) -> None:
    _ben_is_off(stage)
    watching.watch(rule=_rule(stage))
    stage.load(2, start=50)
    hers = stage.claim(stage.ben)
    assert Task.objects.get(pk=hers.task_id).overlap == 4
    leasing.return_leases_of(annotator=stage.ben, by=None)
    again = stage.claim(stage.ben)
    assert (
        Task.objects.get(pk=again.task_id).overlap == 4
    )  # drawn once per task, also when she is given it twice
    stage.submit(stage.ben, again, {"entailed": "yes"})
    other = leasing.claim(queue_id=stage.queue.pk, annotator=stage.chi, by=None)
    assert other is not None
    assert Task.objects.get(pk=other.task_id).overlap in (3, 4)
    assert Task.objects.filter(overlap=4).count() == len({hers.task_id, again.task_id})


def test_a_restriction_keeps_her_to_the_named_queues_until_it_is_lifted(stage: cast.Stage) -> None:
    from workforce import queues

    easy = queues.create_queue(
        project=stage.project,
        key="easy",
        name="Easy",
        spec=stage.spec,
        owner=stage.ada,
        by=stage.ada,
        entry="none",
        citing="never",
    )
    staffing.enrol(queue=easy, annotator=stage.ben, by=stage.ada)
    _ben_is_off(stage)
    stage.load(2, start=50)
    stage.load(2, start=60, queue=easy)
    stage.claim(stage.ben)
    watching.watch(rule=_rule(stage, action="restrict", queues=[easy.pk]))
    assert leasing.held(annotator=stage.ben) == []
    with pytest.raises(entering.Restricted, match="Easy only: Agreement is low"):
        stage.claim(stage.ben)
    assert stage.claim(stage.ben, easy).queue_id == easy.pk
    assert stage.claim(stage.chi).queue_id == stage.queue.pk
    lifted = consequences.end(consequence=Consequence.objects.get(), by=stage.ada)
    assert (lifted.state, lifted.ended_by) == ("ended", stage.ada)
    assert stage.claim(stage.ben).queue_id == stage.queue.pk


def test_retraining_ends_by_itself_when_its_goal_is_reached(stage: cast.Stage) -> None:
    _ben_is_off(stage)
    watching.watch(
        rule=_rule(stage, action="retrain", queues=[stage.queue.pk], goal_answers=2, goal_share=0.8)
    )
    assert watching.end_trained() == 0
    start = Annotation.objects.count()
    _answered(stage, ("yes", "yes", "yes"), ("yes", "yes", "yes"))
    assert Annotation.objects.count() > start
    _judged(stage, stage.ben, 4, right=True)
    assert watching.end_trained() == 0
    _judged(stage, stage.ben, 5, right=True)
    assert watching.end_trained() == 1
    assert Consequence.objects.get().state == "ended"


def test_a_rule_never_suspends_and_a_named_person_does(stage: cast.Stage) -> None:
    _ben_is_off(stage)
    watching.watch(rule=_rule(stage, action="suspend", confirm=True, lasts_days=7))
    ben = stage.member("ben")
    proposed = Consequence.objects.get()
    assert (proposed.state, Member.objects.get(pk=ben.pk).state) == ("proposed", MemberState.ACTIVE)
    assert stage.annotators["ben"].state == "active"
    with pytest.raises(NotAllowed):
        consequences.confirm(consequence=proposed, by=ben)
    consequences.confirm(consequence=proposed, note="Seen it myself.", by=stage.ada)
    suspension = Suspension.objects.get()
    assert (suspension.by, suspension.reason) == (stage.ada, "Agreement is low. Seen it myself.")
    assert (suspension.evidence["value"], suspension.evidence["answers"]) == (0.5, 4)
    assert Member.objects.get(pk=ben.pk).state == MemberState.SUSPENDED
    with pytest.raises(WrongState):
        consequences.confirm(consequence=proposed, by=stage.ada)
    assert consequences.end_over() == 0
    suspending.lift(member=ben, by=stage.ada)
    assert consequences.end_over() == 1
    assert Consequence.objects.get().state == "ended"


def test_what_was_declined_is_not_held_against_her_again(stage: cast.Stage) -> None:
    _ben_is_off(stage)
    rule = _rule(stage, confirm=True)
    watching.watch(rule=rule)
    with pytest.raises(Invalid):
        consequences.decline(consequence=Consequence.objects.get(), note=" ", by=stage.ada)
    consequences.decline(consequence=Consequence.objects.get(), note="She was right.", by=stage.ada)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert watching.watch(rule=rule, now=tomorrow) == []
    assert Finding.objects.count() == 1


def test_several_found_at_once_under_one_clause_are_a_warning_about_the_clause(
    stage: cast.Stage, settings: Any
) -> None:
    settings.SAME_CLAUSE_ALARMS = 2
    _answered(stage, *[("no", "yes", "yes"), ("yes", "no", "yes")] * 2, cite="numbers")
    _answered(stage, *[("yes", "yes", "yes")] * 2, cite="whole")
    rule = _rule(stage, threshold=0.95)
    found = watching.watch(rule=rule)
    assert {one.annotator for one in found} == {stage.ben, stage.chi}
    warning = SpecWarning.objects.get()
    assert (warning.clause, warning.n_annotators) == (Clause.objects.get(key="numbers"), 2)
    assert {one.held_back for one in found} == {warning}
    assert not Consequence.objects.exists()
    watching.watch(rule=rule)
    assert SpecWarning.objects.count() == 1


def test_the_other_figures_say_what_they_count(stage: cast.Stage) -> None:
    _answered(stage, *[("yes", "yes", "yes")] * 4)
    stage.load(1, start=70)
    held = stage.claim(stage.ben)
    skipping.skip(
        assignment_id=held.assignment_id,
        annotator=stage.ben,
        token=held.token,
        reason="unknown",
        by=stage.member("ben"),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workforce_assignment SET leased_at = submitted_at - interval '10 seconds' WHERE state = 'submitted'"
        )
        cursor.execute(
            "UPDATE workforce_assignment SET leased_at = submitted_at - interval '1 second' WHERE state = 'submitted' "
            "AND annotator_id = %s",
            [stage.ben.pk],
        )
    _judged(stage, stage.ben, 0, right=False, purpose="repeat")
    window = metrics.Window([stage.ben.pk, stage.chi.pk, stage.dov.pk], {}, 100, None)
    read = {name: metrics.READ[name](window, 1)[stage.ben.pk] for name in ("skips", "speed", "self", "late")}
    assert (read["skips"].n, read["skips"].value) == (5, 0.2)
    assert read["speed"].value == pytest.approx(0.1)
    assert (read["self"].n, read["self"].value) == (1, 0.0)
    assert (read["late"].n, read["late"].value) == (4, 0.0)
    assert metrics.READ["skips"](window, 6)[stage.ben.pk].value is None


def test_drift_counts_the_alarms_of_the_window(stage: cast.Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "GOLD", (4, 1.0))
    _answered(stage, *[("yes", "yes", "yes")] * 8)
    for number in range(8):
        _judged(stage, stage.ben, number, right=number < 5)
    window = metrics.Window([stage.ben.pk], {}, 100, None)
    assert metrics.READ["drift"](window, 1)[stage.ben.pk].value == 1
    recent = metrics.Window(
        [stage.ben.pk], {stage.ben.pk: leasing.database_now() + timedelta(days=1)}, 100, None
    )
    assert metrics.READ["drift"](recent, 1)[stage.ben.pk].value == 0


@pytest.mark.parametrize(
    ("terms", "where"),
    [
        ({"action": "suspend", "confirm": False}, "confirm"),
        ({"action": "restrict", "queues": []}, "queues"),
        ({"days": 3}, "last_answers"),
        ({"threshold": 3}, "threshold"),
        ({"metric": "drift", "threshold": 0}, "above"),
        ({"reason": " "}, "reason"),
        ({"minimum": 0}, "minimum"),
    ],
)
def test_a_rule_without_sense_is_refused_by_name(
    stage: cast.Stage, terms: dict[str, Any], where: str
) -> None:
    with pytest.raises(Invalid) as refused:
        _rule(stage, **terms)
    assert where in {problem["where"] for problem in refused.value.problems}


def test_a_change_is_kept_with_what_it_was_before(stage: cast.Stage) -> None:
    rule = _rule(stage, on=False)
    _rule(stage, name="Other")
    changed = people_rules.change(rule=rule, by=stage.ada, threshold=0.7, minimum=9, name="Lower")
    assert (changed.threshold, changed.minimum, changed.name) == (0.7, 9, "Lower")
    event = Event.objects.get(kind="people-rule.changed")
    assert event.data == {"threshold": ["0.9", "0.7"], "minimum": [4, 9]}
    with pytest.raises(Invalid, match="name"):
        people_rules.change(rule=rule, by=stage.ada, name="Other")
    assert people_rules.change(rule=rule, by=stage.ada, minimum=9).minimum == 9
    assert Event.objects.filter(kind="people-rule.changed").count() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE workforce_peoplerule SET confirm = false WHERE action = 'suspend'",
        "UPDATE workforce_peoplerule SET last_answers = 1, days = 1",
        "UPDATE workforce_peoplerule SET action = 'restrict'",
        "DELETE FROM workforce_peoplerule",
        "UPDATE workforce_finding SET value = 1",
        "UPDATE workforce_consequence SET state = 'in-force', started_at = now(), until = now() WHERE action = 'suspend'",
        "UPDATE workforce_consequence SET reason = 'x'",
        "UPDATE workforce_consequence SET state = 'declined', ended_at = now()",
        "DELETE FROM workforce_consequence",
    ],
)
def test_the_database_holds_what_rules_may_do(stage: cast.Stage, statement: str) -> None:
    _ben_is_off(stage)
    watching.watch(rule=_rule(stage, action="suspend", confirm=True))
    with connection.cursor() as cursor, pytest.raises(Error), transaction.atomic():
        cursor.execute(statement)


def test_the_page_of_rules_shows_one_page_of_them(stage: cast.Stage, settings: Any) -> None:
    rules = [_rule(stage, name=f"Rule {n}") for n in range(3)]
    settings.PAGE_SIZE = 2
    pages = Client()
    pages.force_login(stage.ada.user)  # type: ignore[arg-type]
    first = pages.get("/p/rte/people-rules/")
    assert first.context["rules"] == rules[:0:-1]
    assert pages.get("/p/rte/people-rules/" + first.context["next"]).context["rules"] == rules[:1]


def test_the_page_of_findings_shows_the_oldest_proposals_and_one_page_of_what_is_in_force(
    stage: cast.Stage, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PAGE_SIZE = 1
    monkeypatch.setattr("annotation.views.watch.PROPOSED", 1)
    made = [
        consequences.decide_on(annotator=who, action="review", reason=f"{n}.", days=5, by=stage.ada)
        for n, who in enumerate((stage.ben, stage.chi))
    ]
    Consequence.objects.bulk_create(
        Consequence(
            project=stage.project,
            annotator=who,
            action="review",
            reason="Low.",
            lasts_days=5,
            decided_by=stage.ada,
        )
        for who in (stage.ben, stage.chi, stage.dov)
    )
    pages = Client()
    pages.force_login(stage.ada.user)  # type: ignore[arg-type]
    first = pages.get("/p/rte/findings/")
    assert [one.annotator for one in first.context["proposed"]] == [stage.ben]
    assert "The first 1 of 3" in first.content.decode()
    assert first.context["in_force"] == made[:0:-1]
    assert pages.get("/p/rte/findings/" + first.context["further_in_force"]).context["in_force"] == made[:1]


def test_from_a_preset_to_a_confirmed_consequence_by_the_pages_and_by_rest(stage: cast.Stage) -> None:
    _ben_is_off(stage)
    pages = Client()
    pages.force_login(stage.ada.user)  # type: ignore[arg-type]
    assert "Known answers below 80" in pages.get("/p/rte/people-rules/").content.decode()
    form = pages.get("/p/rte/people-rules/new/?preset=agreement-notice").context["form"]
    terms = {name: value for name, value in form.initial.items() if value is not None}
    terms |= {"minimum": 4, "threshold": 0.9, "action": "review", "confirm": "on", "share_percent": 50}
    assert pages.post("/p/rte/people-rules/new/", {**terms, "to": "try"}).context["form"].errors.keys() == {
        "gold_percent",
        "review_days",
    }
    terms |= {"gold_percent": 20, "review_days": 7}
    terms.pop("sure", None)
    tried = pages.post("/p/rte/people-rules/new/", {**terms, "to": "try"})
    assert (tried.status_code, _found(tried.context["outcome"])) == (200, [stage.ben.pseudonym])
    assert not PeopleRule.objects.exists()
    assert pages.post("/p/rte/people-rules/new/", {**terms, "to": "keep"}).status_code == 302
    rule = PeopleRule.objects.get()
    assert (rule.share, rule.gold_share, rule.lasts_days) == (0.5, 0.2, 7)
    assert pages.get(f"/p/rte/people-rules/{rule.pk}/").context["form"].initial["review_days"] == 7
    restrict = {**terms, "action": "restrict", "restrict_days": 3, "to": "keep"}
    refused = pages.post(f"/p/rte/people-rules/{rule.pk}/", restrict).context["form"].errors
    assert "name the queues" in refused["restrict_to"][0]
    assert pages.post(f"/p/rte/people-rules/{rule.pk}/switch/", {"to": "on"}).status_code == 302
    assert stage.ben.pseudonym in pages.get(f"/p/rte/people-rules/{rule.pk}/").content.decode()
    assert watching.watch_all() == 1
    assert "I confirm" in pages.get("/p/rte/findings/").content.decode()

    api = Client(headers={"authorization": f"Bearer {stage.token(stage.ada)}"})
    run = api.get(f"/api/v1/projects/rte/people-rules/{rule.pk}/dry-run").json()
    assert (run["n_found"], run["looks"][0]["value"]) == (1, 0.5)
    proposed = api.get("/api/v1/projects/rte/consequences").json()["consequences"][0]
    done = pages.post(f"/p/rte/findings/{proposed['id']}/confirm/", {"note": "Yes."})
    assert done.status_code == 302
    assert Consequence.objects.get().decided_by == stage.ada
    lifted = api.post(f"/api/v1/projects/rte/consequences/{proposed['id']}/lift")
    assert (lifted.status_code, lifted.json()["state"]) == (200, "ended")

    hers = Client()
    hers.force_login(stage.member("ben").user)  # type: ignore[arg-type]
    assert "Agreement with the others is low" in hers.get("/p/rte/mine/record/").content.decode()
    assert Annotator.objects.get(pk=stage.ben.pk).state == "active"


def test_who_is_found_reads_in_her_inbox_what_was_measured_and_what_follows_and_says_so(
    stage: cast.Stage,
) -> None:
    _ben_is_off(stage)
    watching.watch(rule=_rule(stage, action="notify"))
    watching.watch(rule=_rule(stage, name="More review", gold_share=0.25, lasts_days=7))
    hers, other = Client(), Client()
    hers.force_login(stage.member("ben").user)  # type: ignore[arg-type]
    other.force_login(stage.member("chi").user)  # type: ignore[arg-type]
    inbox = hers.get("/").content.decode()
    assert "Agreement with the others (share): 50 %" in inbox
    assert "from 4 judged over the last 100 answers" in inbox
    assert "Nothing follows." in inbox
    assert "100 % of your tasks get one more answer until" in inbox
    assert "25 % of what you are given has a known answer" in inbox
    assert "judged over" not in other.get("/").content.decode()
    told, follows = Notice.objects.order_by("pk")
    assert (told.consequence, follows.consequence) == (None, Consequence.objects.get())
    assert other.post(f"/p/rte/notices/{told.pk}/read/").status_code == 404
    for _ in range(2):
        assert hers.post(f"/p/rte/notices/{told.pk}/read/").status_code == 302
    assert Event.objects.filter(kind="notice.read").count() == 1
    assert "Nothing follows." not in hers.get("/").content.decode()
    api = Client(headers={"authorization": f"Bearer {stage.token(stage.member('ben'))}"})
    assert api.post(f"/api/v1/projects/rte/notices/{follows.pk}/read").json()["read_at"]
    rows = api.get("/api/v1/projects/rte/notices").json()["notices"]
    assert [row["read_at"] is None for row in rows] == [False, False]
    with pytest.raises(Error), transaction.atomic():
        Notice.objects.filter(pk=told.pk).update(consequence=follows.consequence_id)


def test_raised_review_raises_the_share_of_gold_for_her_alone_and_until_it_ends(stage: cast.Stage) -> None:
    bring_in(stage, *({"key": f"g{k}", "value": "yes", "text": f"g{k}"} for k in range(3)))
    made = consequences.decide_on(
        annotator=stage.ben, action="review", reason="New.", days=5, gold_share=0.5, by=stage.ada
    )

    def n_gold(who: Annotator) -> int:
        """Of a hundred claims to come, as they would be drawn."""
        found = []
        for n in range(100):
            Enrolment.objects.filter(annotator=who).update(n_claims=n)
            look = entering.look(queue_id=stage.queue.pk, annotator=who)
            found.append(look is not None and look.probe == "gold")
        return sum(found)

    assert 30 <= n_gold(stage.ben) <= 70
    assert n_gold(stage.chi) == 0
    consequences.end(consequence=made, by=stage.ada)
    assert n_gold(stage.ben) == 0


def test_a_person_raises_review_or_restricts_on_a_page(stage: cast.Stage) -> None:
    pages = Client()
    pages.force_login(stage.ada.user)  # type: ignore[arg-type]
    where = f"/p/rte/roster/{stage.ben.pseudonym}/decide/"
    sent = {"action": "restrict", "share_percent": 40, "gold_percent": 20, "days": 6, "reason": "A pause."}
    assert "Name the queues" in pages.post(where, sent).content.decode()
    assert pages.post(where, {**sent, "queues": [stage.queue.pk]}).status_code == 302
    assert pages.post(where, {**sent, "action": "review"}).status_code == 302
    restricted, raised = Consequence.objects.order_by("pk")
    assert (restricted.queues, restricted.share, restricted.gold_share) == ([stage.queue.pk], 0, 0)
    assert (raised.queues, raised.share, raised.gold_share, raised.lasts_days) == ([], 0.4, 0.2, 6)
    assert Notice.objects.filter(annotator=stage.ben).count() == 2
