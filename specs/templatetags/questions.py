"""Questions in templates: `{% question posed %}` renders one by the template of its kind, `{% question_assets %}` what it needs.

The script and the style sheet of a kind are found by its file name (`static/js/task_types/<kind>.js`, `static/css/task_types/
<kind>.css`). A style sheet is small and stands in the head of every page that poses questions, so that nothing moves when a
swap brings another kind; of the scripts only those come that are needed, once a question says so (`js/questions.js`).
"""

from __future__ import annotations

import json
from functools import cache

from django import template
from django.contrib.staticfiles import finders
from django.template.context import Context
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from specs import task_types
from specs.posing import Posed

register = template.Library()


@register.simple_tag(takes_context=True)
def question(context: Context, posed: Posed, first: bool = True, disabled: bool = False) -> SafeString:
    """The question by the template of its kind, which gets what `Posed` has, `first_question` and `disabled`."""
    asked = posed.question
    engine = context.template.engine  # type: ignore[union-attr]
    condition = asked.get("shown_when")
    values = {
        "question": asked,
        "options": posed.options,
        "value": posed.value,
        "errors": posed.errors,
        "first_question": first,
        "disabled": disabled,
        "script": script(asked["kind"]),
        "shown_for": json.dumps(condition["values"]) if condition else "",
        **posed.more,
    }
    with context.push(**values):
        return engine.get_template(posed.template).render(context)


@register.simple_tag
def question_assets() -> SafeString:
    """Style sheets of all kinds, and the script that fetches those of the kinds on the page."""
    own = [path for kind in task_types.kinds() if (path := found(f"css/task_types/{kind}.css"))]
    sheets = [(static(path),) for path in ("css/questions.css", *own)]
    links = format_html_join("\n", '<link rel="stylesheet" href="{}">', sheets)
    return format_html('{}\n<script src="{}" type="module"></script>', links, static("js/questions.js"))


def script(kind: str) -> str:
    """The address of a kind's script; empty for a kind that needs none."""
    path = found(f"js/task_types/{kind}.js")
    return static(path) if path else ""


@cache
def found(path: str) -> str:
    return path if finders.find(path) else ""
