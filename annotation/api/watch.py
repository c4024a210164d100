"""Rules about people by REST: terms, dry run, findings, and what a person decides."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from annotation import watching
from annotation.api import watch_shapes as shapes
from specs.access import allows, get_or_404
from specs.api.base import ApiView
from specs.api.schema import operation
from specs.api.views import PAGING
from specs.models import Project
from workforce import consequences, noticing, people_rules
from workforce.api.base import WorkView
from workforce.api.roster import AnnotatorView
from workforce.models import Consequence, Finding, Notice, PeopleRule, Queue


def _terms(project: Project, body: dict[str, Any]) -> dict[str, Any]:
    """Queues by their keys become rows of this project."""
    if body.get("queue"):
        body["queue"] = get_or_404(Queue, project=project, key=body["queue"])
    if "queues" in body:
        body["queues"] = sorted(_queues(project, body["queues"]))
    return body


def _queues(project: Project, keys: list[str]) -> dict[int, Queue]:
    found = [get_or_404(Queue, project=project, key=key) for key in dict.fromkeys(keys)]
    return {queue.pk: queue for queue in found}


class Rules(ApiView):
    policies = {"get": allows("people.manage"), "post": allows("people.manage")}

    @operation("List the rules about people", gives=shapes.RuleList, name="people_rules_list")
    def get(self, request: Request, project: str) -> Response:
        rows = PeopleRule.objects.filter(project=self.project).select_related("queue").order_by("name")
        return Response({"rules": shapes.RuleShape(rows, many=True).data})

    @operation(
        "Create a rule about people, switched off",
        takes=shapes.NewRule,
        gives=shapes.RuleShape,
        status=201,
        name="people_rule_create",
    )
    def post(self, request: Request, project: str) -> Response:
        terms = _terms(self.project, self.body(shapes.NewRule, request))
        made = people_rules.create(project=self.project, by=self.member, **terms)
        return Response(shapes.RuleShape(made).data, status=201)


class RuleView(ApiView):
    def rule(self) -> PeopleRule:
        rows = PeopleRule.objects.select_related("queue")
        return get_or_404(rows, project=self.project, pk=self.kwargs["rule"])


class RuleOne(RuleView):
    policies = {"patch": allows("people.manage")}

    @operation("Change a rule", takes=shapes.RuleTerms, gives=shapes.RuleShape, name="people_rule_change")
    def patch(self, request: Request, project: str, rule: int) -> Response:
        found = self.rule()
        terms = _terms(self.project, self.body(shapes.RuleTerms, request))
        return Response(shapes.RuleShape(people_rules.change(rule=found, by=self.member, **terms)).data)


class RuleSwitch(RuleView):
    policies = {"post": allows("people.manage")}

    @operation(
        "Switch a rule on or off", takes=shapes.Switch, gives=shapes.RuleShape, name="people_rule_switch"
    )
    def post(self, request: Request, project: str, rule: int) -> Response:
        found, body = self.rule(), self.body(shapes.Switch, request)
        return Response(shapes.RuleShape(people_rules.switch(rule=found, on=body["on"], by=self.member)).data)


class RuleDryRun(RuleView):
    policies = {"get": allows("people.manage")}

    @operation("See whom a rule would find now", gives=shapes.DryRun, name="people_rule_dry_run")
    def get(self, request: Request, project: str, rule: int) -> Response:
        outcome = watching.look(rule=self.rule())
        return Response(
            {
                "n_judged": outcome.n_judged,
                "n_found": len(outcome.found),
                "looks": [
                    {
                        "pseudonym": one.annotator.pseudonym,
                        "value": one.reading.value,
                        "low": one.reading.low,
                        "high": one.reading.high,
                        "n": one.reading.n,
                        "n_set_aside": one.reading.n_set_aside,
                        "found": one.found,
                        "held_back": outcome.held_back(one.annotator.pk),
                    }
                    for one in outcome.looks
                ],
            }
        )


class Findings(ApiView):
    policies = {"get": allows("people.manage")}

    @operation("List findings", gives=shapes.FindingList, parameters=PAGING, name="findings_list")
    def get(self, request: Request, project: str) -> Response:
        rows = Finding.objects.filter(project=self.project).select_related("rule", "annotator")
        found, before = self.page(rows, request)
        return Response({"findings": shapes.FindingShape(found, many=True).data, "next_before": before})


def _rows() -> Any:
    return Consequence.objects.select_related("annotator", "decided_by__user")


class Consequences(ApiView):
    policies = {"get": allows("people.manage")}

    @operation(
        "List what followed for annotators",
        gives=shapes.ConsequenceList,
        parameters=PAGING,
        name="consequences_list",
    )
    def get(self, request: Request, project: str) -> Response:
        found, before = self.page(_rows().filter(project=self.project), request)
        data = shapes.ConsequenceShape(found, many=True).data
        return Response({"consequences": data, "next_before": before})


class ConsequenceView(ApiView):
    def found(self) -> Consequence:
        return get_or_404(_rows(), project=self.project, pk=self.kwargs["consequence"])

    def answer(self) -> Response:
        return Response(shapes.ConsequenceShape(self.found()).data)


class Confirm(ConsequenceView):
    policies = {"post": allows("people.manage")}

    @operation(
        "Confirm what a rule proposed",
        takes=shapes.Note,
        gives=shapes.ConsequenceShape,
        name="consequence_confirm",
    )
    def post(self, request: Request, project: str, consequence: int) -> Response:
        found = self.found()
        consequences.confirm(consequence=found, by=self.member, **self.body(shapes.Note, request))
        return self.answer()


class Decline(ConsequenceView):
    policies = {"post": allows("people.manage")}

    @operation(
        "Decline what a rule proposed",
        takes=shapes.Note,
        gives=shapes.ConsequenceShape,
        name="consequence_decline",
    )
    def post(self, request: Request, project: str, consequence: int) -> Response:
        found = self.found()
        consequences.decline(consequence=found, by=self.member, **self.body(shapes.Note, request))
        return self.answer()


class Lift(ConsequenceView):
    policies = {"post": allows("people.manage")}

    @operation("Lift what is in force", gives=shapes.ConsequenceShape, name="consequence_lift")
    def post(self, request: Request, project: str, consequence: int) -> Response:
        consequences.end(consequence=self.found(), by=self.member)
        return self.answer()


class Notices(WorkView):
    policies = {"get": allows("work.label")}

    @operation(
        "List what you are told about findings and what follows",
        gives=shapes.NoticeList,
        parameters=PAGING,
        name="notices_list",
    )
    def get(self, request: Request, project: str) -> Response:
        rows = Notice.objects.filter(annotator=self.annotator())
        found, before = self.page(rows.select_related("finding__rule__queue", "consequence"), request)
        return Response(
            {"notices": [shapes.notice(told) for told in noticing.in_words(found)], "next_before": before}
        )


class NoticeRead(WorkView):
    policies = {"post": allows("work.label")}

    @operation("Say that you have read a notice", gives=shapes.NoticeShape, name="notice_read")
    def post(self, request: Request, project: str, notice: int) -> Response:
        rows = Notice.objects.select_related("finding__rule__queue", "consequence")
        found = get_or_404(rows, project=self.project, annotator=self.annotator(), pk=notice)
        found.read_at = noticing.acknowledge(notice=found, by=self.member).read_at
        (told,) = noticing.in_words([found])
        return Response(shapes.notice(told))


class Give(AnnotatorView):
    policies = {"post": allows("people.manage")}

    @operation(
        "Raise somebody's review, or restrict her to queues",
        takes=shapes.Given,
        gives=shapes.ConsequenceShape,
        status=201,
        name="consequence_give",
    )
    def post(self, request: Request, project: str, pseudonym: str) -> Response:
        annotator, body = self.annotator(), self.body(shapes.Given, request)
        queues = list(_queues(self.project, body.pop("queues", [])).values())
        made = consequences.decide_on(annotator=annotator, queues=queues, by=self.member, **body)
        return Response(shapes.ConsequenceShape(made).data, status=201)
