"""The API routes of this app, below `projects/<project>/`."""

from django.urls import path

from specs.api import making, served, views

urlpatterns = [
    path("specs", views.Specs.as_view()),
    path("specs/<slug:spec>/draft", views.Draft.as_view()),
    path("specs/<slug:spec>/draft/questions", views.DraftQuestions.as_view()),
    path("specs/<slug:spec>/draft/clauses", views.DraftClauses.as_view()),
    path("specs/<slug:spec>/draft/clauses/<str:clause>", views.DraftClauseView.as_view()),
    path("specs/<slug:spec>/draft/clauses/<str:clause>/move", views.DraftClauseMove.as_view()),
    path("specs/<slug:spec>/draft/clauses/<str:clause>/split", views.DraftClauseSplit.as_view()),
    path("specs/<slug:spec>/draft/clauses/<str:clause>/merge", views.DraftClauseMerge.as_view()),
    path("specs/<slug:spec>/draft/clauses/<str:clause>/confirm", views.DraftClauseConfirm.as_view()),
    path("specs/<slug:spec>/draft/sections", views.DraftSections.as_view()),
    path("specs/<slug:spec>/draft/guideline", making.GuidelineImport.as_view()),
    path("specs/<slug:spec>/proposal", making.ProposalView.as_view()),
    path("specs/<slug:spec>/proposal/verdict", making.Verdict.as_view()),
    path("specs/<slug:spec>/comments", making.Comments.as_view()),
    path("specs/<slug:spec>/comments/<int:comment>/resolve", making.CommentResolve.as_view()),
    path("specs/<slug:spec>/versions", views.Versions.as_view()),
    path("specs/<slug:spec>/versions/<str:number>", views.Version.as_view()),
    path("specs/<slug:spec>/versions/<str:number>/retire", views.Retire.as_view()),
    path("specs/<slug:spec>/versions/<str:number>/file", making.SpecFile.as_view()),
    path("specs/<slug:spec>/versions/<str:number>/lint", making.Lint.as_view()),
    path("specs/<slug:spec>/versions/<str:number>/clone", making.Clone.as_view()),
    path("specs/<slug:spec>/versions/<str:number>/acknowledge", making.Acknowledge.as_view()),
    path("specs/<slug:spec>/served/<str:served>", served.Served.as_view()),
    path("spec-files", making.SpecImport.as_view()),
    path("pictures", making.Pictures.as_view()),
    path("pictures/<str:digest>", making.PictureOne.as_view()),
    path("settings", making.ProjectSettings.as_view()),
    path("jobs", views.Jobs.as_view()),
    path("jobs/<int:job>", views.JobView.as_view()),
    path("jobs/<int:job>/cancel", views.JobCancel.as_view()),
]
