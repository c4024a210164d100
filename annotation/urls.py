"""The pages of this app."""

from __future__ import annotations

from django.urls import path

from annotation.views import (
    agreement,
    annotator,
    canary,
    compare,
    cost,
    disputes,
    entry,
    gold,
    inbox,
    inquiries,
    label,
    leave,
    mine,
    pilots,
    preview,
    publish,
    read,
    relabel,
    snapshots,
)
from specs.converters import FROZEN

app_name = "annotation"

_QUEUE = "p/<slug:project>/queues/<slug:queue>/"
_WORK = f"{_QUEUE}label/"
_GOLD = f"{_QUEUE}gold/"
_SPEC = "p/<slug:project>/specs/<slug:spec>/"
urlpatterns = [
    path("", inbox.inbox, name="inbox"),
    path("p/<slug:project>/mine/", mine.mine, name="mine"),
    path("p/<slug:project>/mine/record/", annotator.about_me, name="about-me"),
    path("p/<slug:project>/mine/record/file/", annotator.export, name="about-me-file"),
    path("p/<slug:project>/roster/<slug:pseudonym>/", annotator.annotator, name="annotator"),
    path("p/<slug:project>/roster/<slug:pseudonym>/recheck/", annotator.recheck, name="recheck"),
    path(_WORK, label.label, name="label"),
    path(f"{_WORK}claim/", label.claim, name="claim"),
    path(f"{_WORK}<int:assignment>/submit/", label.submit, name="submit"),
    path(f"{_WORK}<int:assignment>/skip/", leave.skip, name="skip"),
    path(f"{_WORK}<int:assignment>/cannot/", leave.cannot, name="cannot"),
    path(f"{_WORK}<int:assignment>/hold/", leave.hold, name="hold"),
    path(f"{_WORK}hand-back/", leave.hand_back, name="hand-back"),
    path(f"{_WORK}rest/", leave.rest, name="rest"),
    path(f"{_WORK}<int:assignment>/draft/", label.draft, name="draft"),
    path(f"{_WORK}<int:assignment>/renew/", label.renew, name="renew"),
    path(f"{_WORK}<int:assignment>/again/", label.take_again, name="take-again"),
    path(f"{_QUEUE}quiz/", entry.quiz, name="quiz"),
    path(f"{_QUEUE}quiz/let-in/", entry.let_in, name="quiz-let-in"),
    path(f"{_QUEUE}versions/", canary.versions, name="queue-versions"),
    path(f"{_QUEUE}versions/canaries/<int:canary>/", canary.end, name="canary-end"),
    path(_GOLD, gold.gold, name="gold"),
    path(f"{_GOLD}bring-in/", gold.bring_in, name="gold-bring-in"),
    path(f"{_GOLD}find/", gold.find, name="gold-find"),
    path(f"{_GOLD}decide/", gold.decide, name="gold-decide"),
    path(f"{_GOLD}people/", gold.people, name="gold-people"),
    path(f"{_GOLD}<int:known>/", gold.one, name="gold-one"),
    path(f"{_GOLD}<int:known>/explain/", gold.explain, name="gold-explain"),
    path(f"{_GOLD}<int:known>/set-aside/", gold.set_aside, name="gold-set-aside"),
    path("p/<slug:project>/questions/", inquiries.inquiries, name="inquiries"),
    path("p/<slug:project>/questions/<int:inquiry>/answer/", inquiries.answer, name="inquiry-answer"),
    path(f"{_SPEC}draft/publish/", publish.publish, name="publish"),
    path(f"{_SPEC}draft/preview/", preview.preview, name="preview"),
    path(f"{_SPEC}pilots/", pilots.pilots, name="pilots"),
    path(f"{_SPEC}pilots/<int:pilot>/", pilots.pilot, name="pilot"),
    path(f"{_SPEC}pilots/<int:pilot>/move/", pilots.move, name="pilot-move"),
    path(f"{_SPEC}compare/<version:old>/<version:new>/", compare.compare, name="compare"),
    path(f"{_SPEC}clauses/<str:clause>/", read.history, name="clause-history"),
    path(f"{_SPEC}{FROZEN}/changes/", entry.changes, name="changes"),
    path(f"{_SPEC}{FROZEN}/ask/", inquiries.ask, name="ask"),
    path(f"{_SPEC}{FROZEN}/clauses/<str:clause>/rate/", entry.rate, name="rate"),
    path(f"{_SPEC}{FROZEN}/", read.read, name="read"),
    path("p/<slug:project>/disputes/", disputes.disputes, name="disputes"),
    path("p/<slug:project>/disputes/<int:dispute>/", disputes.adjudicate, name="adjudicate"),
    path("p/<slug:project>/disputes/<int:dispute>/take/", disputes.take, name="take"),
    path("p/<slug:project>/disputes/<int:dispute>/rule/", disputes.rule, name="rule"),
    path("p/<slug:project>/agreement/", agreement.agreement, name="agreement"),
    path("p/<slug:project>/cost/", cost.cost, name="cost"),
    path("p/<slug:project>/agreement/measure/", agreement.measure, name="measure"),
    path("p/<slug:project>/relabel/", relabel.plans, name="relabel"),
    path("p/<slug:project>/relabel/propose/", relabel.propose, name="relabel-propose"),
    path("p/<slug:project>/relabel/<int:plan>/", relabel.plan, name="relabel-plan"),
    path("p/<slug:project>/relabel/<int:plan>/confirm/", relabel.confirm, name="relabel-confirm"),
    path("p/<slug:project>/snapshots/", snapshots.snapshots, name="snapshots"),
    path("p/<slug:project>/snapshots/build/", snapshots.build, name="snapshot-build"),
    path("p/<slug:project>/snapshots/<int:snapshot>/", snapshots.snapshot, name="snapshot"),
    path("p/<slug:project>/snapshots/<int:snapshot>/verify/", snapshots.verify, name="snapshot-verify"),
    path(
        "p/<slug:project>/snapshots/<int:snapshot>/files/<str:name>/",
        snapshots.download,
        name="snapshot-file",
    ),
]
