"""The API routes of this app, below `projects/<project>/`."""

from django.urls import path

from specs.api import files, governance, pictures, proposals, served, tokens, views, webhooks

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
    path("specs/<slug:spec>/draft/guideline", files.GuidelineImport.as_view()),
    path("specs/<slug:spec>/proposal", proposals.ProposalView.as_view()),
    path("specs/<slug:spec>/proposal/verdict", proposals.Verdict.as_view()),
    path("specs/<slug:spec>/comments", proposals.Comments.as_view()),
    path("specs/<slug:spec>/comments/<int:comment>/resolve", proposals.CommentResolve.as_view()),
    path("specs/<slug:spec>/versions", views.Versions.as_view()),
    path("specs/<slug:spec>/versions/<str:number>", views.Version.as_view()),
    path("specs/<slug:spec>/versions/<str:number>/retire", views.Retire.as_view()),
    path("specs/<slug:spec>/versions/<str:number>/file", files.SpecFile.as_view()),
    path("specs/<slug:spec>/versions/<str:number>/lint", files.Lint.as_view()),
    path("specs/<slug:spec>/versions/<str:number>/clone", files.Clone.as_view()),
    path("specs/<slug:spec>/versions/<str:number>/acknowledge", governance.Acknowledge.as_view()),
    path("specs/<slug:spec>/served/<str:served>", served.Served.as_view()),
    path("spec-files", files.SpecImport.as_view()),
    path("pictures", pictures.Pictures.as_view()),
    path("pictures/<str:digest>", pictures.PictureOne.as_view()),
    path("settings", governance.ProjectSettings.as_view()),
    path("tokens", tokens.Tokens.as_view()),
    path("tokens/<int:token>", tokens.TokenOne.as_view()),
    path("webhooks", webhooks.Webhooks.as_view()),
    path("webhooks/<int:webhook>", webhooks.WebhookOne.as_view()),
    path("deliveries", webhooks.Deliveries.as_view()),
    path("deliveries/<int:delivery>/again", webhooks.DeliveryAgain.as_view()),
    path("jobs", views.Jobs.as_view()),
    path("jobs/<int:job>", views.JobView.as_view()),
    path("jobs/<int:job>/cancel", views.JobCancel.as_view()),
]
