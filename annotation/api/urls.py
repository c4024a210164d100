"""The API routes of this app, below `projects/<project>/`."""

from django.urls import path

from annotation.api import gold, leaving, snapshots, trials, views

urlpatterns = [
    path("assignments/<int:assignment>/submit", views.Submit.as_view()),
    path("assignments/<int:assignment>/skip", leaving.SkipTask.as_view()),
    path("assignments/<int:assignment>/cannot", leaving.Cannot.as_view()),
    path("assignments/<int:assignment>/draft", views.AnswerDraft.as_view()),
    path("specs/<slug:spec>/compare/<str:old>/<str:new>", trials.Compare.as_view()),
    path("specs/<slug:spec>/draft/gate", trials.Gate.as_view()),
    path("specs/<slug:spec>/draft/publish", trials.Publish.as_view()),
    path("specs/<slug:spec>/pilots", trials.Pilots.as_view()),
    path("specs/<slug:spec>/pilots/<int:pilot>", trials.PilotOne.as_view()),
    path("specs/<slug:spec>/pilots/<int:pilot>/end", trials.PilotEnd.as_view()),
    path("specs/<slug:spec>/heard", trials.Heard.as_view()),
    path("specs/<slug:spec>/versions/<str:number>/inquiries", trials.Ask.as_view()),
    path("specs/<slug:spec>/versions/<str:number>/clauses/<str:clause>/rating", trials.Rate.as_view()),
    path("inquiries", trials.Inquiries.as_view()),
    path("inquiries/<int:inquiry>/answer", trials.Answer.as_view()),
    path("queues/<slug:queue>/canaries", trials.Canaries.as_view()),
    path("queues/<slug:queue>/canaries/<int:canary>/end", trials.CanaryEnd.as_view()),
    path("queues/<slug:queue>/quiz", trials.Quiz.as_view()),
    path("quizzes/<int:quiz>/answer", trials.QuizAnswer.as_view()),
    path("queues/<slug:queue>/gold/people", gold.GoldPeople.as_view()),
    path("specs/<slug:spec>/gold", gold.Gold.as_view()),
    path("specs/<slug:spec>/gold/find", gold.GoldFind.as_view()),
    path("specs/<slug:spec>/gold/decide", gold.GoldDecide.as_view()),
    path("specs/<slug:spec>/gold/<int:known>", gold.GoldOne.as_view()),
    path("specs/<slug:spec>/gold/<int:known>/set-aside", gold.GoldSetAside.as_view()),
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
