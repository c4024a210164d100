"""The API routes of this app, below `projects/<project>/`."""

from django.urls import path

from specs.api import views

urlpatterns = [
    path("specs", views.Specs.as_view()),
    path("specs/<slug:spec>/draft", views.Draft.as_view()),
    path("specs/<slug:spec>/draft/questions", views.DraftQuestions.as_view()),
    path("specs/<slug:spec>/draft/clauses", views.DraftClauses.as_view()),
    path("specs/<slug:spec>/draft/clauses/<str:clause>", views.DraftClauseView.as_view()),
    path("specs/<slug:spec>/draft/clauses/<str:clause>/move", views.DraftClauseMove.as_view()),
    path("specs/<slug:spec>/draft/publish", views.Publish.as_view()),
    path("specs/<slug:spec>/versions", views.Versions.as_view()),
    path("specs/<slug:spec>/versions/<str:number>", views.Version.as_view()),
    path("specs/<slug:spec>/versions/<str:number>/retire", views.Retire.as_view()),
    path("specs/<slug:spec>/compare/<str:old>/<str:new>", views.Compare.as_view()),
    path("jobs", views.Jobs.as_view()),
    path("jobs/<int:job>", views.JobView.as_view()),
    path("jobs/<int:job>/cancel", views.JobCancel.as_view()),
]
