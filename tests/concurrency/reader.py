"""One annotator as a process of a crew, while versions come into force: reads what changed, claims, answers by what was served.

Each line is one JSON object `{"annotation", "served"}`: the digest that was served with the task, written after the commit.
"""

from __future__ import annotations

import json
import random
import time
import uuid

from annotation import submitting
from specs import acknowledging, versions
from specs.models import SpecVersion
from workforce import entering, leasing
from workforce.models import Annotator


def work(queue: int, annotator_id: int, seed: int, seconds: int) -> None:
    annotator = Annotator.objects.select_related("member").get(pk=annotator_id)
    member = annotator.member
    assert member is not None
    draw = random.Random(seed)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            served = leasing.claim(queue_id=queue, annotator=annotator, by=member)
        except entering.AcknowledgementNeeded as needed:
            version = SpecVersion.objects.get(pk=needed.details["version"])
            acknowledging.acknowledge(member=member, version=version, digest=version.digest)
            continue
        if served is None:
            time.sleep(0.05)
            continue
        keep = False
        for _ in range(3):
            question = versions.read(served.version_id).questions[0]
            values = {question["key"]: question["labels"][-1]["value"]}
            time.sleep(draw.random() * 0.05)
            try:
                receipt = submitting.submit(
                    annotator=annotator,
                    assignment_id=served.assignment_id,
                    token=served.token,
                    answer=submitting.Answer(values, {}, keep_version=keep),
                    client_key=str(uuid.uuid4()),
                    by=member,
                )
            except submitting.VersionChanged:
                if keep := draw.random() < 0.5:
                    continue
                try:
                    again = submitting.take_again(
                        annotator=annotator, assignment_id=served.assignment_id, token=served.token, by=member
                    )
                except (leasing.LeaseLost, entering.AcknowledgementNeeded):
                    break
                if again is None:
                    break
                served = again
                continue
            line = {
                "annotation": receipt.annotation_id,
                "served": served.served_digest,
                "outcome": receipt.outcome,
            }
            print(json.dumps(line), flush=True)
            break
