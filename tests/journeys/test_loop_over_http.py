"""The whole loop as a program sees it: tokens, JSON, a real server."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest

from annotation import jobs
from annotation.demo.client import Client, Refused
from specs import canonical
from specs.models import Job
from tests import cast
from tests.serving import Site


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    return cast.stage(overlap=2, max_overlap=2)


@pytest.fixture
def clients(site: Site, stage: cast.Stage) -> Iterator[dict[str, Client]]:
    """A client with a token of its own for everybody."""
    members = {"ada": stage.ada, "ben": stage.member("ben"), "chi": stage.member("chi")}
    made = {
        name: Client(site.url, stage.project.key, stage.token(member)) for name, member in members.items()
    }
    yield made
    for client in made.values():
        client.close()


def test_from_spec_to_verified_snapshot(clients: dict[str, Client]) -> None:
    ada, ben, chi = clients.values()
    lines = "\n".join(json.dumps({"key": f"k{n}", "text": f"t{n}"}) for n in range(3))
    assert ada.post("queues/main/items", raw=lines.encode(), media="application/x-ndjson")["n_new"] == 3

    def answer(client: Client, value: str) -> dict[str, object]:
        lease = client.post("queues/main/claim")
        body = {
            "token": lease["token"],
            "values": {"entailed": value},
            "citations": {"entailed": ["knowledge"]},
        }
        key = str(uuid.uuid4())
        first = client.post(f"assignments/{lease['assignment']}/submit", body, key=key)
        assert client.post(f"assignments/{lease['assignment']}/submit", body, key=key) == first
        with pytest.raises(Refused, match="422"):
            client.post(f"assignments/{lease['assignment']}/submit", {**body, "flagged": True}, key=key)
        return first

    for values in (("yes", "yes"), ("yes", "no"), ("no", "no")):
        assert answer(ben, values[0])["outcome"] == "counted"
        assert answer(chi, values[1])["outcome"] == "counted"
    assert ben.post("queues/main/claim") is None

    (row,) = ada.get("disputes?state=open")["disputes"]
    whole = ada.get(f"disputes/{row['id']}")
    assert {side["describe"] for side in whole["sides"]["entailed"]} == {"Yes", "No"}
    lease = ada.post(f"disputes/{row['id']}/claim")
    ruling = {
        "assignment": lease["assignment"],
        "token": lease["token"],
        "values": {"entailed": "no"},
        "cause": "clause-ambiguous",
        "clause": "knowledge",
        "reason": "Whose knowledge?",
    }
    with pytest.raises(Refused, match="reason"):
        ada.post(f"disputes/{row['id']}/rule", {**ruling, "reason": ""})
    ada.post(f"disputes/{row['id']}/rule", ruling)

    ada.post("specs/rte/draft")
    words = {
        "title": "Common knowledge",
        "blocks": [{"type": "definition", "text": "Every adult's."}],
        "governs": [],
    }
    ada.call("PUT", "specs/rte/draft/clauses/knowledge", {**words, "revision": 0})
    with pytest.raises(Refused, match="409"):
        ada.call("PUT", "specs/rte/draft/clauses/knowledge", {**words, "revision": 0})
    with pytest.raises(Refused, match="not a patch"):
        ada.post("specs/rte/draft/publish", {"notes": "n", "rationale": "r", "change_class": "patch"})
    words = {"notes": "Sharper.", "rationale": "Two readings."}
    with pytest.raises(Refused, match="gate-failed"):
        ada.post("specs/rte/draft/publish", words)
    past = {"override_reason": "No annotator is free for a pilot this week."}
    version = ada.post("specs/rte/draft/publish", {**words, **past})
    assert (version["number"], version["change_class"]) == ("2.0.0", "major")
    plan = next(
        p
        for p in ada.post("relabel-plans", {"spec": "rte", "version": "2.0.0"})["plans"]
        if p["queue"] == "main"
    )
    assert (plan["n_tasks"], plan["n_direct"]) == (3, 3)
    priced = ada.get(f"relabel-plans/{plan['id']}")["options"]
    assert [(one["choice"], one["tasks"], one["others"]) for one in priced] == [
        ("touched", 3, 0),
        ("all", 3, 0),
        ("disputed", 1, 2),
    ]
    done = ada.post(f"relabel-plans/{plan['id']}/confirm", {"reason": "None left.", "tolerated": 0.05})
    assert (done["state"], done["carry"]["n_carried"], done["carry"]["missed_at_most"]) == ("confirmed", 0, 0)

    started = ada.post("snapshots", {"spec": "rte", "version": "1.0.0"})
    jobs.build_snapshot(started["job"]["id"])  # what the worker does with the same id
    assert Job.objects.get(pk=started["job"]["id"]).state == "done"
    frozen = ada.get(f"snapshots/{started['snapshot']['id']}")
    assert frozen["n_rows"] == 3
    for file in frozen["files"]:
        data = ada.download(f"snapshots/{frozen['id']}/files/{file['name']}")
        assert canonical.digest(data) == file["digest"]
    assert ada.get(f"snapshots/{frozen['id']}/verify") == {"intact": True, "faults": []}


def test_bad_bodies_get_a_problem_document_and_never_a_fault(clients: dict[str, Client]) -> None:
    ada = clients["ada"]
    for raw in (
        b"{",
        b"[1]",
        b'{"a": NaN}',
        b'{"key": 1, "key": 2}',
        b"[" * 100_000,
        b'"\\ud800"',
        b"\xff",
        b'{"x": 1e999}',
    ):
        with pytest.raises(Refused, match=r"4[02][02]"):
            ada.post("specs", raw=raw)
    with pytest.raises(Refused, match="415"):
        ada.post("specs", raw=b"<x/>", media="text/xml")
    with pytest.raises(Refused, match="is not a field"):
        ada.post("specs", {"key": "x", "title": "x", "is_staff": True})
    with pytest.raises(Refused, match="405"):
        ada.call("PATCH", "specs")
    for query in ("limit=-1", "limit=1e9", "before=x", f"before={10**30}"):
        with pytest.raises(Refused, match="422"):
            ada.get(f"jobs?{query}")
