"""The colours can be read: WCAG 2.2 contrast of the tokens that meet, in light, dark and high contrast."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[2] / "static" / "css"
PAIR = re.compile(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)")
GROUNDS = ["paper", "card"]
SOFT = ["accent-soft", "good-soft", "warn-soft", "bad-soft"]


def tokens(contrast: str, scheme: str) -> dict[str, str]:
    normal, more = (CSS / "tokens.css").read_text().split("@media (prefers-contrast: more)")
    found = PAIR.findall(normal) + (PAIR.findall(more) if contrast == "more" else [])
    return {name: light if scheme == "light" else dark for name, light, dark in found}


def luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb". Source: WCAG 2.2, definition of relative luminance."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_the_published_one() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#ffffff", "#767676") == pytest.approx(4.54, abs=0.005)


SEEN_AS = list(itertools.product(["normal", "more"], ["light", "dark"]))


@pytest.mark.parametrize(("wanted", "scheme"), SEEN_AS)
def test_text_can_be_read_on_every_ground(wanted: str, scheme: str) -> None:
    colour = tokens(wanted, scheme)
    pairs = [
        *itertools.product(["ink", "dim"], [*GROUNDS, *SOFT]),
        *itertools.product(["accent", "good", "warn", "bad"], GROUNDS),
        *((name, f"{name}-soft") for name in ("accent", "good", "warn", "bad")),
        ("on-accent", "accent"),
        ("on-bad", "bad"),
        ("paper", "ink"),
    ]
    poor = {pair: round(contrast(colour[pair[0]], colour[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}


@pytest.mark.parametrize(("wanted", "scheme"), SEEN_AS)
def test_the_outline_of_a_field_can_be_seen(wanted: str, scheme: str) -> None:
    colour = tokens(wanted, scheme)
    assert min(contrast(colour["edge"], colour[ground]) for ground in GROUNDS) >= 3


@pytest.mark.parametrize("path", sorted(CSS.glob("*.css")), ids=lambda path: path.name)
def test_only_the_tokens_name_a_colour(path: Path) -> None:
    if path.name != "tokens.css":
        assert re.findall(r"#[0-9a-f]{3,8}\b(?=[;, )])|\b(?:rgb|hsl|oklch)a?\(", path.read_text()) == []


@pytest.mark.parametrize("path", sorted(CSS.glob("*.css")), ids=lambda path: path.name)
def test_every_token_that_is_used_exists(path: Path) -> None:
    defined = set(re.findall(r"(--[\w-]+):", (CSS / "tokens.css").read_text()))
    assert set(re.findall(r"var\((--[\w-]+)\)", path.read_text())) <= defined
