"""Questions as a labelling configuration of Label Studio, and back: the same questions, and everything else by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from specs import drafting, label_config, schema, task_types
from tests import cast
from tests.questions import ALL

CONDITIONAL = {
    "key": "which",
    "kind": "multichoice",
    "title": "Which ones?\nAll of them.",
    "help": "A <hint> & more",
    "required": False,
    "labels": [{"value": "a", "title": "The first", "shortcut": "x", "colour": "red"}, {"value": "b"}],
    "shown_when": {"question": "tone", "values": ["kind"]},
    "cite": "never",
}
TONE = {
    "key": "tone",
    "kind": "choice",
    "title": "Tone",
    "labels": [{"value": "kind", "title": "Kind"}, {"value": "rude"}],
}
EVERY = [task_types.get(kind).sample()["question"] for kind in task_types.kinds()]


@pytest.mark.parametrize(
    "asked", [EVERY, ALL, [TONE, CONDITIONAL]], ids=["every kind", "settings", "condition"]
)
def test_what_is_written_is_read_back_as_it_was(asked: Any) -> None:
    questions = schema.clean(asked)
    config, _ = label_config.written(questions)
    assert label_config.read(config) == (questions, [])


def test_what_label_studio_does_not_do_is_told() -> None:
    _, told = label_config.written(schema.clean(ALL))
    assert "why: is asked always, since its condition is on no choice" in told
    assert "height: Label Studio knows no unit" in told
    config, _ = label_config.written(schema.clean([TONE, CONDITIONAL]))
    assert 'whenTagName="tone" whenChoiceValue="Kind"' in config


ELSEWHERE = """
<View>
  <Image name="img" value="$photo"/><Text name="t" value="$body"/><Audio name="a" value="$sound"/>
  <List name="replies" value="$replies"/>
  <Header value="What is the tone?"/>
  <Choices name="Tone-1" toName="t" choice="single-radio" required="true">
    <Choice value="Kind" alias="kind" background="#00ff00"/><Choice value="Rude" hotkey="ctrl+r"/>
  </Choices>
  <View>
    <Choices name="why" toName="t" choice="multiple" visibleWhen="choice-selected" whenTagName="Tone-1" whenChoiceValue="Kind">
      <Choice value="thanks"/><Choice value="praise"/>
    </Choices>
  </View>
  <Labels name="ner" toName="t"><Label value="Person"/></Labels>
  <Labels name="noise" toName="a"><Label value="Horn"/></Labels>
  <RectangleLabels name="box" toName="img"><Label value="Cat"/></RectangleLabels>
  <PolygonLabels name="area" toName="img"><Label value="Lake"/></PolygonLabels>
  <TextArea name="note" toName="t" perRegion="true"/>
  <Rating name="stars" toName="t" maxRating="7"/>
  <Number name="n" toName="t" min="0" max="9.5" step="1"/>
  <Ranker name="best" toName="replies"/>
</View>
"""


def test_a_configuration_of_others_becomes_questions_and_a_report() -> None:
    questions, told = label_config.read(ELSEWHERE)
    assert schema.problems(questions) == []
    found = {one["key"]: one for one in questions}
    assert [(one["key"], one["kind"]) for one in questions] == [
        ("tone_1", "choice"),
        ("why", "multichoice"),
        ("ner", "spans"),
        ("box", "boxes"),
        ("stars", "rating"),
        ("n", "number"),
        ("best", "ranking"),
    ]
    assert (found["tone_1"]["title"], found["tone_1"]["required"]) == ("What is the tone?", True)
    assert found["tone_1"]["labels"] == [{"value": "kind", "title": "Kind"}, {"value": "Rude"}]
    assert found["why"]["shown_when"] == {"question": "tone_1", "values": ["kind"]}
    assert (found["ner"]["settings"]["field"], found["box"]["settings"]["field"]) == ("body", "photo")
    assert (found["stars"]["settings"]["max"], found["best"]["options_from"]) == (7, "replies")
    assert (found["n"]["settings"]["max"], found["n"]["settings"]["whole"]) == (9.5, True)
    assert told == [
        "Tone-1: its key is tone_1 here",
        "Tone-1: colours of 1 labels",
        "Tone-1: keys of more than one character",
        "noise (Labels): marks something else than a text or an image",
        "area (PolygonLabels): no kind of question here takes it",
        "note (TextArea): is asked of each mark, and questions here are asked of the item",
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<View>", "not XML"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><View>&a;</View>', "no document type"),
        ("<View><Text name='t' value='$t'/></View>", "asks nothing"),
        ("\x00", "not XML"),
    ],
)
def test_what_is_no_configuration_is_refused(text: str, why: str) -> None:
    with pytest.raises(label_config.BadConfig, match=why):
        label_config.read(text)


@pytest.mark.django_db
def test_out_and_in_by_page_rest_and_command(client: Client, tmp_path: Path, capsys: Any) -> None:
    stage = cast.stage()
    assert stage.ada.user is not None
    client.force_login(stage.ada.user)
    drafting.open_draft(spec=stage.spec, by=stage.ada)
    head = {"Authorization": f"Bearer {stage.token(stage.ada)}"}
    way = "/api/v1/projects/rte/specs/rte"
    told = client.get(f"{way}/versions/1.0.0/label-config", headers=head).json()
    page = client.get("/p/rte/specs/rte/1.0.0/label-config/")
    assert (page.context["config"], page.context["left_out"]) == (told["config"], told["left_out"])
    assert client.get("/p/rte/specs/rte/1.0.0/label-config/?as=xml").content.decode() == told["config"]
    path = tmp_path / "config.xml"
    call_command("label_config", project="rte", spec="rte", output=str(path))
    assert path.read_text() == told["config"]

    def questions() -> list[str]:
        draft = client.get(f"{way}/draft", headers=head).json()
        return [one["key"] for one in draft["questions"]]

    before = questions()

    def put(text: str, **more: str) -> Any:
        to = f"{way}/draft/label-config?" + "&".join(f"{name}={value}" for name, value in more.items())
        return client.put(to, text, content_type="application/xml", headers=head)

    looked = put(ELSEWHERE, look="1")
    assert (looked.status_code, len(looked.json()["questions"]), questions()) == (200, 7, before)
    assert put(ELSEWHERE).status_code == 200
    assert questions()[0] == "tone_1"
    assert put("<View>").status_code == 422
    shown = client.post("/p/rte/specs/rte/draft/label-config/", {"config": told["config"], "look": "1"})
    assert b"What would be asked" in shown.content
    assert questions()[0] == "tone_1"
    assert client.post("/p/rte/specs/rte/draft/label-config/", {"config": "<View>"}).status_code == 422
    client.post("/p/rte/specs/rte/draft/label-config/", {"config": told["config"]})
    assert questions() == before
    path.write_text(ELSEWHERE)
    call_command("label_config", project="rte", spec="rte", read=str(path))
    assert questions()[0] == "tone_1"
    assert "area (PolygonLabels)" in capsys.readouterr().err
