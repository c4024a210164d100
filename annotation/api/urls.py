"""The API routes of this app, below `projects/<project>/`."""

from django.urls import path

from annotation.api import snapshots, views

urlpatterns = [
    path("assignments/<int:assignment>/submit", views.Submit.as_view()),
    path("assignments/<int:assignment>/draft", views.AnswerDraft.as_view()),
    path("disputes", views.Disputes.as_view()),
    path("disputes/<int:dispute>", views.DisputeOne.as_view()),
    path("disputes/<int:dispute>/claim", views.DisputeClaim.as_view()),
    path("disputes/<int:dispute>/rule", views.DisputeRule.as_view()),
    path("agreement", views.Agreement.as_view()),
    path("relabel-plans", views.Plans.as_view()),
    path("relabel-plans/<int:plan>/confirm", views.PlanConfirm.as_view()),
    path("snapshots", snapshots.Snapshots.as_view()),
    path("snapshots/<int:snapshot>", snapshots.SnapshotOne.as_view()),
    path("snapshots/<int:snapshot>/verify", snapshots.SnapshotVerify.as_view()),
    path("snapshots/<int:snapshot>/files/<str:name>", snapshots.SnapshotDownload.as_view()),
]
