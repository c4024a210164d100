"""The components: what they show, and that nothing somebody wrote becomes markup."""

from __future__ import annotations

import re

from django import forms
from django.template.loader import render_to_string
from django.utils.html import strip_tags

from specs import edits


class QueueForm(forms.Form):
    name = forms.CharField(help_text="Shown to everybody.")
    note = forms.CharField(required=False)
    paused = forms.BooleanField(required=False)
    rule = forms.ChoiceField(choices=[("share", "Share"), ("majority", "Majority")], widget=forms.RadioSelect)


def shown(name: str, **context: object) -> str:
    """What the component says, on one line."""
    return " ".join(strip_tags(render_to_string(f"components/{name}.html", context)).split())


def test_a_form_links_each_error_to_its_field() -> None:
    html = str(QueueForm({"rule": "share"}))
    assert '<a href="#id_name">Name</a>: This field is required.' in html
    assert re.search(r'<input[^>]*aria-describedby="id_name_helptext id_name_error"[^>]*id="id_name"', html)
    assert 'id="id_name_error"' in html
    assert 'id="id_name_helptext"' in html


def test_a_form_says_how_many_things_are_wrong() -> None:
    assert "One thing needs another look." in str(QueueForm({"rule": "share"}))
    assert "2 things need another look." in str(QueueForm({}))
    assert "another look" not in str(QueueForm())


def test_only_fields_that_may_stay_empty_are_marked() -> None:
    html = str(QueueForm())
    assert html.count("(optional)") == 1
    assert html.index("(optional)") > html.index("Note")


def test_a_group_of_choices_is_a_fieldset_and_a_box_stands_before_its_label() -> None:
    html = str(QueueForm())
    assert re.search(r"<legend>\s*Rule\s*</legend>", html)
    assert html.index('type="checkbox"') < html.index('<label for="id_paused"')


CLAUSE = {
    "key": "target",
    "title": "Target <b>",
    "blocks": [
        {"type": "definition", "text": "An attack needs a *target*. <script>alert(1)</script>"},
        {"type": "use_when", "text": "Somebody is named."},
        {"type": "example", "item": "You can't read.", "value": "1", "why": "a person"},
        {"type": "counter_example", "item": "This plan fails.", "value": "0"},
    ],
}


def test_a_clause_shows_its_blocks_in_order() -> None:
    assert shown("clause", clause=CLAUSE, number="3.1", mark="reworded").startswith(
        "§3.1 Target &lt;b&gt; reworded An attack needs a target. &lt;script&gt;alert(1)&lt;/script&gt; "
        "Use when Somebody is named. Example: You can't read.".replace("'", "&#x27;")
    )


def test_a_clause_is_markdown_without_scripts_and_without_htmx() -> None:
    html = render_to_string("components/clause.html", {"clause": CLAUSE})
    assert "<em>target</em>" in html
    assert "<script>" not in html
    assert "hx-disable" in html


def test_examples_and_counter_examples_can_be_told_apart_without_colours() -> None:
    text = shown("clause", clause=CLAUSE)
    assert "Example: You can&#x27;t read. → 1: a person" in text
    assert "Counter-example: This plan fails. → 0" in text


def test_a_clause_that_decided_is_marked() -> None:
    cited = render_to_string("components/clause.html", {"clause": CLAUSE, "cited": True})
    assert 'class="clause cited"' in cited
    assert 'class="clause"' in render_to_string("components/clause.html", {"clause": CLAUSE})


def test_changed_words_give_both_texts_to_the_letter() -> None:
    old, new = "Label  <i> when\nit demeans.", "Label  <b> when\nit insults."
    html = render_to_string("components/diff_runs.html", {"runs": edits.words(old, new)})
    said = re.sub(r"<span class=\"visually-hidden\">.*?</span>", "", html).strip()
    without = {"old": r"<ins>.*?</ins>", "new": r"<del>.*?</del>"}
    texts = {name: strip_tags(re.sub(marks, "", said, flags=re.DOTALL)) for name, marks in without.items()}
    assert texts == {"old": old.replace("<i>", "&lt;i&gt;"), "new": new.replace("<b>", "&lt;b&gt;")}


def test_a_number_comes_with_its_interval_and_n() -> None:
    assert shown("interval", value=0.712, low=0.68, high=0.744, n=4120) == "0.71 (0.68 to 0.74) n = 4,120"


def test_a_number_of_zero_is_a_number() -> None:
    assert shown("interval", value=0.0, low=-0.1, high=0.1, lower=-1.0) == "0.00 (-0.10 to 0.10)"


def test_a_missing_number_says_why() -> None:
    assert shown("interval", value=None, n=12) == "too few to say (n = 12)"
    assert shown("interval", value=None, reason="only one value occurs") == "only one value occurs"


def test_work_of_unknown_length_has_a_bar_without_an_end() -> None:
    html = render_to_string("components/progress.html", {"label": "Import", "done": 3, "total": None})
    assert "value=" not in html
    html = render_to_string("components/progress.html", {"label": "Import", "done": 1200, "total": 4120})
    assert 'value="1200" max="4120"' in html
    assert "1,200 of 4,120" in html


def test_bars_are_said_as_well_as_drawn() -> None:
    bars = [{"label": "Insult", "share": 0.22, "text": "22 %"}]
    html = render_to_string("components/bars.html", {"bars": bars})
    assert 'value="0.2200"' in html
    assert '<span class="n">22 %</span>' in html


def test_the_pager_is_gone_where_there_is_one_page() -> None:
    assert shown("pager") == ""
    assert shown("pager", next="?after=9") == "Next"


def test_a_fact_without_a_value_is_left_out() -> None:
    facts = [("Digest", "sha256:1"), ("Retired", None), ("Items", 0)]
    assert shown("facts", facts=facts) == "Digest sha256:1 Items 0"


def test_an_empty_place_offers_the_action_that_fills_it() -> None:
    context = {"title": "No queues", "href": "/new/", "action": "Create one"}
    html = render_to_string("components/empty.html", context)
    assert '<a class="btn go" href="/new/">Create one</a>' in html


def test_a_veil_holds_nothing_but_its_own_words() -> None:
    assert shown("sensitive", key="v") == "This may be upsetting. Show it Hide it again V"
