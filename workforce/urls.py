"""The pages of this app."""

from __future__ import annotations

from django.urls import path

from workforce.views import (
    alerts,
    cohorts,
    directions,
    loads,
    operations,
    pay,
    people,
    projects,
    queues,
    roster,
    sensitive,
    standing,
    tasks,
)

app_name = "workforce"

_QUEUE = "p/<slug:project>/queues/<slug:queue>/"
_PEOPLE = "p/<slug:project>/people/"
_ROSTER = "p/<slug:project>/roster/"
urlpatterns = [
    path("p/<slug:project>/queues/", operations.board, name="queues"),
    path("p/<slug:project>/new-queue/", queues.create, name="queue-create"),
    path("p/<slug:project>/clone-project/", projects.clone, name="project-clone"),
    path(_QUEUE, queues.queue, name="queue"),
    path(f"{_QUEUE}settings/", queues.change, name="queue-settings"),
    path(f"{_QUEUE}load/", loads.load, name="queue-load"),
    path(f"{_QUEUE}directions/", directions.directions, name="directions"),
    path(f"{_QUEUE}directions/<int:direction>/remove/", directions.remove, name="direction-remove"),
    path(f"{_QUEUE}loads/", loads.loads, name="loads"),
    path(f"{_QUEUE}loads/<int:load>/", loads.one, name="load"),
    path(f"{_QUEUE}loads/<int:load>/bad-rows/", loads.bad_rows, name="load-bad-rows"),
    path(f"{_QUEUE}loads/<int:load>/cancel/", loads.cancel, name="load-cancel"),
    path(f"{_QUEUE}loads/<int:load>/resume/", loads.resume, name="load-resume"),
    path(f"{_QUEUE}loads/<int:load>/undo/", loads.undo, name="load-undo"),
    path(f"{_QUEUE}loads/<int:load>/withdraw/", loads.withdraw, name="load-withdraw"),
    path(f"{_QUEUE}version/", queues.put_in_force, name="queue-version"),
    path("p/<slug:project>/sensitive/", sensitive.sensitive, name="sensitive"),
    path("p/<slug:project>/sensitive/<slug:category>/", sensitive.consent, name="consent"),
    path("p/<slug:project>/exclusions/", sensitive.exclusions, name="exclusions"),
    path("p/<slug:project>/exclusions/<int:exclusion>/end/", sensitive.end, name="exclusion-end"),
    path(f"{_QUEUE}tasks/", tasks.tasks, name="queue-tasks"),
    path(f"{_QUEUE}tasks/assign/", tasks.assign, name="queue-assign"),
    path(f"{_QUEUE}holds/<int:hold>/release/", tasks.release, name="hold-release"),
    path(f"{_QUEUE}enrol/", queues.enrol, name="queue-enrol"),
    path(f"{_QUEUE}dismiss/", queues.dismiss, name="queue-dismiss"),
    path(f"{_QUEUE}people/", roster.requirement, name="queue-people"),
    path(f"{_QUEUE}<slug:step>-queue/", queues.move, name="queue-move"),
    path(f"{_QUEUE}operations/", operations.operations, name="queue-operations"),
    path(f"{_QUEUE}degrade/", operations.degrade, name="queue-degrade"),
    path(f"{_QUEUE}degradations/<int:degradation>/end/", operations.restore, name="degradation-end"),
    path(f"{_QUEUE}owner/", queues.transfer, name="queue-owner"),
    path("p/<slug:project>/alerts/", alerts.alerts, name="alerts"),
    path("p/<slug:project>/alerts/<int:alert>/<slug:step>/", alerts.step, name="alert-step"),
    path("p/<slug:project>/timesheet/", pay.timesheet, name="timesheet"),
    path("p/<slug:project>/timesheet/csv/", pay.timesheet_file, name="timesheet-file"),
    path("p/<slug:project>/my-hours/", pay.my_hours, name="my-hours"),
    path("p/<slug:project>/rates/", pay.rates, name="rates"),
    path("p/<slug:project>/rates/set/", pay.set_rate, name="rate-set"),
    path("p/<slug:project>/cohorts/", cohorts.index, name="cohorts"),
    path("p/<slug:project>/cohorts/<slug:cohort>/", cohorts.change, name="cohort-change"),
    path(_ROSTER, roster.people, name="roster"),
    path(f"{_ROSTER}<slug:pseudonym>/grant/", roster.grant, name="skill-grant"),
    path(f"{_ROSTER}<slug:pseudonym>/revoke/", roster.revoke, name="skill-revoke"),
    path(f"{_ROSTER}<slug:pseudonym>/availability/", roster.describe, name="annotator-describe"),
    path(f"{_ROSTER}<slug:pseudonym>/<slug:step>-work/", roster.step, name="annotator-step"),
    path("p/<slug:project>/skills/", roster.all_skills, name="skills"),
    path("p/<slug:project>/me/", roster.me, name="me"),
    path("p/<slug:project>/me/<slug:step>/", roster.my_step, name="my-step"),
    path("p/<slug:project>/appeals/", standing.appeals, name="appeals"),
    path("p/<slug:project>/appeals/<int:appeal>/", standing.decide, name="appeal-decide"),
    path("suspended/<int:suspension>/", standing.suspended, name="suspended"),
    path(_PEOPLE, people.people, name="people"),
    path(f"{_PEOPLE}add/", people.add, name="people-add"),
    path(f"{_PEOPLE}<int:member>/roles/", people.roles, name="people-roles"),
    path(f"{_PEOPLE}<int:member>/<slug:step>/", people.standing, name="people-standing"),
]
