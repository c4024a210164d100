"""Text catalogs: what there is to translate, and the files of each language. `docs/languages.md` says how they are used.

`python -m tests.catalogs update` takes new texts into every catalog and drops those that are gone; `compile` writes what the
program reads. Both need nothing but Python: Django's own commands want the gettext programs of the machine.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
LOCALE = ROOT / "locale"
_APPS = ("annotation", "specs", "workforce")
_ASIDE = ("migrations", "management", "config", "demo")
"""Folders whose texts no page shows: commands and the start speak English."""
_ONE = {"_", "gettext", "gettext_lazy", "gettext_noop", "later"}
_MANY = {"ngettext", "ngettext_lazy"}
_STRING = r"""u?(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")"""
_TEMPLATIZED = re.compile(rf"(?<![\w.])(n?gettext|_)\(\s*({_STRING})(?:\s*,\s*({_STRING}))?")
_PLACEHOLDER = re.compile(r"%\((\w+)\)([a-z])|(?<!%)%([a-z])\b")


@dataclass(frozen=True)
class Text:
    """One text of the program: its English, its English plural if it counts something, and the file it stands in."""

    english: str
    plural: str
    file: str

    @property
    def id(self) -> str | tuple[str, str]:
        return (self.english, self.plural) if self.plural else self.english


def placeholders(text: str) -> set[str]:
    """What is filled in: `%(n)s` and `%s` as they stand."""
    return {match.group() for match in _PLACEHOLDER.finditer(text.replace("%%", ""))}


@cache
def texts() -> tuple[Text, ...]:
    """Every text of templates and Python that goes through gettext, in the order of the files; read once."""
    return (*_of_templates(), *_of_python())


def _of_templates() -> Iterator[Text]:
    from django.utils.translation import templatize

    for path in sorted((ROOT / "templates").rglob("*")):
        if path.is_file():
            name = str(path.relative_to(ROOT))
            for call, one, many in _TEMPLATIZED.findall(templatize(path.read_text(), origin=name)):
                plural = ast.literal_eval(many) if call == "ngettext" else ""
                yield Text(ast.literal_eval(one), plural, name)


def _of_python() -> Iterator[Text]:
    for app in _APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if not set(path.relative_to(ROOT / app).parts[:-1]) & set(_ASIDE):
                yield from _of_module(path)


def _of_module(path: Path) -> Iterator[Text]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        given = [
            arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
        ]
        name = str(path.relative_to(ROOT))
        if node.func.id in _ONE and given:
            yield Text(given[0], "", name)
        elif node.func.id in _MANY and len(given) > 1:
            yield Text(given[0], given[1], name)


def languages() -> list[str]:
    return sorted(path.name for path in LOCALE.iterdir() if path.is_dir())


def catalog(language: str) -> Catalog:
    """What is translated into a language so far."""
    path = _file(language, "po")
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as source:
        return read_po(source, locale=language)


def updated(language: str) -> Catalog:
    """The catalog with every text of the program and no other; nothing is guessed from texts that look alike."""
    kept, found = catalog(language), Catalog(locale=language, project="Concordat", fuzzy=False)
    for text in texts():
        found.add(text.id, locations=[(text.file, None)])  # type: ignore[list-item]  # babel: a line may be missing
    for message in found:
        known = kept.get(message.id) if message.id else None
        if known and known.id == message.id:
            message.string = known.string
    return found


class _Plain(Catalog):
    """Says of itself only what counts: no dates and no tools, so that the same texts give the same bytes."""

    mime_headers = property(
        lambda self: [
            ("Language", str(self.locale_identifier)),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Plural-Forms", f"nplurals={self.num_plurals}; plural={self.plural_expr};"),
        ]
    )


def _plain(found: Catalog) -> Catalog:
    plain = _Plain(locale=found.locale_identifier, header_comment="", fuzzy=False)
    for message in found:
        if message.id:
            plain[message.id] = message
    return plain


def as_po(found: Catalog) -> bytes:
    """A catalog as its file, by text."""
    out = io.BytesIO()
    write_po(out, _plain(found), width=110, sort_output=True, include_lineno=False)
    return out.getvalue()


def as_mo(found: Catalog) -> bytes:
    """A catalog as the program reads it."""
    out = io.BytesIO()
    write_mo(out, _plain(found))
    return out.getvalue()


def _file(language: str, ending: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"django.{ending}"


def main(command: str) -> int:
    """Update or compile every catalog. Status 2 for anything else."""
    if command not in ("update", "compile"):
        print(__doc__)
        return 2
    for language in languages():
        if command == "update":
            _file(language, "po").write_bytes(as_po(updated(language)))
        found = catalog(language)
        _file(language, "mo").write_bytes(as_mo(found))
        missing = [message for message in found if message.id and not _whole(message.string)]
        print(f"{language}: {len(found)} texts, {len(missing)} not translated")
    return 0


def _whole(string: str | Sequence[str] | None) -> bool:
    return bool(string) if string is None or isinstance(string, str) else all(string)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or [""]))
