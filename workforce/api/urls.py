"""The API routes of this app, below `projects/<project>/`."""

from django.urls import path

from workforce.api import items, leaving, pay, people, projects, queues, work

urlpatterns = [
    path("queues", queues.Queues.as_view()),
    path("queues/<slug:queue>", queues.QueueOne.as_view()),
    path("queues/<slug:queue>/pause", queues.Pause.as_view()),
    path("queues/<slug:queue>/reopen", queues.Reopen.as_view()),
    path("queues/<slug:queue>/version", queues.PutInForce.as_view()),
    path("queues/<slug:queue>/owner", pay.QueueOwner.as_view()),
    path("timesheet", pay.Timesheet.as_view()),
    path("timesheet.csv", pay.TimesheetFile.as_view()),
    path("my-timesheet", pay.MyTimesheet.as_view()),
    path("rates", pay.Rates.as_view()),
    path("queues/<slug:queue>/items", items.Items.as_view()),
    path("queues/<slug:queue>/enrolments", people.Enrolments.as_view()),
    path("queues/<slug:queue>/enrolments/<slug:pseudonym>", people.Enrolment.as_view()),
    path("queues/<slug:queue>/claim", work.Claim.as_view()),
    path("leases", work.Leases.as_view()),
    path("leases/hand-back", leaving.HandBack.as_view()),
    path("assignments/<int:assignment>/renew", work.Renew.as_view()),
    path("assignments/<int:assignment>/release", work.ReleaseOne.as_view()),
    path("cohorts", people.Cohorts.as_view()),
    path("cohorts/<slug:cohort>/members/<slug:pseudonym>", people.CohortMember.as_view()),
    path("clone", projects.ProjectClone.as_view()),
    path("members", people.Members.as_view()),
    path("members/<int:member>/roles", people.MemberRoles.as_view()),
    path("members/<int:member>/suspend", people.Suspend.as_view()),
    path("members/<int:member>/reinstate", people.Reinstate.as_view()),
    path("members/<int:member>/remove", people.Remove.as_view()),
]
