"""What people look at, in a real Chromium: pictures, sounds with a waveform and keys, long texts that keep their place."""

from __future__ import annotations

import io
import json

import pytest
from playwright.sync_api import Page, expect

from specs import governing
from tests import cast
from tests.browser.labelling import begin_any
from tests.browser.test_every_page import SCHEMES, broken_rules
from tests.workforce.test_media import packed, picture, sound
from workforce import loading, media


@pytest.fixture
def stage(committed_db: None) -> cast.Stage:
    stage = cast.stage()
    files = packed({"red.png": picture(400, 300), "tone.wav": sound(1.5)})
    media.add(project=stage.project, source=io.BytesIO(files), name="x.zip", by=stage.ada)
    governing.change_settings(
        project=stage.project, item_fields="answers = candidates\npage = html\nnotes = markdown", by=stage.ada
    )
    item = {
        "key": "a",
        "text": "\n".join(f"Line {k} of a long text." for k in range(200)),
        "chat": [
            {"role": "user", "content": "Is it far?"},
            {"role": "assistant", "content": "Very far. " * 30, "target": True},
        ],
        "answers": ["Yes, it is.", "No, it is not."],
        "photo": "media:red.png",
        "speech": "media:tone.wav",
        "prices": [{"what": "apple", "price": 1}, {"what": "pear", "price": 2}],
        "page": "<p>A <b>bold</b> word<script>document.title = 'broken'</script></p>",
        "notes": "A *soft* word",
    }
    loading.load(
        project=stage.project,
        queue=stage.queue,
        source=io.BytesIO(json.dumps(item).encode()),
        name="i.jsonl",
        by=stage.ada,
    )
    return stage


def test_each_kind_of_field_is_shown_and_can_be_used(page: Page, stage: cast.Stage) -> None:
    problems: list[str] = []
    begin_any(page, problems)
    expect(page.locator("[data-wave][data-drawn]")).to_be_visible()
    photo = page.get_by_role("img", name="Photo")
    photo.scroll_into_view_if_needed()
    expect(photo).to_have_js_property("naturalWidth", 400)
    player = page.locator("[data-player]")
    page.keyboard.press(">")
    expect(player).not_to_have_js_property("currentTime", 0)
    page.get_by_label("Speed").select_option("1.5")
    expect(player).to_have_js_property("playbackRate", 1.5)
    expect(page.get_by_text("this turn is asked about")).to_be_visible()
    expect(page.get_by_role("region", name="No, it is not.")).to_have_count(0)
    expect(page.locator(".candidate")).to_have_count(2)
    expect(page.locator(".item b").first).to_have_text("bold")
    expect(page.locator(".item em")).to_have_text("soft")
    assert "broken" not in page.title()
    long = page.get_by_role("region", name="Text")
    long.evaluate("place => place.scrollTop = 500")
    expect(long).to_have_js_property("scrollTop", 500)
    page.keyboard.press("Enter")  # refused: nothing is answered yet
    expect(page.get_by_role("alert")).to_be_visible()
    expect(long).to_have_js_property("scrollTop", 500)
    page.reload()
    expect(long).to_have_js_property("scrollTop", 500)
    assert [rule for scheme in SCHEMES for rule in broken_rules(page, scheme)] == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert [problem for problem in problems if "422" not in problem] == []
