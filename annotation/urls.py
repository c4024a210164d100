"""The pages of this app."""

from __future__ import annotations

from django.urls import path

from annotation.views import agreement, disputes, inbox, label, mine, relabel, snapshots

app_name = "annotation"

_WORK = "p/<slug:project>/queues/<slug:queue>/label/"
urlpatterns = [
    path("", inbox.inbox, name="inbox"),
    path("p/<slug:project>/mine/", mine.mine, name="mine"),
    path(_WORK, label.label, name="label"),
    path(f"{_WORK}claim/", label.claim, name="claim"),
    path(f"{_WORK}<int:assignment>/submit/", label.submit, name="submit"),
    path(f"{_WORK}<int:assignment>/skip/", label.skip, name="skip"),
    path(f"{_WORK}<int:assignment>/draft/", label.draft, name="draft"),
    path(f"{_WORK}<int:assignment>/renew/", label.renew, name="renew"),
    path("p/<slug:project>/disputes/", disputes.disputes, name="disputes"),
    path("p/<slug:project>/disputes/<int:dispute>/", disputes.adjudicate, name="adjudicate"),
    path("p/<slug:project>/disputes/<int:dispute>/take/", disputes.take, name="take"),
    path("p/<slug:project>/disputes/<int:dispute>/rule/", disputes.rule, name="rule"),
    path("p/<slug:project>/agreement/", agreement.agreement, name="agreement"),
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
