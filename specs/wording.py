"""The words and numbers of modules that know no Django, in the language of whoever reads them.

Pure modules mark their texts with `_`, as everything else does. Who has catalogs plugs the look-ups in, once, when the
program starts (`specs.apps`); without, as in the process that reads documents, texts stay English.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal


def _english(value: float, digits: int | None) -> str:
    return f"{value:,g}" if digits is None else f"{value:,.{digits}f}"


_text: Callable[[str], str] = str
_number: Callable[[float, int | None], str] = _english


def plug(text: Callable[[str], str], numbers: Callable[[float, int | None], str]) -> None:
    """From now on `text` translates, and `numbers` writes a number with so many digits behind the point."""
    global _text, _number
    _text, _number = text, numbers


def _(text: str) -> str:
    """The text in the language of the reader. Called where it is read: at the top of a module, `later` marks it."""
    return _text(text)


def later(text: str) -> str:
    """The text as it is: marked for the catalogs, and translated by whoever shows it."""
    return text


def number(value: float | Decimal | None, digits: int | None = 0) -> str:
    """A number as the reader writes it, grouped by thousands: 12,345.60 or 12.345,60. `digits` None: as many as it has.

    A dash where there is none.
    """
    return "\N{EN DASH}" if value is None else _number(float(value), digits)


def percent(share: float | Decimal, digits: int = 0) -> str:
    """A share as percents of the reader: 12.5% for 0.125."""
    return _("%(n)s%%") % {"n": number(100 * float(share), digits)}
