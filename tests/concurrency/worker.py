"""One annotator as a process of a crew: claims and answers until nothing is left, and prints what was acknowledged.

Each line is one JSON object `{"task", "annotation", "outcome"}`, written only after the commit.
"""

from __future__ import annotations

import json
import random
import time
import uuid

from annotation import submitting
from workforce import leasing
from workforce.models import Annotator


def work(queue: int, annotator_id: int, seed: int) -> None:
    annotator = Annotator.objects.get(pk=annotator_id)
    draw = random.Random(seed)
    empty = 0
    while empty < 40:
        served = leasing.claim(queue_id=queue, annotator=annotator, by=None)
        if served is None:
            empty += 1
            time.sleep(0.05)
            continue
        empty = 0
        if draw.random() < 0.05:
            time.sleep(0.5)  # outlives a short lease now and then
        key = str(uuid.uuid4())
        for _ in range(1 + (draw.random() < 0.1)):  # a tenth of the answers is sent twice
            receipt = submitting.submit(
                annotator=annotator,
                assignment_id=served.assignment_id,
                token=served.token,
                answer=submitting.Answer({"entailed": "yes"}, {}),
                client_key=key,
                by=None,
            )
        line = {"task": receipt.task_id, "annotation": receipt.annotation_id, "outcome": receipt.outcome}
        print(json.dumps(line), flush=True)
