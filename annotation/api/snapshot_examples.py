"""What snapshots and what comes of them look like, for the reference."""

from __future__ import annotations

from typing import Any

from specs.api.schema import example

_DIGEST = "sha256:9bebac4aa109a2660303f9d738060dc62045fdcb04efa51fd7dd4f80fe9d89fa"
_OTHER = "sha256:16bd717456a737e1b1edadea12acd7a6931ed0c2f1ee82166738f9a412d274bb"
SNAPSHOT: dict[str, Any] = {
    "id": 7,
    "name": "toxicity 2.0.0",
    "state": "frozen",
    "version": "2.0.0",
    "position": 4711,
    "digest": _DIGEST,
    "n_rows": 12915,
    "error": "",
    "created_at": "2026-01-31T12:00:00Z",
    "frozen_at": "2026-01-31T12:00:09Z",
}
FILE = {
    "name": "train.jsonl",
    "media_type": "application/x-ndjson",
    "digest": _OTHER,
    "n_bytes": 4_520_114,
    "n_rows": 10_332,
}
JOB = {
    "id": 31,
    "kind": "annotation.build_snapshot",
    "state": "queued",
    "n_done": 0,
    "n_total": None,
    "note": "",
    "error": "",
    "result": None,
    "created_at": "2026-01-31T12:00:00Z",
    "started_at": None,
    "finished_at": None,
}
RUN = {
    "id": 3,
    "name": "bert-17",
    "commit": "4f2a9c1",
    "snapshot": 7,
    "digest": _DIGEST,
    "trained_on": ["train"],
    "metrics": {"f1": 0.91},
    "registered_at": "2026-02-01T08:00:00Z",
}
LISTED = example("One page", {"snapshots": [SNAPSHOT], "next_before": None})
STARTED = example(
    "A job builds it", {"snapshot": {**SNAPSHOT, "state": "building", "digest": ""}, "job": JOB}, 202
)
WHOLE = example(
    "Frozen",
    {**SNAPSHOT, "files": [FILE], "manifest": {"format": 2, "counts": {"rows": 12915}, "files": [FILE]}},
)
VERIFIED = example("As it was frozen", {"intact": True, "faults": []})
CONTRASTED = example(
    "Two snapshots",
    {
        "old": {
            "id": 6,
            "name": "toxicity 2.0.0",
            "digest": _OTHER,
            "version": "2.0.0",
            "rule": "settled",
            "position": 4700,
            "rows": 12900,
        },
        "new": {
            "id": 7,
            "name": "toxicity 2.0.0",
            "digest": _DIGEST,
            "version": "2.0.0",
            "rule": "settled",
            "position": 4711,
            "rows": 12915,
        },
        "items": {"added": 15, "removed": 0, "in_both": 12900, "in_another_split": 0},
        "added": ["item-12901"],
        "removed": [],
        "questions": [
            {
                "question": "tone",
                "same": 12890,
                "added": 15,
                "removed": 0,
                "changed": 10,
                "causes": {"ruling": 8, "answers": 2},
                "values": [
                    {"value": "rude", "old": 3100, "new": 3104, "old_share": 0.2403, "new_share": 0.2403}
                ],
                "shift": [{"from": "kind", "to": "rude", "n": 7}],
                "clauses": [{"clause": "irony", "n": 8}],
                "examples": [],
            }
        ],
    },
)
TRACED = example(
    "A label and what is behind it",
    {
        "snapshot": {"id": 7, "digest": _DIGEST, "version": "2.0.0"},
        "row": {
            "key": "item-42",
            "labels": {"tone": {"value": "rude", "basis": "adjudicated", "clauses": ["irony"]}},
        },
        "clauses": [{"key": "irony", "number": "2.1", "title": "Irony", "blocks": []}],
        "since": [],
        "history": [
            {
                "position": 4702,
                "at": "2026-01-30T10:00:00+00:00",
                "what": "ruling",
                "cause": "clause-ambiguous",
            }
        ],
        "runs": [RUN],
    },
)
RUNS = example("One page", {"runs": [RUN], "next_before": None})
REGISTERED = example("Registered", RUN, 201)
CONTRAST_JOB = example("A job compares them", {"job": {**JOB, "kind": "annotation.contrast_snapshots"}}, 202)
TIMELINE = example(
    "A version that changed a meaning",
    {
        "events": [
            {
                "id": 912,
                "at": "2026-01-30T09:00:00Z",
                "position": 4650,
                "kind": "version.published",
                "group": "version",
                "title": "Published",
                "about": "Toxicity 2.0.0",
                "data": {},
            }
        ],
        "next_before": None,
    },
)
