"""The rules of the state table, each broken by raw SQL as the application's role: the database itself says no."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.db import Error, connection, transaction
from pytest_django import DjangoDbBlocker

from tests import cast
from tests.every_state import in_every_state
from tests.undoing import undone

ANNOTATION = (
    "INSERT INTO annotation_annotation (project_id, assignment_id, task_id, queue_id, annotator_id, version_id, served_digest, "
    "client_key, revision, ordinal, values, flagged, source, answered_at, recorded_at, event_id) SELECT project_id, "
    "assignment_id, task_id, queue_id, annotator_id, version_id, served_digest, {key}, {revision}, {ordinal}, values, false, "
    "'live', now(), now(), event_id FROM annotation_annotation LIMIT 1"
)

BROKEN = {
    # spec versions
    "a published version is edited": "UPDATE specs_specversion SET notes = 'x'",
    "a published version goes back": "UPDATE specs_specversion SET state = 'draft'",
    "a published version is deleted": "DELETE FROM specs_specversion",
    "a clause joins a published version": "INSERT INTO specs_versionclause (project_id, version_id, clause_id, revision_id, "
    "position, section) SELECT project_id, version_id, clause_id, revision_id, 99, '' FROM specs_versionclause LIMIT 1",
    "a clause leaves a published version": "DELETE FROM specs_versionclause",
    "a wording is edited": "UPDATE specs_clauserevision SET title = 'x'",
    "a clause changes its key": "UPDATE specs_clause SET key = 'x'",
    "a second draft of a spec": "INSERT INTO specs_specversion (project_id, spec_id, state, questions, revision, change_class, "
    "notes, rationale, digest) SELECT project_id, spec_id, 'draft', '[]', 0, '', '', '', '' FROM specs_specversion, "
    "generate_series(1, 2) LIMIT 2",
    "a second open proposal of a spec": "INSERT INTO specs_proposal (project_id, spec_id, state, claimed, notes, rationale) "
    "SELECT project_id, id, 'open', '', 'n', 'r' FROM specs_spec, generate_series(1, 2)",
    "a proposal without a reason": "INSERT INTO specs_proposal (project_id, spec_id, state, claimed, notes, rationale) "
    "SELECT project_id, id, 'open', '', 'n', '' FROM specs_spec",
    "a trial with a meaning above zero": "INSERT INTO specs_specversion (project_id, spec_id, state, questions, revision, "
    "change_class, notes, rationale, digest, canonical, meaning) SELECT project_id, spec_id, 'trial', '[]', 0, '', '', '', "
    "digest, canonical, 1 FROM specs_specversion LIMIT 1",
    "a picture that is none": "INSERT INTO specs_picture (project_id, digest, media_type, width, height, n_bytes) "
    "SELECT id, 'sha256:0', 'image/svg+xml', 1, 1, 1 FROM specs_project",
    "a project whose limit is no share": "UPDATE specs_project SET gate_disagreement = 1.5",
    "a set of precedents that withholds everything": "INSERT INTO specs_precedentset (project_id, version_id, revision, "
    "canonical, digest, items, withheld, event_id) SELECT project_id, id, 1, canonical, digest, '{}', 100, 0 "
    "FROM specs_specversion",
    "a set of precedents before the first": "INSERT INTO specs_precedentset (project_id, version_id, revision, "
    "canonical, digest, items, withheld, event_id) SELECT project_id, id, 0, canonical, digest, '{}', 10, 0 "
    "FROM specs_specversion",
    # queues
    "a canary of another spec's version": "INSERT INTO workforce_canary (project_id, queue_id, spec_id, version_id, before_id, "
    "share, n_tasks, state) SELECT project_id, id, spec_id, 999999999, version_id, 0.5, 1, 'running' FROM workforce_queue",
    "two running canaries": "INSERT INTO workforce_canary (project_id, queue_id, spec_id, version_id, before_id, share, n_tasks, "
    "state) SELECT project_id, id, spec_id, version_id, version_id, 0.5, 1, 'running' FROM workforce_queue, "
    "generate_series(1, 2) WHERE purpose = 'labelling'",
    "a token that holds no task": "INSERT INTO specs_apitoken (project_id, member_id, name, prefix, digest, permissions, "
    "max_leases, expires_at) SELECT project_id, id, 't', 'p', 'd', '{}', 0, now() FROM specs_member LIMIT 1",
    "two open quizzes": "INSERT INTO workforce_quizattempt (project_id, queue_id, annotator_id, version_id, scope, number, "
    "items, n_right, state) SELECT e.project_id, e.queue_id, e.annotator_id, q.version_id, 'whole', n, '[]', 0, 'open' FROM "
    "workforce_enrolment e JOIN workforce_queue q ON q.id = e.queue_id, generate_series(1, 2) n",
    "a failed gate passed by nobody": "INSERT INTO annotation_publication (project_id, version_id, gate, passed, "
    "override_reason, event_id) SELECT project_id, id, '{\"binding\": true}', false, '', 0 FROM specs_specversion",
    "past the gate without a reason": "INSERT INTO annotation_publication (project_id, version_id, gate, passed, "
    "override_reason, overridden_by_id, event_id) SELECT v.project_id, v.id, '{}', false, '', m.id, 0 FROM specs_specversion v, "
    "specs_member m LIMIT 1",
    "an answered question without a time": "INSERT INTO annotation_inquiry (project_id, clause_id, version_id, public, text, "
    "answer) SELECT project_id, clause_id, version_id, true, 'a', 'b' FROM specs_versionclause LIMIT 1",
    "a queue under another spec's version": "UPDATE workforce_queue SET version_id = 999999999",
    # loads
    "a load that is loaded without its event": "INSERT INTO workforce_load (project_id, source, options, digest, state, n_rows, "
    "n_new, n_known, n_bad, problems) SELECT id, 's', '{}', '', 'loaded', 0, 0, 0, 0, '[]' FROM specs_project",
    "a loaded load is read again": "UPDATE workforce_load SET state = 'reading'",
    "a load in a state that does not exist": "UPDATE workforce_load SET state = 'half'",
    "a load of another queue": "UPDATE workforce_load SET queue_id = NULL",
    "a load that counts down": "UPDATE workforce_load SET n_bad = -1",
    "a load is deleted": "DELETE FROM workforce_load",
    "a line staged twice": "INSERT INTO workforce_stagedrow (project_id, load_number, line, key, payload, digest, sensitive) "
    "SELECT id, 1, 1, 'k', '{}', '', false FROM specs_project, generate_series(1, 2)",
    "a twin likelier than one": "INSERT INTO workforce_twin (project_id, load_id, kind, line, key, of, within, likeness, "
    "left_out) SELECT project_id, id, 'near', 1, 'a', 'b', true, 1.5, false FROM workforce_load",
    "a twin of no kind": "INSERT INTO workforce_twin (project_id, load_id, kind, line, key, of, within, likeness, left_out) "
    "SELECT project_id, id, 'far', 1, 'a', 'b', true, 1, false FROM workforce_load",
    "two twins of a line": "INSERT INTO workforce_twin (project_id, load_id, kind, line, key, of, within, likeness, left_out) "
    "SELECT project_id, id, 'same', 1, 'a', 'b', true, 1, false FROM workforce_load, generate_series(1, 2)",
    "a direction that does nothing": "INSERT INTO workforce_direction (project_id, queue_id, position, field, value) "
    "SELECT project_id, id, 1, 'f', 'v' FROM workforce_queue",
    "a direction with two targets": "INSERT INTO workforce_direction (project_id, queue_id, position, field, value, target_id, "
    "skill_id) SELECT q.project_id, q.id, 1, 'f', 'v', q.id, 1 FROM workforce_queue q",
    "a direction without a field": "INSERT INTO workforce_direction (project_id, queue_id, position, field, value, priority) "
    "SELECT project_id, id, 1, '', 'v', 1 FROM workforce_queue",
    "two directions for a value": "INSERT INTO workforce_direction (project_id, queue_id, position, field, value, priority) "
    "SELECT project_id, id, n, 'f', 'v', 1 FROM workforce_queue, generate_series(1, 2) n",
    "two directions at a place": "INSERT INTO workforce_direction (project_id, queue_id, position, field, value, priority) "
    "SELECT project_id, id, 1, 'f', 'v' || n, 1 FROM workforce_queue, generate_series(1, 2) n",
    "a task of a load that does not exist": "UPDATE workforce_task SET load_id = 999999999",
    "an open queue without an owner": "UPDATE workforce_queue SET owner_id = NULL",
    "a queue whose rule is no majority": "UPDATE workforce_queue SET consensus_share = 0.5",
    "a queue whose maximum is below its overlap": "UPDATE workforce_queue SET max_overlap = 1, overlap = 2",
    "a queue without a service level": "UPDATE workforce_queue SET settled_within = NULL",
    "a queue whose service level is none": "UPDATE workforce_queue SET settled_share = 0",
    "a queue that settles later than its oldest": "UPDATE workforce_queue SET settled_within = '9 days'",
    "an hour of a queue twice": "INSERT INTO workforce_queuehour (project_id, queue_id, hour, n_answers, n_again, n_people, "
    "seconds, n_settled, n_in_time, n_disputed, n_tasks, n_slots) SELECT project_id, id, '2025-01-01', 0, 0, 0, 0, 0, 0, 0, 0, 0 "
    "FROM workforce_queue, generate_series(1, 2)",
    "an hour with more in time than settled": "INSERT INTO workforce_queuehour (project_id, queue_id, hour, n_answers, n_again, "
    "n_people, seconds, n_settled, n_in_time, n_disputed, n_tasks, n_slots) SELECT project_id, id, '2025-01-01', 0, 0, 0, 0, 1, "
    "2, 0, 0, 0 FROM workforce_queue",
    "an alert raised twice": "INSERT INTO workforce_alert (project_id, kind, subject, urgent, facts, state) "
    "SELECT id, 'backlog', '', false, '{}', 'open' FROM specs_project, generate_series(1, 2)",
    "an alert that nobody took on": "INSERT INTO workforce_alert (project_id, kind, subject, urgent, facts, state, "
    "acknowledged_at) SELECT id, 'backlog', '', false, '{}', 'acknowledged', now() FROM specs_project",
    "a closed alert without a time": "INSERT INTO workforce_alert (project_id, kind, subject, urgent, facts, state) "
    "SELECT id, 'backlog', '', false, '{}', 'closed' FROM specs_project",
    "a delivery to nobody": "INSERT INTO specs_delivery (project_id, event_id, topic, about, about_id, body, state, n_tries, "
    "last_error) SELECT id, 1, 'x', 'x', 1, '{}', 'waiting', 0, '' FROM specs_project",
    "a delivery that arrived at no time": "INSERT INTO specs_delivery (project_id, member_id, event_id, topic, about, about_id, "
    "body, state, n_tries, last_error) SELECT project_id, id, 1, 'x', 'x', 1, '{}', 'delivered', 0, '' FROM specs_member",
    "a message twice to one member": "INSERT INTO specs_delivery (project_id, member_id, event_id, topic, about, about_id, body, "
    "state, n_tries, last_error) SELECT project_id, id, 1, 'x', 'x', 1, '{}', 'waiting', 0, '' "
    "FROM specs_member, generate_series(1, 2)",
    "two of a line at once": "INSERT INTO specs_delivery (project_id, member_id, event_id, topic, about, about_id, body, state, "
    "sending, n_tries, last_error) SELECT project_id, id, n, 'x', 'x', 1, '{}', 'waiting', true, 1, '' "
    "FROM specs_member, generate_series(1, 2) n",
    "a message given up and being sent": "INSERT INTO specs_delivery (project_id, member_id, event_id, topic, about, about_id, "
    "body, state, sending, n_tries, last_error) SELECT project_id, id, 1, 'x', 'x', 1, '{}', 'given-up', true, 1, '' "
    "FROM specs_member",
    "a webhook that wants nothing": "INSERT INTO specs_subscriber (project_id, name, url, topics, nonce) "
    "SELECT id, 'x', 'x', '{}', 'x' FROM specs_project",
    "a degradation without a reason": "INSERT INTO workforce_degradation (project_id, queue_id, measure, reason, before, after, "
    "began_by_id, until) SELECT project_id, id, 'intake', '', '{}', '{}', owner_id, now() + interval '1 h' FROM workforce_queue",
    "a degradation without an end": "INSERT INTO workforce_degradation (project_id, queue_id, measure, reason, before, after, "
    "began_by_id, until) SELECT project_id, id, 'intake', 'r', '{}', '{}', owner_id, NULL FROM workforce_queue",
    "the same degradation twice at a time": "INSERT INTO workforce_degradation (project_id, queue_id, measure, reason, before, "
    "after, began_by_id, until) SELECT project_id, id, 'intake', 'r', '{}', '{}', owner_id, now() + interval '1 h' "
    "FROM workforce_queue, generate_series(1, 2)",
    "a rate below nothing": "INSERT INTO workforce_rate (project_id, work, basis, amount, currency, since, event_id) "
    "SELECT id, '', 'hour', -1, 'EUR', now(), 0 FROM specs_project",
    "a rate that ends before it began": "INSERT INTO workforce_rate (project_id, work, basis, amount, currency, since, until, "
    "event_id) SELECT id, '', 'hour', 1, 'EUR', '2025-02-02', '2025-02-01', 0 FROM specs_project",
    "a rate of an unknown kind": "INSERT INTO workforce_rate (project_id, work, basis, amount, currency, since, event_id) "
    "SELECT id, 'odd', 'hour', 1, 'EUR', now(), 0 FROM specs_project",
    "a queue in an unknown state": "UPDATE workforce_queue SET state = 'odd'",
    "a queue that asks for a clause without a skill": "UPDATE workforce_queue SET required_clause_id = (SELECT max(id) FROM "
    "specs_clause)",
    "a queue of an unknown overlap policy": "UPDATE workforce_queue SET overlap_policy = 'odd'",
    "a queue of doubles that wants two": "UPDATE workforce_queue SET overlap_policy = 'doubles', overlap = 2, max_overlap = 3",
    "a queue of doubles that can have one": "UPDATE workforce_queue SET overlap_policy = 'doubles', overlap = 1, max_overlap = 1",
    "a dynamic queue that wants one": "UPDATE workforce_queue SET overlap_policy = 'dynamic', overlap = 1, max_overlap = 5",
    "a dynamic queue without an end": "UPDATE workforce_queue SET overlap_policy = 'dynamic', overlap = 2, max_overlap = 11",
    "a queue that is sure only of everything": "UPDATE workforce_queue SET stop_target = 1",
    "a queue in an unknown order": "UPDATE workforce_queue SET \"order\" = 'odd'",
    "a queue ordered by no field": "UPDATE workforce_queue SET \"order\" = 'field'",
    "a queue whose field orders nothing": "UPDATE workforce_queue SET order_field = 'x'",
    "a queue ordered by an unknown kind": "UPDATE workforce_queue SET order_kind = 'odd'",
    "a queue that spreads in an unknown way": "UPDATE workforce_queue SET spread = 'odd'",
    "a queue that is more than random": "UPDATE workforce_queue SET random_share = 1.5",
    "a random queue with a random share": "UPDATE workforce_queue SET \"order\" = 'random', random_share = 0.5",
    "batches for nobody known": "UPDATE workforce_queue SET batches_for = 'odd'",
    "a task more urgent than any": "UPDATE workforce_task SET priority = 1001",
    "a task that differs more than it can": "UPDATE workforce_task SET disagreement = 1.5",
    "a queue that audits most": "UPDATE workforce_queue SET audit_share = 0.6",
    "a task with a plan and no basis": "UPDATE workforce_task SET planned = 2",
    "a task with a basis and no plan": "UPDATE workforce_task SET overlap_basis = 'fair'",
    "a task of an unknown basis": "UPDATE workforce_task SET overlap_basis = 'odd', planned = 2",
    "a plan of no answers": "INSERT INTO workforce_overlapplan (project_id, queue_id, version_id, formula, wanted, expected, "
    "event_id) SELECT project_id, id, version_id, 'f', 0, 0, 0 FROM workforce_queue",
    "two skill sets of one number": "INSERT INTO annotation_skillset (project_id, spec_id, meaning, question, number, rule, "
    "values, prior, pooled, n_items, n_answers, n_known, upto, event_id) SELECT project_id, id, 1, 'q', 1, 'r', '[]', '[]', "
    "'[]', 0, 0, 0, 0, 0 FROM specs_spec, generate_series(1, 2)",
    "a target that is no share": "WITH s AS (INSERT INTO annotation_skillset (project_id, spec_id, meaning, question, number, "
    "rule, values, prior, pooled, n_items, n_answers, n_known, upto, event_id) SELECT project_id, id, 1, 'q', 1, 'r', '[]', "
    "'[]', '[]', 0, 0, 0, 0, 0 FROM specs_spec RETURNING *) INSERT INTO annotation_stoptarget (project_id, queue_id, skills_id, "
    "question, rule, accuracy, tau, reached, n_known, trials, calibration, event_id) SELECT q.project_id, q.id, s.id, 'q', 'r', "
    "0.9, 1, true, 0, '[]', '{}', 0 FROM s JOIN workforce_queue q ON q.project_id = s.project_id",
    "a decision that decides nothing": "INSERT INTO annotation_stopdecision (project_id, task_id, queue_id, n_answers, verdict, "
    "rule, skill_sets, questions) SELECT project_id, id, queue_id, 2, 'odd', 'r', '{}', '[]' FROM workforce_task",
    "a decision on no answers": "INSERT INTO annotation_stopdecision (project_id, task_id, queue_id, n_answers, verdict, rule, "
    "skill_sets, questions) SELECT project_id, id, queue_id, 0, 'more', 'r', '{}', '[]' FROM workforce_task",
    # tasks and slots
    "a task twice in one round": "INSERT INTO workforce_task (project_id, item_id, queue_id, meaning, round, state, overlap, "
    "n_answers, rank, priority) SELECT project_id, item_id, queue_id, meaning, round, 'open', 1, 0, 0, 0 FROM workforce_task",
    "a task changes its item": "UPDATE workforce_task SET item_id = item_id + 1",
    "a task skips a step": "UPDATE workforce_task SET state = 'disputed' WHERE state = 'resolved'",
    "a task is deleted": "DELETE FROM workforce_task",
    "a slot above the overlap": "INSERT INTO workforce_assignment (project_id, task_id, queue_id, number, state, rank, returned, "
    "n_returns, served_digest, n_renewals) SELECT project_id, id, queue_id, overlap + 1, 'open', 0, false, 0, '', 0 "
    "FROM workforce_task",
    "a slot number twice": "INSERT INTO workforce_assignment (project_id, task_id, queue_id, number, state, rank, returned, "
    "n_returns, served_digest, n_renewals) SELECT project_id, id, queue_id, 1, 'open', 0, false, 0, '', 0 FROM workforce_task",
    "an open slot with an annotator": "UPDATE workforce_assignment SET annotator_id = (SELECT max(id) FROM workforce_annotator) "
    "WHERE state = 'open'",
    "a leased slot without an end": "UPDATE workforce_assignment SET lease_until = NULL WHERE state = 'leased'",
    "a leased slot without a token": "UPDATE workforce_assignment SET token = NULL WHERE state = 'leased'",
    "a slot submitted without a lease": "UPDATE workforce_assignment SET state = 'submitted' WHERE state = 'open'",
    "a submitted slot opens again": "UPDATE workforce_assignment SET state = 'open' WHERE state = 'submitted'",
    "an annotator twice on a task": "UPDATE workforce_assignment s SET annotator_id = o.annotator_id FROM workforce_assignment o "
    "WHERE o.task_id = s.task_id AND o.id <> s.id AND o.annotator_id IS NOT NULL AND s.annotator_id IS NOT NULL",
    "a slot of another queue": "INSERT INTO workforce_assignment (project_id, task_id, queue_id, number, state, rank, returned, "
    "n_returns, served_digest, n_renewals) SELECT project_id, id, (SELECT id FROM workforce_queue WHERE purpose = "
    "'adjudication'), 8, 'open', 0, false, 0, '', 0 FROM workforce_task WHERE overlap = 9",
    "a slot is deleted": "DELETE FROM workforce_assignment",
    # gold and repeats
    "a known answer is edited": "UPDATE workforce_knownanswer SET value = '\"no\"'",
    "a known answer is deleted": "DELETE FROM workforce_knownanswer",
    "a known answer comes back": "UPDATE workforce_knownanswer SET state = 'in-use', set_aside_at = NULL, set_aside_for = '' "
    "WHERE state = 'set-aside'",
    "a known answer is a candidate again": "UPDATE workforce_knownanswer SET state = 'candidate' WHERE state = 'in-use'",
    "a known answer is set aside for nothing": "UPDATE workforce_knownanswer SET state = 'set-aside', set_aside_at = now() "
    "WHERE state = 'in-use'",
    "a known answer is set aside by a person without a reason": "UPDATE workforce_knownanswer SET state = 'set-aside', "
    "set_aside_at = now(), set_aside_for = 'person' WHERE state = 'in-use'",
    "two known answers of an item": "INSERT INTO workforce_knownanswer (project_id, item_id, spec_id, question, value, source, "
    "meaning, clauses) SELECT project_id, item_id, spec_id, question, value, source, meaning, clauses FROM "
    "workforce_knownanswer WHERE state = 'in-use'",
    "gold that is open work": "UPDATE workforce_task SET state = 'open' WHERE purpose = 'gold'",
    "gold among the rounds of work": "INSERT INTO workforce_task (project_id, item_id, queue_id, meaning, round, state, overlap, "
    "n_answers, rank, priority, purpose) SELECT project_id, item_id, queue_id, meaning, 99, 'withdrawn', 1, 0, 0, 0, 'gold' "
    "FROM workforce_task",
    "gold that was born open": "INSERT INTO workforce_task (project_id, item_id, queue_id, meaning, round, state, overlap, "
    "n_answers, rank, priority, purpose) SELECT project_id, item_id, queue_id, meaning, -99, 'open', 1, 0, 0, 0, 'gold' "
    "FROM workforce_task LIMIT 1",
    "work that becomes gold": "UPDATE workforce_task SET purpose = 'gold' WHERE purpose = 'work'",
    "gold twice for one annotator": "INSERT INTO workforce_probe (project_id, task_id, queue_id, item_id, annotator_id, purpose) "
    "SELECT p.project_id, t.id, p.queue_id, p.item_id, p.annotator_id, p.purpose FROM workforce_probe p, workforce_task t "
    "WHERE t.purpose = 'work' LIMIT 1",
    "a repeat of nothing": "INSERT INTO workforce_probe (project_id, task_id, queue_id, item_id, annotator_id, purpose) SELECT "
    "p.project_id, t.id, p.queue_id, t.item_id, p.annotator_id, 'repeat' FROM workforce_probe p, workforce_task t "
    "WHERE t.purpose = 'work' LIMIT 1",
    "gold judged twice": "INSERT INTO workforce_judgement (project_id, probe_id, assignment_id, annotator_id, queue_id, "
    'version_id, known_id, purpose, question, clauses, expected, value, distance, "right", event_id) SELECT project_id, '
    "probe_id, assignment_id, annotator_id, queue_id, version_id, known_id, purpose, question, clauses, expected, value, "
    'distance, "right", event_id FROM workforce_judgement',
    "a right answer that is off": "INSERT INTO workforce_judgement (project_id, probe_id, assignment_id, annotator_id, queue_id, "
    'version_id, known_id, purpose, question, clauses, expected, value, distance, "right", event_id) SELECT project_id, '
    "probe_id, assignment_id, annotator_id, queue_id, version_id, known_id, purpose, 'other', clauses, expected, value, 0.5, "
    "true, event_id FROM workforce_judgement",
    "a queue whose first gold is more than its first claims": "UPDATE workforce_queue SET gold_first = 9, gold_first_of = 8",
    "a queue that repeats everything": "UPDATE workforce_queue SET repeat_share = 0.5",
    # what happens to a task besides an answer
    "a skip for what upsets that counts": "INSERT INTO workforce_skip (project_id, task_id, queue_id, annotator_id, "
    "assignment_id, reason, excused, event_id) SELECT project_id, task_id, queue_id, annotator_id, id, 'upsetting', false, 0 "
    "FROM workforce_assignment WHERE annotator_id IS NOT NULL",
    "a task skipped twice by one": "INSERT INTO workforce_skip (project_id, task_id, queue_id, annotator_id, assignment_id, "
    "reason, excused, event_id) SELECT project_id, task_id, queue_id, annotator_id, id, 'other', false, 0 FROM "
    "workforce_assignment, generate_series(1, 2) WHERE annotator_id IS NOT NULL",
    "a queue that allows more skips than tasks": "UPDATE workforce_queue SET skip_share = 1.5",
    "a labelled task ends as one that cannot be": "UPDATE workforce_task SET state = 'unlabellable' WHERE state = 'resolved'",
    "an answer with a label that says there is none": ANNOTATION.replace(
        "values, flagged", "values, cannot, flagged"
    )
    .replace("values, false", "values, 'broken', false")
    .format(key="'another-key'", revision=2, ordinal=1),
    "a resolution with a value that says there is none": "INSERT INTO annotation_resolution (project_id, task_id, question, "
    "revision, value, cannot, basis, version_id, distribution, answers, rule, event_id) SELECT project_id, task_id, question, 9, "
    "'\"yes\"', 'broken', basis, version_id, '{}', '{}', '', event_id FROM annotation_resolution",
    "a held slot with an annotator": "UPDATE workforce_assignment SET state = 'held' WHERE state = 'leased'",
    "a slot kept for nobody": "UPDATE workforce_assignment SET state = 'reserved', reserved_until = now() WHERE state = 'open'",
    "a slot kept for ever": "UPDATE workforce_assignment SET state = 'reserved', annotator_id = (SELECT max(id) FROM "
    "workforce_annotator) WHERE state = 'open'",
    "a submitted slot is held": "UPDATE workforce_assignment SET state = 'held', annotator_id = NULL WHERE state = 'submitted'",
    "a slot held twice": "INSERT INTO workforce_hold (project_id, task_id, queue_id, assignment_id, annotator_id, until, "
    "outcome) SELECT s.project_id, task_id, queue_id, s.id, s.annotator_id, now() + interval '1 day', 'waiting' FROM "
    "workforce_assignment s, generate_series(1, 2) WHERE s.annotator_id IS NOT NULL",
    "a hold that ended without a time": "INSERT INTO workforce_hold (project_id, task_id, queue_id, assignment_id, annotator_id, "
    "until, outcome) SELECT project_id, task_id, queue_id, id, annotator_id, now() + interval '1 day', 'answered' FROM "
    "workforce_assignment WHERE annotator_id IS NOT NULL",
    "a category without a warning": "INSERT INTO workforce_sensitivecategory (project_id, key, name, warning) "
    "SELECT id, 'k', 'K', '' FROM specs_project",
    "an exclusion of nobody from nothing": "INSERT INTO workforce_exclusion (project_id, annotator_id, field, value) SELECT "
    "project_id, id, '', '' FROM workforce_annotator",
    "somebody kept from herself": "INSERT INTO workforce_exclusion (project_id, annotator_id, other_id, field, value) SELECT "
    "project_id, id, id, '', '' FROM workforce_annotator",
    "a lease taken away without a reason": "INSERT INTO workforce_recall (project_id, assignment_id, annotator_id, reason, "
    "by_id, event_id) SELECT s.project_id, s.id, s.annotator_id, '', m.id, 0 FROM workforce_assignment s, specs_member m "
    "WHERE s.annotator_id IS NOT NULL",
    # the record
    "an item is edited": "UPDATE workforce_item SET payload = '{}'",
    "an item is deleted": "DELETE FROM workforce_item",
    "a lease is edited": "UPDATE workforce_lease SET until = now()",
    "an answer is edited": "UPDATE annotation_annotation SET values = '{}'",
    "an answer is deleted": "DELETE FROM annotation_annotation",
    "an answer twice on a slot": ANNOTATION.format(key="'another-key'", revision=1, ordinal=9),
    "a client key twice": ANNOTATION.format(key="client_key", revision=2, ordinal=9),
    "an answer of somebody else than the slot's annotator": ANNOTATION.replace(
        "annotator_id, version_id, served_digest, {key}",
        "(SELECT max(id) + 0 FROM workforce_annotator a WHERE a.id <> annotator_id), version_id, served_digest, {key}",
    ).format(key="'another-key'", revision=2, ordinal=1),
    "an answer under another version than the slot's": ANNOTATION.replace(
        "annotator_id, version_id, served_digest, {key}", "annotator_id, version_id + 1, served_digest, {key}"
    ).format(key="'another-key'", revision=2, ordinal=1),
    "a citation is edited": "UPDATE annotation_citation SET question = 'x'",
    "a resolution is edited": "UPDATE annotation_resolution SET value = 'null'",
    "a resolution is deleted": "DELETE FROM annotation_resolution",
    "a ruled resolution without its ruling": "INSERT INTO annotation_resolution (project_id, task_id, question, revision, basis, "
    "version_id, distribution, answers, rule, event_id) SELECT project_id, task_id, question, 9, 'ruling', version_id, '{}', "
    "'{}', '', event_id FROM annotation_resolution",
    "an event is edited": "UPDATE specs_event SET data = '{}'",
    "an event is deleted": "DELETE FROM specs_event",
    # disputes and snapshots
    "a second open dispute of a task": "INSERT INTO annotation_dispute (project_id, task_id, questions, reason, state, "
    "disagreement, event_id) SELECT project_id, task_id, questions, reason, 'open', 0, event_id FROM annotation_dispute",
    "an open dispute becomes gold": "UPDATE annotation_dispute SET state = 'probe'",
    "a decided dispute without a time": "UPDATE annotation_dispute SET state = 'decided'",
    "a dispute without a question": "INSERT INTO annotation_dispute (project_id, task_id, questions, reason, state, "
    "disagreement, event_id, decided_at) SELECT project_id, task_id, '{}', reason, 'decided', 0, event_id, now() "
    "FROM annotation_dispute",
    "a precedent is edited": "UPDATE annotation_precedent SET text = 'x'",
    "a precedent comes back": "UPDATE annotation_precedent SET superseded_at = NULL, withdrawn_by_id = NULL, "
    "withdrawn_reason = ''",
    "a precedent is withdrawn without a reason": "INSERT INTO annotation_precedent (project_id, clause_id, ruling_id, revision, "
    "text, superseded_at, withdrawn_by_id, withdrawn_reason) SELECT project_id, clause_id, ruling_id, 7, 'x', now(), by_id, '' "
    "FROM annotation_precedent",
    "a precedent in force is withdrawn": "INSERT INTO annotation_precedent (project_id, clause_id, ruling_id, revision, "
    "text, withdrawn_by_id, withdrawn_reason) SELECT project_id, clause_id, ruling_id, 7, 'x', by_id, 'y' "
    "FROM annotation_precedent",
    "a precedent without words": "INSERT INTO annotation_precedent (project_id, clause_id, ruling_id, revision, text) "
    "SELECT project_id, clause_id, ruling_id, 7, '' FROM annotation_precedent",
    "two precedents of a ruling in force": "INSERT INTO annotation_precedent (project_id, clause_id, ruling_id, revision, text) "
    "SELECT project_id, clause_id, ruling_id, n, 'x' FROM annotation_precedent, generate_series(7, 8) n",
    "a snapshot is edited after it was frozen": "UPDATE annotation_snapshot SET name = 'x'",
    "a frozen snapshot without a digest": "INSERT INTO annotation_snapshot (project_id, name, state, version_id, request, "
    "digest, error) SELECT project_id, '', 'frozen', version_id, '{}', '', '' FROM annotation_snapshot",
    # people
    "a role that does not exist": "UPDATE specs_member SET roles = '{emperor}'",
    "a pseudonym is changed": "UPDATE workforce_annotator SET pseudonym = 'x'",
    "an annotator is deleted": "DELETE FROM workforce_annotator",
    "a week of six days": "UPDATE workforce_annotator SET weekday_hours = '{8,8,8,8,8,0}'",
    "a skill twice": "INSERT INTO workforce_annotatorskill (project_id, annotator_id, skill_id, level) SELECT project_id, "
    "annotator_id, skill_id, 2 FROM workforce_annotatorskill",
    "a skill's level is changed": "UPDATE workforce_annotatorskill SET level = 3",
    "a skill is deleted": "DELETE FROM workforce_annotatorskill",
    "a skill that ends before it began": "INSERT INTO workforce_annotatorskill (project_id, annotator_id, skill_id, level, "
    "since, until, clause_id) SELECT project_id, annotator_id, skill_id, 1, now(), now() - interval '1 day', "
    "(SELECT max(id) FROM specs_clause) FROM workforce_annotatorskill",
    "a skill revoked at no time": "UPDATE workforce_annotatorskill SET revoked_by_id = (SELECT max(id) FROM specs_member)",
    "days away that end before they began": "INSERT INTO workforce_dayaway (project_id, annotator_id, first, last) SELECT "
    "project_id, id, '2030-01-02', '2030-01-01' FROM workforce_annotator",
    "a second look without a reason": "INSERT INTO annotation_recheck (project_id, annotator_id, since, reason, tasks, "
    "n_reopened, by_id, event_id) SELECT a.project_id, a.id, now(), ' ', '{1}', 0, a.member_id, 0 FROM workforce_annotator a",
    "a second look at nothing": "INSERT INTO annotation_recheck (project_id, annotator_id, since, reason, tasks, "
    "n_reopened, by_id, event_id) SELECT a.project_id, a.id, now(), 'x', '{}', 0, a.member_id, 0 FROM workforce_annotator a",
}
APPEND_ONLY = [
    "specs_event",
    "specs_seal",
    "specs_ledgerentry",
    "specs_clauserevision",
    "specs_acknowledgement",
    "specs_precedentset",
    "workforce_item",
    "workforce_lease",
    "workforce_alertstep",
    "workforce_rate",
    "workforce_queuehour",
    "workforce_prediction",
    "workforce_twin",
    "workforce_skip",
    "workforce_probe",
    "workforce_judgement",
    "annotation_annotation",
    "annotation_citation",
    "annotation_lateanswer",
    "annotation_resolution",
    "annotation_ruling",
    "annotation_agreementreport",
    "annotation_clausereading",
    "annotation_carry",
    "annotation_snapshotfile",
    "annotation_snapshotpart",
    "annotation_splitscheme",
    "annotation_trainingrun",
    "workforce_overlapplan",
    "workforce_clauseoverlap",
    "annotation_skillset",
    "annotation_skillmatrix",
    "annotation_stoptarget",
    "annotation_stopdecision",
]


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[cast.Stage]:
    """The stage stands for all of this file."""
    with django_db_blocker.unblock(), undone():
        yield in_every_state()


@pytest.fixture
def full(built: cast.Stage, django_db_blocker: DjangoDbBlocker) -> Iterator[cast.Stage]:
    """A row in every state that the table of rules speaks of; what a test does to it is taken back."""
    with django_db_blocker.unblock(), undone():
        yield built


@pytest.mark.parametrize("rule", BROKEN)
def test_the_database_refuses(full: cast.Stage, rule: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("concordat_app",)
        with pytest.raises(Error), transaction.atomic():
            cursor.execute(BROKEN[rule])


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_records_are_written_once(full: cast.Stage, table: str) -> None:
    for statement in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        with connection.cursor() as cursor, pytest.raises(Error), transaction.atomic():
            cursor.execute(statement)


TASK = (
    "INSERT INTO workforce_task (project_id, item_id, queue_id, meaning, round, state, overlap, n_answers, rank, priority, "
    "load_id) SELECT {project}, {item}, {queue}, meaning, 9, 'open', 1, 0, 0, 0, {load} FROM workforce_task LIMIT 1"
)
HERE = {"project": "project_id", "item": "item_id", "queue": "queue_id", "load": "load_id"}
AT_ONCE = [  # the rule that refuses, and what breaks it
    ("task_item_same_project", TASK.format(**{**HERE, "item": "999999999"})),
    ("task_item_same_project", TASK.format(**{**HERE, "project": "-1"})),
    ("task_queue_same_project", TASK.format(**{**HERE, "queue": "999999999"})),
    ("task_load_same_project", TASK.format(**{**HERE, "load": "999999999"})),
    (
        "item_load_same_project",
        "INSERT INTO workforce_item (project_id, key, revision, payload, digest, sensitive, load_id) SELECT id, 'k', 1, '{}', "
        "'', false, 999999999 FROM specs_project",
    ),
    (
        "assignment_in_the_queue_of_its_task",
        "INSERT INTO workforce_assignment (project_id, task_id, queue_id, number, state, rank, returned, n_returns, "
        "served_digest, n_renewals) SELECT project_id, id, 999999999, 7, 'open', 0, false, 0, '', 0 FROM workforce_task",
    ),
    (None, "UPDATE workforce_task SET id = id + 1000000"),
    (None, "UPDATE workforce_load SET id = id + 1000000"),
    (None, "UPDATE workforce_queue SET project_id = project_id + 1"),
]


def test_links_that_are_looked_up_once_lead_somewhere(full: cast.Stage) -> None:
    for rule, statement in AT_ONCE:
        with connection.cursor() as cursor, pytest.raises(Error) as refused, transaction.atomic():
            cursor.execute(statement)
        cause = refused.value.__cause__
        assert isinstance(cause, psycopg.Error)
        assert cause.diag.constraint_name == rule, statement
        assert rule or "Cannot update" in str(cause), statement


def test_no_link_leads_into_another_project(full: cast.Stage) -> None:
    other = cast.stage("other")
    other.load(1)
    foreign = {"project": full.project.pk, "other": other.project.pk}
    foreign |= {"member": other.ada.pk, "spec": other.spec.pk}
    for statement in (
        "UPDATE workforce_queue SET owner_id = %(member)s WHERE project_id = %(project)s",
        "UPDATE workforce_queue SET spec_id = %(spec)s WHERE project_id = %(project)s",
        "INSERT INTO workforce_task (project_id, item_id, queue_id, meaning, round, state, overlap, n_answers, rank, priority) "
        "SELECT %(project)s, i.id, q.id, 1, 1, 'open', 1, 0, 0, 0 FROM workforce_item i, workforce_queue q "
        "WHERE i.project_id = %(other)s AND q.project_id = %(project)s LIMIT 1",
    ):
        with connection.cursor() as cursor, pytest.raises(Error), transaction.atomic():
            cursor.execute(statement, foreign)
