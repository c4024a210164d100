"""INV-23: a text survives unchanged, and `text[start:end]` is the surface, all the way round.

Texts of all planes, joiners, combining marks, right-to-left, CRLF and lone CR go through import, rendering, selection in a real
browser, submission, export and import into another project. Nothing may differ.
"""

from __future__ import annotations

import io
import json
import random
from typing import Any

import pytest
from django.http import QueryDict
from django.template import Context, Template
from playwright.sync_api import Page

from annotation import exporting, labelling
from annotation.models import Annotation
from specs import posing, store, versions
from tests import cast
from tests.browser.stage import show
from tests.browser.test_spans import QUESTION
from workforce import loading, predicting
from workforce.models import Item, Prediction

PIECES = (
    *(
        "👨🏻‍🚒",
        "👩‍👩‍👧‍👦",
        "🇫🇷",
        "1️⃣",
        "e\u0301",
        "a\u0323\u0302",
        "\u0928\u092e\u0938\u094d\u0924\u0947",
        "\u0e01\u0e33",
    ),
    *(
        "\u05e9\u05dc\u05d5\u05dd",
        "\u0645\u0631\u062d\u0628\u0627",
        "\u202e",
        "\u2066",
        "\u200f",
        "\u200d",
        "\u200b",
        "\ufeff",
        "\u00ad",
    ),
    *(
        "\r\n",
        "\r",
        "\n",
        "\t",
        "  ",
        "\u2028",
        "\u0085",
        "\x0b",
        "\x0c",
        "\x01",
        "\x7f",
        "\ufffe",
        "\U0010ffff",
        "\ufdd0",
    ),
    *(
        "漢字",
        "𝔸𝕕𝕒",
        "𠜎",
        "<b>",
        "&amp;",
        "&#13;",
        "]]>",
        "<!--",
        "{{ x }}",
        "'\"",
        "\\",
        "word",
        "zwei Wörter",
        " ",
    ),
)
PER_PAGE = 150
SCRIPT = '<script src="/static/js/task_types/spans.js" type="module"></script>'


def a_text(chance: random.Random) -> str:
    """A text of a few pieces, some of them characters from anywhere in Unicode."""

    def piece() -> str:
        if chance.random() < 0.6:
            return chance.choice(PIECES)
        plane = chance.choice((0, 0, 0, 1, 2, 3, 14, 15, 16))
        point = plane * 0x10000 + chance.randrange(1, 0x10000)
        return "" if 0xD800 <= point <= 0xDFFF else chr(point)

    return "".join(piece() for _ in range(chance.randrange(1, 12))) or "x"


def load(stage: cast.Stage, rows: list[dict[str, Any]]) -> None:
    data = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    loading.load(
        project=stage.project, queue=stage.queue, source=io.BytesIO(data), name="i.jsonl", by=stage.ada
    )


SELECT = """ranges => [...document.querySelectorAll("[data-spans]")].map((root, k) => {
    const place = root.querySelector("[data-text]");
    const whole = place.textContent;
    const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
    const node = walker.nextNode();
    getSelection().setBaseAndExtent(node, ranges[k][0], node, ranges[k][1]);
    document.dispatchEvent(new Event("selectionchange"));
    root.querySelector("[data-label]").click();
    return [whole, root.querySelector("[data-value]").value];
})"""


def units(text: str, points: int) -> int:
    """UTF-16 units of the first code points of a text."""
    return len(text[:points].encode("utf-16-le", "surrogatepass")) // 2


def marked(page: Page, questions: list[dict[str, Any]], texts: list[str], chance: random.Random) -> list[str]:
    """The posted values after a random part of each text was selected and labelled in the browser."""
    template = Template("{% load questions %}{% question posed %}")
    found: list[str] = []
    for first in range(0, len(texts), PER_PAGE):
        some = texts[first : first + PER_PAGE]
        posed = [posing.pose(questions[0], {"text": text}) for text in some]
        show(page, "".join(template.render(Context({"posed": one})) for one in posed) + SCRIPT)
        page.locator("[data-value]:enabled").nth(len(some) - 1).wait_for(state="attached")
        ranges = []
        for text in some:
            start = chance.randrange(len(text))
            end = chance.randrange(start + 1, len(text) + 1)
            ranges.append([units(text, start), units(text, end)])
        for text, (held, value) in zip(some, page.evaluate(SELECT, ranges), strict=True):
            assert held == text, "the page holds exactly the text"
            found.append(value)
    return found


@pytest.mark.parametrize("n_texts", [300, pytest.param(10_000, marks=pytest.mark.long)])
def test_texts_come_all_the_way_round(bare: Page, committed_db: None, n_texts: int) -> None:
    chance = random.Random(23)
    settings = {"snap": "character"}
    stage = cast.stage(
        questions=[{**QUESTION, "required": False, "settings": settings}], overlap=1, max_overlap=1
    )
    texts = [a_text(chance) for _ in range(n_texts)]
    load(stage, [{"key": f"{k:05}", "text": text} for k, text in enumerate(texts)])
    payloads = dict(Item.objects.values_list("key", "payload"))
    assert [payloads[f"{k:05}"]["text"] for k in range(n_texts)] == texts, "as it was loaded"
    version = versions.read(stage.version.pk)
    posted = marked(bare, version.questions, texts, chance)
    n_marked = 0
    for value, text in zip(posted, texts, strict=True):
        served = stage.claim(stage.ben)
        assert served.payload["text"] == text
        form = QueryDict(mutable=True)
        form["q.names"] = value
        if value == "[]":  # nothing but white space was selected
            form["q.names.none"] = "1"
        answer = labelling.answer(form=form, version=version, payload=served.payload)
        n_marked += len(answer.values["names"])
        stage.submit(stage.ben, served, answer.values)
    assert n_marked > 0.9 * n_texts
    asked = exporting.request(project=stage.project, version=stage.version, name="", by=stage.ada)
    file = exporting.build(snapshot_id=asked.pk).files.get(name="labels.jsonl")
    with store.opened(file.digest) as source:
        rows = [json.loads(line) for line in source]
    assert len(rows) == n_texts
    again = cast.stage("again", questions=[{**QUESTION, "required": False}])
    load(again, [{"key": row["key"], **row["payload"]} for row in rows])
    told = [{"key": row["key"], "value": row["labels"]["names"]["value"]} for row in rows]
    data = "\n".join(json.dumps(row, ensure_ascii=False) for row in told).encode()
    predicting.bring_in(
        spec=again.spec, source=io.BytesIO(data), name="p.jsonl", model="m", model_version="1", by=again.ada
    )
    back = dict(Prediction.objects.filter(project=again.project).values_list("item__key", "value"))
    given = {
        answer.task.item.key: answer.values["names"]
        for answer in Annotation.objects.select_related("task__item")
    }
    items = dict(Item.objects.filter(project=again.project).values_list("key", "payload"))
    n_different = 0
    for key, text in ((f"{k:05}", text) for k, text in enumerate(texts)):
        surfaces = all(text[span["start"] : span["end"]] == span["text"] for span in back[key])
        n_different += not (surfaces and back[key] == given[key] and items[key]["text"] == text)
    assert n_different == 0
