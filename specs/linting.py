"""Tells the author of a spec what makes it ambiguous: findings by place, none of which hinders publication. Pure.

Input is a version as `contents.content` gives it. A rule that reads language rather misses a case than cries wolf. One more
rule is one function that yields hits, and one line in `_RULES`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, Literal

from specs import clauses as clause_shape
from specs.linting_input import Block, Clause, Place, Spec, read
from specs.vague_words import (
    VAGUE,
    defined,
    negations,
    normal,
    prose,
    quoted,
    references,
    sentences,
    term_key,
    terms,
    vague,
)
from specs.wording import _, later

Severity = Literal["warning", "advice"]
LONG_SENTENCE = 60
LONG_CLAUSE = 600
MANY_NEGATIONS = 3
_Hit = tuple[Place, str, str]  # place, message, hint
_WITHOUT = {
    "example": (
        later("Governs answers but shows no example."),
        later("Add an example, best a case on the border that people took differently."),
    ),
    "counter_example": (
        later("Governs answers but shows no counter-example."),
        later("Add a counter-example, best a case on the border that people took differently."),
    ),
}


@dataclass(frozen=True)
class Finding:
    """One ambiguity. `clause` is "" where it is about a question; `block` counts from 1, 0 is the whole clause."""

    code: str
    severity: Severity
    clause: str
    block: int
    where: str
    message: str
    hint: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def lint(version: Mapping[str, Any]) -> list[Finding]:
    """What is ambiguous, in the order of the document: the questions, then clause by clause and block by block."""
    spec = read(version)
    hits = [(rule, *hit) for rule in _RULES for hit in rule.find(spec)]
    return [
        Finding(rule.code, rule.severity, place.clause, place.block, place.where, message, hint)
        for rule, place, message, hint in sorted(hits, key=lambda hit: hit[1].order)
    ]


def _question_ungoverned(spec: Spec) -> Iterator[_Hit]:
    governed = {entry.question for clause in spec.clauses for entry in clause.governs}
    for question in spec.questions:
        if question.key not in governed:
            message = _("No clause says how to answer %(question)s.") % {
                "question": quoted(question.title or question.key)
            }
            yield (
                question.place,
                message,
                _("Write a clause that governs this question, or let one govern it."),
            )


def _label_ungoverned(spec: Spec) -> Iterator[_Hit]:
    """A question that nothing governs is one finding, not one for each label."""
    entries = [entry for clause in spec.clauses for entry in clause.governs]
    for question in spec.questions:
        here = [entry for entry in entries if entry.question == question.key]
        if question.is_open or not here or any(entry.is_whole for entry in here):
            continue
        governed = {value for entry in here for value in chain(entry.values, *entry.pairs)}
        for at, (value, title) in enumerate(question.labels.items(), 1):
            if value not in governed:
                place = Place((*question.place.order[:2], at), f"{question.place.where}, label {value}")
                message = _("No clause says when the label %(title)s is right.") % {"title": quoted(title)}
                yield place, message, _("Let a clause govern this label: one that says when to use it.")


def _same_pair(spec: Spec) -> Iterator[_Hit]:
    """Of two clauses at least one names the pair as such: two that both govern many labels need not meet."""
    for question, pair in dict.fromkeys(
        (e.question, p) for c in spec.clauses for e in c.governs for p in sorted(e.pairs)
    ):
        earlier: list[tuple[Clause, bool]] = []
        for clause in spec.clauses:
            here = [entry for entry in clause.governs if entry.question == question]
            explicit = any(pair in entry.pairs for entry in here)
            if explicit or any(entry.values.issuperset(pair) for entry in here):
                rivals = [
                    other for other, named in earlier if (named or explicit) and not _settled(clause, other)
                ]
                if rivals:
                    names = _listed([other.key for other in rivals])
                    message = _(
                        "Decides between %(one)s and %(other)s of %(question)s, as %(names)s does too: none says "
                        "which counts when they differ."
                    ) % {"one": pair[0], "other": pair[1], "question": question, "names": names}
                    yield (
                        clause.place,
                        message,
                        _("Say which takes precedence, naming the other clause, or merge them."),
                    )
                earlier.append((clause, explicit))


def _listed(keys: list[str], most: int = 5) -> str:
    return ", ".join(keys[:most]) + (
        _(" and %(n_keys)s more") % {"n_keys": len(keys) - most} if len(keys) > most else ""
    )


def _settled(a: Clause, b: Clause) -> bool:
    return a.decides or b.decides or _mentions(a, b) or _mentions(b, a)


def _mentions(clause: Clause, other: Clause) -> bool:
    """A name of one word is often an ordinary word (`time`): it has to be marked as a name."""
    if {other.key, other.number} & clause.named:
        return True
    for name in filter(None, (normal(other.title), other.key.casefold())):
        if name in clause.folded:
            marks = "" if re.search(r"[\s._-]", name) else r"(?:clause |[*_`\"“‘\[])"
            if re.search(rf"(?<!\w){marks}{re.escape(name)}(?!\w)", clause.folded):
                return True
    return False


def _without_block(kind: str, spec: Spec) -> Iterator[_Hit]:
    message, hint = _WITHOUT[kind]
    for clause in spec.clauses:
        if clause.governs and not clause.of_type(kind):
            yield clause.place, _(message), _(hint)


def _no_definition(spec: Spec) -> Iterator[_Hit]:
    for clause in spec.clauses:
        if not any(block.text.strip() for block in clause.of_type("definition", "use_when")):
            message = _(
                "Has neither a definition nor a text on when to use it, so its rule has to be guessed."
            )
            yield clause.place, message, _("State the rule in a definition.")


def _vague_words(place: Place, text: str) -> Iterator[_Hit]:
    for word in vague(text):
        yield place, f"“{word}” leaves it to each reader what is meant.", VAGUE[word]


def _vague_rule(spec: Spec) -> Iterator[_Hit]:
    return chain.from_iterable(_vague_words(block.place, block.text) for block in spec.rules)


def _vague_heading(spec: Spec) -> Iterator[_Hit]:
    for question in spec.questions:
        yield from _vague_words(replace(question.place, where=f"{question.place.where}, help"), question.help)
    for clause in spec.clauses:
        yield from _vague_words(replace(clause.place, where=f"{clause.place.where}, title"), clause.title)


def _undefined_term(spec: Spec) -> Iterator[_Hit]:
    """Each term once, where it is first used. A word that the spec also has in lower case was no acronym."""
    texts = [block.text for clause in spec.clauses for block in clause.blocks]
    names = chain(
        *((clause.title, clause.section) for clause in spec.clauses),
        *((q.title, q.key, *chain(*q.labels.items())) for q in spec.questions),
    )
    known = {term_key(name) for name in names}.union(*(defined(text) for text in texts))
    lower = {word for text in texts for word in re.findall(r"\w+", text) if word.islower()}
    for block in spec.rules:
        for term in terms(block.text):
            if term_key(term) not in known and not (term.isupper() and term.lower() in lower):
                known.add(term_key(term))
                message = _("%(term)s is used as a term, but no text defines it.") % {"term": quoted(term)}
                yield (
                    block.place,
                    message,
                    _("Say what it means where it is first used: “**%(term)s** means …”.") % {"term": term},
                )


def _negation_pile(spec: Spec) -> Iterator[_Hit]:
    for block in spec.rules:
        for sentence in sentences(prose(block.text)):
            found = negations(sentence)
            if len(found) >= MANY_NEGATIONS:
                message = _("One sentence with %(n_found)s negations (%(found)s): %(sentence)s") % {
                    "n_found": len(found),
                    "found": ", ".join(found[:6]),
                    "sentence": quoted(sentence),
                }
                yield (
                    block.place,
                    message,
                    _("Say what is the case, or give each exception a sentence of its own."),
                )


def _long_sentence(spec: Spec) -> Iterator[_Hit]:
    for block in spec.rules:
        for sentence in sentences(block.text):
            if (n_words := len(sentence.split())) > LONG_SENTENCE:
                message = _("A sentence of %(n_words)s words: %(sentence)s") % {
                    "n_words": n_words,
                    "sentence": quoted(sentence),
                }
                yield block.place, message, _("Make it several sentences, or a list of conditions.")


def _long_clause(spec: Spec) -> Iterator[_Hit]:
    for clause in spec.clauses:
        if (n_words := len(clause.words.split())) > LONG_CLAUSE:
            message = _("Has %(n_words)s words; nobody has that many in mind when deciding one item.") % {
                "n_words": n_words
            }
            yield clause.place, message, _("Split it: one clause for each decision.")


def _duplicates(spec: Spec) -> Iterator[_Hit]:
    titles: dict[str, Clause] = {}
    texts: dict[str, Clause] = {}
    for clause in spec.clauses:
        first = titles.setdefault(normal(clause.title), clause) if clause.title.strip() else clause
        if first is not clause:
            message = _("Has the same title as clause %(first)s: %(clause)s.") % {
                "first": first.key,
                "clause": quoted(clause.title),
            }
            yield clause.place, message, _("Give each a title that says what it decides, or merge them.")
        for block in clause.of_type("definition"):
            first = texts.setdefault(normal(block.text), clause) if block.text.strip() else clause
            if first is not clause:
                message = _("Says the same as clause %(first)s: %(text)s") % {
                    "first": first.key,
                    "text": quoted(block.text),
                }
                yield (
                    block.place,
                    message,
                    _("Keep it in one clause; whoever cites one of two splits the count."),
                )


def _examples(spec: Spec) -> Iterator[tuple[Clause, Block]]:
    return ((clause, block) for clause in spec.clauses for block in clause.of_type(*clause_shape.EXAMPLES))


def _example_breaks_schema(spec: Spec) -> Iterator[_Hit]:
    for clause, block in _examples(spec):
        asked = spec.asked_by(clause)
        if not block.value or not asked or any(q.is_open or not q.labels for q in asked):
            continue
        if not any(block.value in question.labels for question in asked):
            names = ", ".join(dict.fromkeys(question.key for question in asked))
            meant = [v for q in asked for v, t in q.labels.items() if normal(t) == normal(block.value)]
            hint = (
                _("Write its value, %(meant)s.") % {"meant": meant[0]}
                if meant
                else _("Correct the value, or what the clause governs.")
            )
            yield (
                block.place,
                _("Gives the value %(value)s, which is no label of %(names)s.")
                % {"value": quoted(block.value), "names": names},
                hint,
            )


def _example_without_value(spec: Spec) -> Iterator[_Hit]:
    for clause, block in _examples(spec):
        labelled = clause.governs and any(question.labels for question in spec.asked_by(clause))
        if labelled and block.type == "example" and not block.value:
            message = _("Does not say which label %(item)s gets.") % {
                "item": quoted(block.item or block.text)
            }
            yield block.place, message, _("Give the example its value.")


def _counter_example_without_why(spec: Spec) -> Iterator[_Hit]:
    for _clause, block in _examples(spec):
        explained = block.why.strip() or (block.item.strip() and block.text.strip())
        if block.type == "counter_example" and not explained:
            message = _("Does not say why %(item)s is none.") % {"item": quoted(block.item or block.text)}
            yield block.place, message, _("Say in a sentence what it lacks.")


def _example_contradicts(spec: Spec) -> Iterator[_Hit]:
    first: dict[tuple[str, str], Block] = {}
    for clause, block in _examples(spec):
        for question in spec.asked_by(clause):
            if block.item.strip() and block.value in question.labels:
                earlier = first.setdefault((question.key, normal(block.item)), block)
                if earlier.value != block.value:
                    message = _("%(item)s is %(value)s here and %(earlier)s in %(where)s.") % {
                        "item": quoted(block.item),
                        "value": block.value,
                        "earlier": earlier.value,
                        "where": earlier.place.where,
                    }
                    yield block.place, message, _("Decide which of the two is right and correct the other.")


def _dangling_reference(spec: Spec) -> Iterator[_Hit]:
    known = {name for clause in spec.clauses for name in (clause.key, clause.number)}
    known |= {clause.number.partition(".")[0] for clause in spec.clauses}
    for clause in spec.clauses:
        for block in clause.blocks:
            named = references(block.text) + references(block.why)
            for written in dict.fromkeys(shown for shown, name in named if name not in known):
                hint = _(
                    "Name a clause that is there; a link to `#clause-` and its key outlasts new numbers."
                )
                yield (
                    block.place,
                    _("%(written)s names no clause of this spec.") % {"written": quoted(written)},
                    hint,
                )


@dataclass(frozen=True)
class _Rule:
    code: str
    severity: Severity
    find: Callable[[Spec], Iterator[_Hit]]
    why: str


_VAGUE_WHY = later("A vague word lets each annotator draw the line elsewhere, and each is right.")
_RULES = (
    _Rule(
        "question-ungoverned",
        "warning",
        _question_ungoverned,
        later("A question without a clause is answered by taste."),
    ),
    _Rule(
        "label-ungoverned",
        "warning",
        _label_ungoverned,
        later("A label that no clause governs is chosen for reasons that nobody wrote down."),
    ),
    _Rule(
        "same-pair",
        "warning",
        _same_pair,
        later("Two clauses that decide the same pair of labels can decide it differently."),
    ),
    _Rule(
        "no-definition",
        "warning",
        _no_definition,
        later("A clause without a rule leaves its examples to be generalised, by each in another way."),
    ),
    _Rule(
        "no-example",
        "warning",
        partial(_without_block, "example"),
        later("Without an example nobody can check that they read the rule as it was meant."),
    ),
    _Rule(
        "no-counter-example",
        "advice",
        partial(_without_block, "counter_example"),
        later("Without a counter-example nobody sees where the rule ends."),
    ),
    _Rule(
        "duplicate-text",
        "warning",
        _duplicates,
        later(
            "Two clauses with the same words or name are cited at random, and drift apart when one is amended."
        ),
    ),
    _Rule(
        "long-clause",
        "advice",
        _long_clause,
        later("Of a very long clause everybody remembers another part."),
    ),
    _Rule("vague-word", "warning", _vague_rule, _VAGUE_WHY),
    _Rule("vague-word", "advice", _vague_heading, _VAGUE_WHY),
    _Rule(
        "undefined-term",
        "warning",
        _undefined_term,
        later("A term that is not defined has the meaning that each reader brings along."),
    ),
    _Rule(
        "negation-pile",
        "advice",
        _negation_pile,
        later("Readers lose count of negations and end on opposite sides."),
    ),
    _Rule(
        "long-sentence",
        "advice",
        _long_sentence,
        later("In a very long sentence it is open which condition belongs to which case."),
    ),
    _Rule(
        "dangling-reference",
        "warning",
        _dangling_reference,
        later("A reference that leads nowhere hides a part of the rule."),
    ),
    _Rule(
        "example-breaks-schema",
        "warning",
        _example_breaks_schema,
        later("An example with a value that cannot be given teaches nothing, or something wrong."),
    ),
    _Rule(
        "example-contradicts",
        "warning",
        _example_contradicts,
        later("The same item with two answers teaches both."),
    ),
    _Rule(
        "example-without-value",
        "advice",
        _example_without_value,
        later("An example without its label leaves open what it is an example of."),
    ),
    _Rule(
        "counter-example-without-why",
        "advice",
        _counter_example_without_why,
        later("A counter-example without a reason can be excluded for the wrong one."),
    ),
)
CODES: dict[str, str] = {rule.code: rule.why for rule in _RULES}
