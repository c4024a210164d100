"""How a spec becomes law, as programs see it: from a file to a version in force, read, passed, asked about, rolled back."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from annotation.demo.client import Client, Refused
from specs.models import Role
from tests import cast
from tests.serving import Site
from workforce import staffing


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    return cast.stage(overlap=2, max_overlap=2, entry="quiz", qualification=True, quiz_items=3)


@pytest.fixture
def clients(site: Site, stage: cast.Stage) -> Iterator[dict[str, Client]]:
    members = {"ada": stage.ada} | {name: stage.member(name) for name in ("ben", "chi", "dov")}
    for name, role in (("edi", Role.EDITOR), ("pia", Role.PUBLISHER)):
        members[name] = staffing.add_member(
            project=stage.project, user=cast.user(name), roles=[role], by=stage.ada
        )
    made = {
        name: Client(site.url, stage.project.key, stage.token(member)) for name, member in members.items()
    }
    yield made
    for client in made.values():
        client.close()


def _answer(client: Client, queue: str, value: str) -> None:
    lease = client.post(f"queues/{queue}/claim")
    client.post(
        f"assignments/{lease['assignment']}/submit",
        {"token": lease["token"], "values": {"entailed": value}, "citations": {"entailed": ["knowledge"]}},
        key=str(uuid.uuid4()),
    )


def _pass(client: Client, queue: str) -> dict[str, Any]:
    """Take the quiz and answer it rightly; what is right is known to a test only."""
    quiz: dict[str, Any] = client.post(f"queues/{queue}/quiz")
    assert all(set(item) == {"payload", "question"} for item in quiz["items"]), "what is right is not told"
    right = {"It rains.": "yes", "Two of three.": "no"}
    for place, item in enumerate(quiz["items"]):
        quiz = client.post(
            f"quizzes/{quiz['id']}/answer", {"place": place, "value": right[item["payload"]["text"]]}
        )
    return quiz


def test_from_a_file_to_a_version_in_force_and_back(stage: cast.Stage, clients: dict[str, Client]) -> None:
    ada, edi, pia, ben = (clients[name] for name in ("ada", "edi", "pia", "ben"))
    lines = "\n".join(json.dumps({"key": f"k{n}", "text": f"t{n}"}) for n in range(16))
    ada.post("queues/main/items", raw=lines.encode(), media="application/x-ndjson")
    ada.call("PATCH", "settings", {"approvals": 1, "gate_items": 10})
    with pytest.raises(Refused, match="403"):
        edi.call("PATCH", "settings", {"approvals": 0})

    # out as a file, changed as a file, in as a file; a picture; the linter; what it changes
    text = edi.download("specs/rte/versions/1.0.0/file").decode()
    for key, item, value in (("knowledge", "It rains.", "yes"), ("numbers", "Two of three.", "no")):
        head, tail = text.split(f"{{#{key}}}")
        where = tail.index("\n## ") if "\n## " in tail else len(tail)
        example = f'\n### Example\n\n- item: "{item}"\n- value: {value}\n- why: It is so.\n'
        text = f"{head}{{#{key}}}{tail[:where]}{example}{tail[where:]}"
    text = text.replace("Common knowledge decides.", "Every adult's knowledge decides.")
    with pytest.raises(Refused, match="line 9"):
        edi.post("spec-files", raw=b"---\n---\n## A {#a}\n\n\n\n\n\nloose", media="text/markdown")
    edi.post("spec-files", raw=text.encode(), media="text/markdown")
    square = io.BytesIO()
    Image.new("RGB", (2, 2)).save(square, "PNG")
    kept = edi.post("pictures", raw=square.getvalue(), media="application/octet-stream")
    assert (kept["media_type"], kept["width"]) == ("image/png", 2)
    assert "no-counter-example" in {
        one["code"] for one in edi.get("specs/rte/versions/draft/lint")["findings"]
    }
    changed = edi.get("specs/rte/compare/1.0.0/draft")
    assert (changed["change_class"], [one["key"] for one in changed["clauses"]]) == (
        "major",
        ["knowledge", "numbers"],
    )

    # proposed, talked about, stopped by the gate, tried, approved, published in force
    words = {"notes": "Every adult's.", "rationale": "Two readings."}
    edi.post("specs/rte/proposal", words)
    comment = pia.post("specs/rte/comments", {"clause": "knowledge", "text": "Whose?"})
    pia.post(f"specs/rte/comments/{comment['id']}/resolve")
    with pytest.raises(Refused, match="403"):
        edi.post("specs/rte/proposal/verdict", {"verdict": "approved"})
    pia.post("specs/rte/proposal/verdict", {"verdict": "approved"})
    with pytest.raises(Refused, match="gate-failed"):
        pia.post("specs/rte/draft/publish", words)
    pilot = edi.post(
        "specs/rte/pilots",
        {
            "sample": "random",
            "n_items": 12,
            "overlap": 2,
            "annotators": [stage.chi.pseudonym, stage.dov.pseudonym],
        },
    )
    for name in ("chi", "dov"):
        with pytest.raises(Refused, match="acknowledgement-needed"):
            clients[name].post(f"queues/{pilot['queue']}/claim")
        clients[name].post(f"specs/rte/versions/{pilot['trial']}/acknowledge", {"digest": pilot["digest"]})
        for _ in range(12):
            _answer(clients[name], pilot["queue"], "yes")
    reading = edi.get(f"specs/rte/pilots/{pilot['id']}")["reading"]
    assert (reading["answers"], reading["annotators"]) == (24, 2)
    assert edi.get("specs/rte/draft/gate")["passed"]
    version = pia.post("specs/rte/draft/publish", {**words, "in_force": ["main"], "in_progress": "ask"})
    assert (version["number"], version["change_class"]) == ("2.0.0", "major")

    # read, and for a newcomer a qualification on the whole spec; then the work
    with pytest.raises(Refused, match=r"acknowledgement-needed.*2\.0\.0"):
        ben.post("queues/main/claim")
    with pytest.raises(Refused, match="409"):
        ben.post("specs/rte/versions/2.0.0/acknowledge", {"digest": "sha256:0"})
    ben.post("specs/rte/versions/2.0.0/acknowledge", {"digest": version["digest"]})
    with pytest.raises(Refused, match="quiz-needed"):
        ben.post("queues/main/claim")
    quiz = _pass(ben, "main")
    assert (quiz["state"], quiz["scope"], quiz["n_right"]) == ("passed", "whole", 2)
    _answer(ben, "main", "yes")

    # asked and rated; counted by clause
    asked = ben.post("specs/rte/versions/2.0.0/inquiries", {"clause": "numbers", "text": "Which?"})
    edi.post(f"inquiries/{asked['id']}/answer", {"text": "Those of the text."})
    ben.post("specs/rte/versions/2.0.0/clauses/numbers/rating", {"clear": False})
    heard = {one["clause"]: one for one in edi.get("specs/rte/heard")["clauses"]}["numbers"]
    assert (heard["n_asked"], heard["n_open"], heard["n_unclear"]) == (1, 0, 1)

    # an older version to a cohort first, then to all: a rollback; nothing answered is touched
    ada.post("cohorts", {"key": "early", "name": "Early"})
    ada.call("PUT", f"cohorts/early/members/{stage.dov.pseudonym}")
    canary = pia.post("queues/main/canaries", {"version": "1.0.0", "share": 0.5, "cohort": "early"})
    assert canary["n_tasks"] == 8
    ended = pia.post(f"queues/main/canaries/{canary['id']}/end", {"to": "all"})
    assert ended["state"] == "adopted"
    assert ada.get("queues/main")["version"] == "1.0.0"
    pia.post("queues/main/version", {"version": "2.0.0"})
    cloned = edi.post("specs/rte/versions/2.0.0/clone", {"key": "twin"})
    assert [clause["key"] for clause in cloned["clauses"]] == ["whole", "knowledge", "numbers"]
