"""Markdown to HTML: one renderer, one sanitizer, and the one place of the product that calls text safe."""

from __future__ import annotations

import re
from functools import lru_cache

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore

_TAGS = {
    "p",
    "br",
    "em",
    "strong",
    "code",
    "pre",
    "ul",
    "ol",
    "li",
    "blockquote",
    "a",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "s",
    "img",
}
_PICTURE = re.compile(r"^picture:(sha256:[0-9a-f]{64})$")
_renderer = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": 20}).enable(
    ["table", "strikethrough"]
)
_cleaner = nh3.Cleaner(
    tags=_TAGS,
    attributes={"a": {"href", "title"}, "img": {"src", "alt", "loading"}},
    url_schemes={"http", "https", "mailto"},
    link_rel="nofollow noopener noreferrer",
    strip_comments=True,
)


def _with_pictures(state: StateCore) -> None:
    """A picture of the project's own store is shown; of any other only its description is left."""
    for token in state.tokens:
        for inline in token.children or ():
            if inline.type != "image":
                continue
            found = _PICTURE.match(str(inline.attrs.get("src", "")))
            project = state.env.get("project")
            if found and project:
                inline.attrs["src"] = f"/p/{project}/pictures/{found.group(1)}"
                inline.attrs["loading"] = "lazy"
            else:
                inline.type, inline.tag, inline.children = "text", "", None


_renderer.core.ruler.push("pictures", _with_pictures)


@lru_cache(maxsize=4096)
def render(text: str, project: str = "") -> SafeString:
    """The text as sanitized HTML: no raw HTML, no attributes but link targets and the project's own pictures.

    Place it inside `hx-disable`. Without *project* (its key) a picture is its description.
    """
    return mark_safe(_cleaner.clean(_renderer.render(text, {"project": project})))  # noqa: S308  (sanitized in this very line)


_inert = nh3.Cleaner(
    tags=(_TAGS - {"img"})
    | {"h1", "h2", "b", "i", "u", "sub", "sup", "span", "div", "dl", "dt", "dd", "small"},
    attributes={"a": {"href", "title"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}},
    clean_content_tags={"script", "style", "template", "noscript", "iframe", "object", "svg", "math"},
    url_schemes={"http", "https", "mailto"},
    link_rel="nofollow noopener noreferrer",
    strip_comments=True,
)


@lru_cache(maxsize=256)
def inert(html: str) -> SafeString:
    """HTML that came with an item, sanitized: its words, lists and tables; no pictures, styles, forms, or anything that runs.

    Place it inside `hx-disable`.
    """
    return mark_safe(_inert.clean(html))  # noqa: S308  (sanitized in this very line)
