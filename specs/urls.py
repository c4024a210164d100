"""The pages of this app."""

from __future__ import annotations

from django.urls import path

from specs.converters import NUMBER
from specs.views import (
    clauses,
    drafts,
    equivalences,
    incoming,
    jobs,
    joints,
    label_config,
    languages,
    proposals,
    questions,
    settings,
    specs,
    tokens,
    webhooks,
)

app_name = "specs"

_SPEC = "p/<slug:project>/specs/<slug:spec>/"
_CLAUSE = f"{_SPEC}draft/clauses/<str:clause>/"
urlpatterns = [
    path("language/", languages.language, name="language"),
    path("p/<slug:project>/", specs.project, name="project"),
    path("p/<slug:project>/settings/", settings.settings, name="settings"),
    path("p/<slug:project>/specs/", specs.specs, name="specs"),
    path("p/<slug:project>/new-spec/", specs.create, name="spec-create"),
    path("p/<slug:project>/pictures/<str:digest>", incoming.picture, name="picture"),
    path(_SPEC, specs.spec, name="spec"),
    path(f"{_SPEC}open-draft/", drafts.open_draft, name="draft-open"),
    path(f"{_SPEC}import/", incoming.import_document, name="import"),
    path(f"{_SPEC}equivalences/", equivalences.equivalences, name="equivalences"),
    path(f"{_SPEC}equivalences/declare/", equivalences.declare, name="equivalence-declare"),
    path(f"{_SPEC}equivalences/withdraw/", equivalences.withdraw, name="equivalence-withdraw"),
    path(f"{_SPEC}proposal/", proposals.proposal, name="proposal"),
    path(f"{_SPEC}proposal/verdict/", proposals.verdict, name="proposal-verdict"),
    path(f"{_SPEC}proposal/withdraw/", proposals.withdraw, name="proposal-withdraw"),
    path(f"{_SPEC}comments/", proposals.comment, name="comment"),
    path(f"{_SPEC}comments/<int:comment>/resolve/", proposals.resolve, name="comment-resolve"),
    path(f"{_SPEC}draft/", drafts.draft, name="draft"),
    path(f"{_SPEC}draft/discard/", drafts.discard, name="draft-discard"),
    path(f"{_SPEC}draft/questions/", questions.questions, name="draft-questions"),
    path(f"{_SPEC}draft/label-config/", label_config.label_config_in, name="label-config-in"),
    path(f"{_SPEC}draft/pictures/", incoming.add_picture, name="picture-add"),
    path(f"{_SPEC}draft/rename-section/", drafts.rename_section, name="section-rename"),
    path(f"{_SPEC}draft/new-clause/", clauses.add, name="clause-add"),
    path(_CLAUSE, clauses.clause, name="clause"),
    path(f"{_CLAUSE}move/", clauses.move, name="clause-move"),
    path(f"{_CLAUSE}withdraw/", clauses.withdraw, name="clause-withdraw"),
    path(f"{_CLAUSE}confirm/", clauses.confirm, name="clause-confirm"),
    path(f"{_CLAUSE}split/", joints.split, name="clause-split"),
    path(f"{_CLAUSE}merge/", joints.merge, name="clause-merge"),
    path(f"{_SPEC}{NUMBER}/file/", incoming.export, name="export"),
    path(f"{_SPEC}{NUMBER}/label-config/", label_config.label_config_out, name="label-config"),
    path(f"{_SPEC}{NUMBER}/clone/", incoming.clone, name="clone"),
    path("p/<slug:project>/jobs/", jobs.jobs, name="jobs"),
    path("p/<slug:project>/jobs/<int:job>/", jobs.job, name="job"),
    path("p/<slug:project>/jobs/<int:job>/cancel/", jobs.cancel, name="job-cancel"),
    path("p/<slug:project>/webhooks/", webhooks.webhooks, name="webhooks"),
    path("p/<slug:project>/webhooks/<int:webhook>/end/", webhooks.end, name="webhook-end"),
    path("p/<slug:project>/webhooks/<int:webhook>/replay/", webhooks.replay, name="webhook-replay"),
    path("p/<slug:project>/deliveries/<int:delivery>/again/", webhooks.send_again, name="delivery-again"),
    path("p/<slug:project>/tokens/", tokens.tokens, name="tokens"),
    path("p/<slug:project>/tokens/<int:token>/revoke/", tokens.revoke, name="token-revoke"),
]
