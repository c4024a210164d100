"""The pages of this app."""

from __future__ import annotations

from django.urls import path

from specs.views import drafts, jobs, specs, tokens

app_name = "specs"

_SPEC = "p/<slug:project>/specs/<slug:spec>/"
urlpatterns = [
    path("p/<slug:project>/", specs.project, name="project"),
    path("p/<slug:project>/specs/", specs.specs, name="specs"),
    path("p/<slug:project>/new-spec/", specs.create, name="spec-create"),
    path(_SPEC, specs.spec, name="spec"),
    path(f"{_SPEC}compare/<str:old>/<str:new>/", specs.compare, name="compare"),
    path(f"{_SPEC}open-draft/", drafts.open_draft, name="draft-open"),
    path(f"{_SPEC}draft/", drafts.draft, name="draft"),
    path(f"{_SPEC}draft/discard/", drafts.discard, name="draft-discard"),
    path(f"{_SPEC}draft/questions/", drafts.questions, name="draft-questions"),
    path(f"{_SPEC}draft/publish/", drafts.publish, name="publish"),
    path(f"{_SPEC}draft/new-clause/", drafts.clause, name="clause-add"),
    path(f"{_SPEC}draft/clauses/<str:clause>/", drafts.clause, name="clause"),
    path(f"{_SPEC}draft/clauses/<str:clause>/move/", drafts.move, name="clause-move"),
    path(f"{_SPEC}draft/clauses/<str:clause>/withdraw/", drafts.withdraw, name="clause-withdraw"),
    path(f"{_SPEC}<str:number>/", specs.read, name="read"),
    path("p/<slug:project>/jobs/", jobs.jobs, name="jobs"),
    path("p/<slug:project>/jobs/<int:job>/", jobs.job, name="job"),
    path("p/<slug:project>/jobs/<int:job>/cancel/", jobs.cancel, name="job-cancel"),
    path("p/<slug:project>/tokens/", tokens.tokens, name="tokens"),
    path("p/<slug:project>/tokens/<int:token>/revoke/", tokens.revoke, name="token-revoke"),
]
