"""The story: history imported and measured, then the whole loop over HTTP, from first answers to a verified snapshot."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db.models import Count

from annotation import exporting, gathering, importing, measuring
from annotation.demo import cast, entailment, simulated
from annotation.demo.client import Client
from annotation.models import Dispute, RelabelPlan, ReportEvidence, Ruling, Snapshot
from specs import canonical, drafting, publishing
from specs.models import Acknowledgement, Project, Spec
from workforce.models import Annotator, Item, KnownAnswer, Queue, Task

DATA = Path(__file__).parent / "data"
SEED = 7
FRESH_ITEMS = 150
PILOT_ITEMS = 150
NAMESPACE = uuid.UUID("9d4a4f2e-6a55-4c0c-9f0d-0e3e3f4b5a61")
Say = Callable[[str], None]


@dataclass
class Story:
    """Tells itself through `say`, and keeps the figures for the last line."""

    base_url: str
    say: Say
    figures: dict[str, Any] = field(default_factory=dict)

    def tell(self) -> dict[str, Any]:
        started = time.monotonic()
        project, people = self._history()
        loop = _Loop(self, project, people)
        self.figures["loop"] = loop.run()
        self.figures["snapshot"] = loop.snapshot()
        loop.leave_work()
        for client in loop.clients.values():
            client.close()
        self.figures["seconds"] = round(time.monotonic() - started, 1)
        self.say("")
        self.say(f"Told in {self.figures['seconds']} s. Look at it yourself: {self.base_url}")
        self.say(f"  Password of everybody: {people.password}")
        for name, roles in cast.PEOPLE.items():
            self.say(f"  {name:<4} {', '.join(str(role) for role in roles)}")
        return self.figures

    def _history(self) -> tuple[Project, cast.People]:
        """Both data sets imported and measured against their gold labels."""
        project = Project.objects.create(key="entailment", name="Textual entailment")
        people = cast.assemble(project)
        ada = people.members["ada"]
        spec = drafting.create_spec(project=project, key="entailment", title="Textual entailment", by=ada)
        draft = drafting.open_draft(spec=spec, by=ada)
        drafting.set_questions(draft=draft, questions=[entailment.QUESTION], by=ada)
        for clause in entailment.CLAUSES:
            drafting.add_clause(draft=draft, by=ada, **clause)
        version = publishing.publish(
            draft=draft,
            notes="The first edition: eight clauses, one question.",
            rationale="Written down from the instructions of 2008 and from what people asked about them.",
            by=ada,
        )
        self.say(
            f"Published {spec.title} {version.number}: {len(entailment.CLAUSES)} clauses, {version.digest[:19]}…"
        )
        self.figures["entailment"] = self._import("entailment", spec=spec)
        hatecheck = Project.objects.create(key="hatecheck", name="HateCheck")
        cast.assemble(hatecheck, password=people.password)
        self.figures["hatecheck"] = self._import("hatecheck", spec=None)
        return project, people

    def _import(self, name: str, *, spec: Spec | None) -> dict[str, Any]:
        started = time.monotonic()
        done = importing.import_labels(
            folder=DATA / name, project_key=name, spec=spec, sensitive=name == "hatecheck", by=None
        )
        took = time.monotonic() - started
        measured = measuring.compute(spec=done.version.spec)
        (report, *_rest) = measuring.measure(spec=done.version.spec, by=None)
        evidence = gathering.gather(report=report)
        numbers = measuring.as_json(measured)
        alpha = numbers["alpha"]
        self.say(
            f"{done.project.name}: {numbers['annotations']:,} labels by {numbers['annotators']} people on "
            f"{numbers['items']:,} items, imported in {took:.1f} s."
        )
        self.say(
            f"  alpha {alpha['value']:.3f} (95 % {alpha['low']:.3f} to {alpha['high']:.3f}), percent agreement "
            f"{numbers['percent_agreement']:.3f}, AC1 {numbers['ac1']:.3f}, majority right {numbers['majority_accuracy']:.3f}"
        )
        numbers["flags"] = self._flags(evidence)
        self.say(f"  {self.base_url}/p/{name}/specs/{done.version.spec.key}/health/")
        return numbers

    def _flags(self, evidence: ReportEvidence) -> list[dict[str, Any]]:
        """Which clauses stand out, each with what it rests on; where none may be judged, the first one to look at."""
        rows = list(evidence.clauses.select_related("clause").order_by("place"))
        flagged = [row for row in rows if row.numbers["flagged"]]
        for row in flagged:
            one = row.numbers
            self.say(
                f"  {row.get_verdict_display()}: {row.clause.key}: {one['disagreement']:.3f} of pairs differ "
                f"({one['low']:.3f} to {one['high']:.3f}, {one['n_items']} items), the others' median {one['others']:.3f}; "
                f"z {one['z']:.1f}, without whoever matters most {one['z_without']:.1f}; {len(row.items)} contested items"
            )
        if not flagged and rows and rows[0].numbers["why"]:
            why = rows[0].numbers["why"][0]
            self.say(
                f"  No clause may be judged here. First to look at: {rows[0].clause.key} ({why['kind']} {why['share']:.0%})"
            )
        return [{"clause": row.clause.key, "verdict": row.verdict, "z": row.numbers["z"]} for row in flagged]


class _Loop:
    """Fresh work by simulated annotators, every step through the REST API with the tokens of those who may."""

    def __init__(self, story: Story, project: Project, people: cast.People) -> None:
        self.story, self.project, self.people = story, project, people
        self.spec = Spec.objects.get(project=project, key="entailment")
        self.clients = {
            name: Client(story.base_url, project.key, secret) for name, secret in people.secrets.items()
        }
        self.gold = dict(KnownAnswer.objects.filter(spec=self.spec).values_list("item__key", "value"))

    def run(self) -> dict[str, Any]:
        say = self.story.say
        self._open_queue()
        n = self._work("fresh", amended=False)
        queue = Queue.objects.get(project=self.project, key="fresh")
        states = dict(Task.objects.filter(queue=queue).values_list("state").annotate(n=Count("pk")))
        n_disputed = Dispute.objects.filter(task__queue=queue).count()
        say(
            f"Fresh work: {n} answers by {len(simulated.CAST)} simulated annotators over HTTP: "
            f"{states.get('resolved', 0)} tasks resolved, {n_disputed} disputed."
        )
        rulings = self._adjudicate()
        causes = dict(
            Ruling.objects.filter(project=self.project).values_list("cause").annotate(n=Count("pk"))
        )
        say(
            f"The lead ruled on {rulings} disputes: "
            + ", ".join(f"{n} {cause}" for cause, n in sorted(causes.items()))
        )
        precedent = self._precedent()
        law = self._amend()
        version = law["version"]
        plan, carry = self._relabel(version)
        again = self._work(f"{queue.key}-relabel", amended=True)
        rulings += self._adjudicate()
        say(
            f"Version {version} touches {carry['n_affected']} of {plan['n_tasks']} tasks ({plan['n_direct']} directly, "
            f"{plan['n_likely']} likely, {plan['n_possible']} more possibly): {again} answers anew, "
            f"{carry['n_carried']} labels carried."
        )
        self._effect(queue, version)
        return {
            "versions": [
                row["number"]
                for row in reversed(self.clients["ada"].get("specs/entailment/versions")["versions"])
            ],
            "answers": n + again,
            "resolved": states.get("resolved", 0),
            "disputed": n_disputed,
            "rulings": rulings,
            "precedent": precedent,
            "affected": carry["n_affected"],
            "carried": carry["n_carried"],
            "possible": plan["n_possible"],
            "law": law,
        }

    def _open_queue(self) -> None:
        ada = self.clients["ada"]
        ada.post(
            "queues",
            {
                "key": "fresh",
                "name": "Fresh pairs",
                "spec": "entailment",
                "overlap": 3,
                "max_overlap": 5,
                "citing": "always",
                # The known answers here are those that the simulated people are made from.
                "gold_share": "0",
                "gold_first": 0,
            },
        )
        rows = (
            Item.objects.filter(project=self.project)
            .order_by("pk")
            .values_list("key", "payload")[:FRESH_ITEMS]
        )
        lines = "\n".join(json.dumps({"key": key, **payload}) for key, payload in rows)
        ada.post("queues/fresh/items", raw=lines.encode(), media="application/x-ndjson")
        for person in simulated.CAST:
            ada.post("queues/fresh/enrolments", {"member": self.people.members[person.name].pk})
        ada.post("queues/fresh/enrolments", {"member": self.people.members["ben"].pk})

    def _acknowledge(self, queue: str, people: Sequence[simulated.Simulated]) -> None:
        """Everybody reads what changed and confirms it with the digest of those words; a second time changes nothing."""
        found = Queue.objects.select_related("version").get(project=self.project, key=queue)
        assert found.version is not None
        for person in people:
            self.clients[person.name].post(
                f"specs/entailment/versions/{found.version.number}/acknowledge",
                {"digest": found.version.digest},
            )

    def _work(
        self,
        queue: str,
        *,
        amended: bool,
        most: int = 10_000,
        people: Sequence[simulated.Simulated] = simulated.CAST,
    ) -> int:
        """Everybody in turn: answer, and claim the next in the same request, until nothing is left or *most* are given."""
        n = 0
        self._acknowledge(queue, people)
        held = {person.name: self.clients[person.name].post(f"queues/{queue}/claim") for person in people}
        while any(held.values()):
            for person in people:
                lease = held[person.name]
                if lease is None:
                    if n < most:
                        held[person.name] = self.clients[person.name].post(f"queues/{queue}/claim")
                    continue
                value, clause = simulated.answer(
                    person,
                    key=lease["item"],
                    task=lease["payload"]["task"],
                    gold=self.gold[lease["item"]],
                    seed=SEED,
                    amended=amended,
                )
                receipt = self.clients[person.name].post(
                    f"assignments/{lease['assignment']}/submit",
                    {
                        "token": lease["token"],
                        "values": {"entailed": value},
                        "citations": {"entailed": [clause]},
                        "claim_next": n < most,
                    },
                    key=str(uuid.uuid5(NAMESPACE, lease["token"])),
                )
                held[person.name] = receipt["next"]
                n += 1
        return n

    def leave_work(self) -> None:
        """Something to do for the visitor: tasks to answer as ben, disputes to rule on as lea."""
        rows = Item.objects.filter(project=self.project).order_by("pk").values_list("key", "payload")
        lines = "\n".join(
            json.dumps({"key": key, **payload}) for key, payload in rows[FRESH_ITEMS : FRESH_ITEMS + 60]
        )
        self.clients["ada"].post("queues/fresh/items", raw=lines.encode(), media="application/x-ndjson")
        self._work("fresh", amended=False, most=120)
        left = Task.objects.filter(queue__key="fresh", project=self.project, state="open").count()
        open_now = Dispute.objects.filter(project=self.project, state="open").count()
        self.story.say(
            f"Left for you: {left} tasks to answer (as ben), {open_now} disputes to rule on (as lea)."
        )

    def _adjudicate(self) -> int:
        lead, n = self.clients["lea"], 0
        while disputes := lead.get("disputes?state=open&limit=100")["disputes"]:
            for row in disputes:
                whole = lead.get(f"disputes/{row['id']}")
                lease = lead.post(f"disputes/{row['id']}/claim")
                clause = entailment.DECIDES[whole["payload"]["task"]]
                ambiguous = clause == entailment.AMBIGUOUS
                lead.post(
                    f"disputes/{row['id']}/rule",
                    {
                        "assignment": lease["assignment"],
                        "token": lease["token"],
                        "values": {"entailed": self.gold[row["item"]]},
                        "cause": "clause-ambiguous" if ambiguous else "annotator-erred",
                        "clause": clause,
                        "reason": "It does not say whose knowledge counts." if ambiguous else "",
                    },
                )
                n += 1
        return n

    def _precedent(self) -> str:
        """One ruling beside the clause it rests on, where annotators see it from then on; returns the key of the clause.

        Of a clause that is not about to be reworded: other words are another rule, and no precedent goes along with them.
        """
        ruling = (
            Ruling.objects.filter(project=self.project, clause__isnull=False)
            .exclude(clause__key=entailment.AMBIGUOUS)
            .select_related("clause", "dispute__task__item")
            .order_by("pk")
            .first()
        )
        if ruling is None:
            return ""
        claim = ruling.dispute.task.item.payload["hypothesis"]
        titles = {label["value"]: label["title"] for label in entailment.QUESTION["labels"]}
        said = titles[ruling.values["entailed"]]
        text = f"“{claim}” – answers differed, and the lead decided: {said.lower()}. This clause is why; decide like cases alike."
        self.clients["lea"].post(f"disputes/{ruling.dispute_id}/precedent", {"text": text})
        key: str = ruling.clause.key if ruling.clause else ""
        self.story.say(
            f"One ruling stands beside its clause now, as a precedent: {self.story.base_url}/p/{self.project.key}/precedents/"
        )
        return key

    def _amend(self) -> dict[str, Any]:
        """The clause that caused the disputes is reworded and split, tried, approved, and published through the gate."""
        editor, lead = self.clients["edi"], self.clients["lea"]
        self.clients["ada"].call(
            "PATCH", "settings", {"approvals": 1, "gate_items": 10, "hourly_rate": "18.00"}
        )
        draft = editor.post("specs/entailment/draft")
        seen = next(clause for clause in draft["clauses"] if clause["key"] == entailment.AMBIGUOUS)
        where = f"specs/entailment/draft/clauses/{entailment.AMBIGUOUS}"
        editor.call(
            "PUT", where, {**entailment.AMENDED, "section": seen["section"], "revision": seen["revision"]}
        )
        editor.post(
            f"{where}/split",
            {
                "key": entailment.SPLIT_OFF,
                "title": entailment.SPLIT_TITLE,
                "blocks": entailment.SPLIT_BLOCKS,
            },
        )
        words = {
            "notes": "Common knowledge is what every adult reader knows. What has to be looked up is a clause of its own now.",
            "rationale": "Two readings of the clause caused most of the disputes.",
        }
        editor.post("specs/entailment/proposal", words)
        comment = lead.post(
            "specs/entailment/comments",
            {"clause": entailment.AMBIGUOUS, "text": "Is a capital city something every adult knows?"},
        )
        pilot = self._pilot()
        gate = editor.get("specs/entailment/draft/gate")
        editor.post(f"specs/entailment/comments/{comment['id']}/resolve")
        lead.post("specs/entailment/proposal/verdict", {"verdict": "approved"})
        cost = editor.get("specs/entailment/compare/1.0.0/draft")["cost"]
        version = editor.post("specs/entailment/draft/publish", {**words, "in_force": ["fresh"]})
        self._acknowledge("fresh", simulated.CAST)
        self.story.say(
            f"Amended §2.1 Common knowledge and split it; tried on {pilot['n_items']} items "
            f"({pilot['reading']['answers']} answers), gate {'passed' if gate['passed'] else 'not passed'}; "
            f"published {version['number']} ({version['change_class']}), relabelling estimated at {cost['n_answers']} answers: "
            f"{self.story.base_url}/p/{self.project.key}/specs/entailment/"
        )
        return {
            "version": str(version["number"]),
            "split": entailment.SPLIT_OFF,
            "pilot_items": pilot["n_items"],
            "pilot_answers": pilot["reading"]["answers"],
            "gate": gate["passed"],
            "acknowledged": Acknowledgement.objects.filter(version__digest=version["digest"]).count(),
        }

    def _pilot(self) -> dict[str, Any]:
        """The draft on a random sample of the items, by four annotators who do not read it in a way of their own."""
        editor = self.clients["edi"]
        people = simulated.CAST[:4]
        names = Annotator.objects.filter(
            project=self.project, user__username__in=[one.name for one in people]
        )
        pilot = editor.post(
            "specs/entailment/pilots",
            {
                "sample": "random",
                "n_items": PILOT_ITEMS,
                "overlap": 3,
                "annotators": list(names.order_by("pk").values_list("pseudonym", flat=True)),
            },
        )
        self._work(pilot["queue"], amended=True, people=people)
        editor.post(f"specs/entailment/pilots/{pilot['id']}/end")
        whole: dict[str, Any] = editor.get(f"specs/entailment/pilots/{pilot['id']}")
        return whole

    def _relabel(self, version: str) -> tuple[dict[str, Any], dict[str, Any]]:
        editor = self.clients["edi"]
        plans = editor.post("relabel-plans", {"spec": "entailment", "version": version})["plans"]
        plan = next(plan for plan in plans if plan["queue"] == "fresh")
        done = editor.post(
            f"relabel-plans/{plan['id']}/confirm",
            {
                "choice": "touched",
                "reason": "These labels rest on clauses whose wording did not change.",
            },
        )
        carried = done["carry"]["n_carried"]
        return done, {"n_carried": carried, "n_affected": plan["n_tasks"] - carried}

    def _effect(self, queue: Queue, version: str) -> None:
        """The amended clause before and after, on the simulated annotators' own answers."""
        plan = RelabelPlan.objects.select_related("relabel_queue").get(queue=queue)
        for name, where, meaning in (("before", queue, 1), ("after", plan.relabel_queue, 2)):
            measured = measuring.compute(spec=self.spec, queue=where, meaning=meaning)[0]
            one = next(one for one in measured.clauses if one.key == entailment.AMBIGUOUS)
            if one.estimate.value is not None and one.estimate.low is not None:
                self.story.say(
                    f"  §{one.number} {one.title}, {name}: {one.estimate.value:.2f} of pairs differ "
                    f"({one.estimate.low:.2f} to {one.estimate.high:.2f}, {one.estimate.n_items} items)"
                )

    def snapshot(self) -> dict[str, Any]:
        """Frozen by a reader's token in a job, downloaded, and verified twice: by its digests here, by the product there."""
        reader = self.clients["rex"]
        number = reader.get("specs/entailment/versions")["versions"][0]["number"]
        started = reader.post(
            "snapshots",
            {"name": "first release", "spec": "entailment", "version": number, "queues": ["fresh"]},
        )
        reader.finished(started["job"]["id"])
        whole = reader.get(f"snapshots/{started['snapshot']['id']}")
        matching = all(
            canonical.digest(reader.download(f"snapshots/{whole['id']}/files/{file['name']}"))
            == file["digest"]
            for file in whole["files"]
        )
        same_manifest = canonical.digest(canonical.dumps(whole["manifest"])) == whole["digest"]
        intact = not exporting.verify(Snapshot.objects.get(pk=whole["id"]))
        self.story.say(
            f"Snapshot of {number}: {whole['n_rows']} rows, {whole['digest'][:19]}…, "
            f"{'verified' if matching and same_manifest and intact else 'NOT what it says'}: "
            f"{self.story.base_url}/p/{self.project.key}/snapshots/"
        )
        return {
            "digest": whole["digest"],
            "rows": whole["n_rows"],
            "verified": matching and same_manifest and intact,
            "basis": whole["manifest"]["counts"]["basis"],
        }
