"""The API routes of this app, below `projects/<project>/`."""

from django.urls import path

from workforce.api import views

urlpatterns = [
    path("queues", views.Queues.as_view()),
    path("queues/<slug:queue>", views.QueueOne.as_view()),
    path("queues/<slug:queue>/pause", views.Pause.as_view()),
    path("queues/<slug:queue>/reopen", views.Reopen.as_view()),
    path("queues/<slug:queue>/version", views.PutInForce.as_view()),
    path("queues/<slug:queue>/items", views.Items.as_view()),
    path("queues/<slug:queue>/enrolments", views.Enrolments.as_view()),
    path("queues/<slug:queue>/enrolments/<slug:pseudonym>", views.Enrolment.as_view()),
    path("queues/<slug:queue>/claim", views.Claim.as_view()),
    path("leases", views.Leases.as_view()),
    path("assignments/<int:assignment>/renew", views.Renew.as_view()),
    path("assignments/<int:assignment>/release", views.ReleaseOne.as_view()),
    path("cohorts", views.Cohorts.as_view()),
    path("cohorts/<slug:cohort>/members/<slug:pseudonym>", views.CohortMember.as_view()),
    path("clone", views.ProjectClone.as_view()),
    path("members", views.Members.as_view()),
    path("members/<int:member>/roles", views.MemberRoles.as_view()),
    path("members/<int:member>/suspend", views.Suspend.as_view()),
    path("members/<int:member>/reinstate", views.Reinstate.as_view()),
    path("members/<int:member>/remove", views.Remove.as_view()),
]
