"""How `specs.linting` reads words: what is vague, what is only mentioned, what is a term and where it is defined. Pure.

Every function is linear in the text, whatever it contains: authors paste documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from specs.wording import later


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_LIST = later("List what belongs to it, or name what all of it has in common.")
_OFTEN = later("Say in which cases it holds and what to do in the others.")
_JUDGE = later("Name the test that two people would carry out alike.")
_COUNT = later("Give the number, or the smallest that is enough.")
_READER = later("What is plain to its author is not so to each reader: say by what one sees it.")
_WHEN = later("Name the condition: when it is needed, and when not.")
_CHOOSE = later("Say which of the two, or write “one or both”.")
_MUST = later("Say what has to be done; put what is only advised into a note.")

VAGUE = {
    "etc.": _LIST,
    "and so on": _LIST,
    "and so forth": _LIST,
    "and the like": _LIST,
    "or similar": _LIST,
    "usually": _OFTEN,
    "often": _OFTEN,
    "sometimes": _OFTEN,
    "generally": _OFTEN,
    "in general": _OFTEN,
    "normally": _OFTEN,
    "typically": _OFTEN,
    "mostly": _OFTEN,
    "in most cases": _OFTEN,
    "as a rule": _OFTEN,
    "frequently": _OFTEN,
    "occasionally": _OFTEN,
    "rarely": _OFTEN,
    "as appropriate": _WHEN,
    "where appropriate": _WHEN,
    "if appropriate": _WHEN,
    "appropriate": _JUDGE,
    "appropriately": _JUDGE,
    "if necessary": _WHEN,
    "where necessary": _WHEN,
    "as necessary": _WHEN,
    "as needed": _WHEN,
    "if possible": _WHEN,
    "where possible": _WHEN,
    "reasonable": _JUDGE,
    "reasonably": _JUDGE,
    "suitable": _JUDGE,
    "adequate": _JUDGE,
    "sufficiently": _JUDGE,
    "significant": _JUDGE,
    "significantly": _JUDGE,
    "substantially": _JUDGE,
    "relevant": _JUDGE,
    "somewhat": _JUDGE,
    "fairly": _JUDGE,
    "more or less": _JUDGE,
    "common sense": _JUDGE,
    "some": _COUNT,
    "several": _COUNT,
    "various": _COUNT,
    "a few": _COUNT,
    "numerous": _COUNT,
    "and/or": _CHOOSE,
    "may or may not": _WHEN,
    "should probably": _MUST,
    "probably": _MUST,
    "perhaps": _MUST,
    "maybe": _MUST,
    "obvious": _READER,
    "obviously": _READER,
    "clearly": _READER,
    "of course": _READER,
}

# A text that says what happens when two clauses meet uses one of these.
TIE_BREAKS = (
    "takes precedence",
    "take precedence",
    "has precedence",
    "takes priority",
    "has priority",
    "wins over",
    "wins",
    "overrides",
    "override",
    "outranks",
    "in case of doubt",
    "when in doubt",
    "if in doubt",
    "prefer",
    "preferred",
    "tie",
    "tie-break",
    "tie-breaker",
)

NEGATIONS = frozenset({"not", "no", "never", "unless", "without", "except", "cannot", "nor"})

# Written in bold, italics or capitals for stress; none of them is a term by itself.
STRESS = _set(
    """
    a about after again all also although always an and annotate another any are as at at-all avoid be because before
    best both but by can cannot caution choose different do does don't don’t each either else entire especially even
    every exact exactly example examples exception exceptions first following for from here how however if immediately
    important in including instead into is it its just label last least less main may maximum minimum more most must
    need never new next no none nor not note of on once one only or other otherwise own per please possible read
    really regardless same second see should single so still stop strictly such text than that the their them then
    there these they third this those three tip to too two unless until use very warning was what when where whether
    which who whole whose why will with within without yes you your
    """
)

KNOWN_ACRONYMS = _set(
    """
    AD AI AIDS AKA AM API ASAP ASCII ATM BBC BC BCE BIT BMI BSc CC CD CE CEO CET CFO CIA CM CNN COVID CPU CSS CSV CTO
    CV DIY DJ DNA DOB DOI DVD EDT EEA EG EMAIL EN EST ET EU EUR FAQ FBI FIFA FR FYI GB GBP GDP GIF GMT GPS GPU HIV HR
    HTML HTTP HTTPS IBM ID IE IMF IP IQ ISBN ISO ISSN IT JPEG JPG JPY JSON KB KG KM LA LED LGBT MA MB MD MIT MM MP
    MPEG MRI MSC NASA NATO NB NBA NGO NHL NO NY NYC OECD OK OPEC PC PDF PHD PIN PM PNG PS QA QR RAM RNA RSVP SIM SMS
    SOS SQL SUV SVG TB TBD TV TXT UFO UK UN UNESCO UNICEF URI URL US USA USB USD UTC UTF VAT VIP VS WHO WIFI WW WWW
    XML YAML ZIP
    """
)

# What is quoted or code is mentioned, not said; link targets are nobody's words. Each alternative stops at the next opening
# mark or the end of the paragraph, so that unclosed marks cost linear time.
_MENTIONED = re.compile(
    r"""^[ ]{0,3}```.*?(?:^[ ]{0,3}```|\Z)
    | (?<!`)(`{1,3})(?!`)(?:(?!\n[ \t]*\n).)*?(?<!`)\1(?!`)
    | "(?:[^"\n]|\n(?![ \t]*\n))*+"
    | [“„](?:[^“”„\n]|\n(?![ \t]*\n))*+[”“]
    | «[^«»]*+» | ‘[^‘’\n]*+’
    | (?<=\])\([^()\s]*+\) | https?://\S++""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)


def prose(text: str) -> str:
    """The text without what it only mentions: quotations, code, link targets."""
    return _MENTIONED.sub(" ", text)


def normal(text: str) -> str:
    """The text as it compares: case and white space folded."""
    return " ".join(text.casefold().split())


def quoted(words: str, length: int = 60) -> str:
    flat = " ".join(words.split())
    return f"“{flat}”" if len(flat) <= length else f"“{flat[: length - 1].rstrip()}…”"


_TIES = re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(words) for words in TIE_BREAKS)})(?!\w)")
_VAGUE = re.compile(
    rf"(?<![\w-])(?:{'|'.join(re.escape(w.rstrip('.')) for w in sorted(VAGUE, key=len, reverse=True))})(?![\w-])"
)


def breaks_ties(text: str) -> bool:
    """Whether the text (`normal`) says which of two rules counts."""
    return _TIES.search(text) is not None


def vague(text: str) -> list[str]:
    """The keys of `VAGUE` that the prose uses, each once."""
    found = dict.fromkeys(_VAGUE.findall(" ".join(prose(text).lower().split())))
    return [word if word in VAGUE else f"{word}." for word in found]


_SENTENCE_END = re.compile(r"(?<![.!?])[.!?]++[”\"’')*_]{0,4}\s|\n[ \t]*\n|\n[ \t]*(?:[-*+|#>]|\d{1,3}[.)])")
_WORD = re.compile(r"[^\W\d_]++(?:['’][^\W\d_]++)?")


def sentences(text: str) -> list[str]:
    """The text cut at full stops, blank lines and items of lists; an abbreviation may cut too early."""
    return [sentence for sentence in _SENTENCE_END.split(text) if sentence.strip()]


def negations(sentence: str) -> list[str]:
    words = (word.casefold().replace("’", "'") for word in _WORD.findall(sentence))
    return [word for word in words if word in NEGATIONS or word.endswith("n't")]


_CLAUSE_NUMBER = re.compile(r"(?:§{1,2}\s?|\bclauses?\s)(\d{1,4}(?:\.\d{1,4})*)(?!\w)", re.IGNORECASE)
_CLAUSE_KEY = re.compile(
    r"#clause-([a-z0-9]+(?:[-_.][a-z0-9]+)*)"
    r"|(?i:\b(?:see|also|cf\.?|under|by|per|to|over)\s(?:the\s)?clause)\s"
    r"(?:[*_“\"]{0,3}([a-z0-9]++(?:[-_.][a-z0-9]++)+)|`([^`\s]++)`)"
)
_STATUTE_BEFORE = ("U.S.C.", "USC", "CFR", "C.F.R.", "Code", "Act", "StGB", "BGB")
_STATUTE_AFTER = re.compile(r"\s?(?:Abs|Satz|Nr|of (?:the|an?)\s(?!spec|guideline)|[A-Z]\w{0,9}[A-Z])")


def references(text: str) -> list[tuple[str, str]]:
    """`(as written, number or key)` of each clause that the text names. A paragraph of a law is none."""
    found = []
    spoken = prose(text)
    for match in _CLAUSE_NUMBER.finditer(spoken):
        before = spoken[max(0, match.start() - 12) : match.start()].rstrip()
        if not before.endswith(_STATUTE_BEFORE) and not _STATUTE_AFTER.match(spoken, match.end()):
            found.append((match[0], match[1]))
    named = _CLAUSE_KEY.finditer(text)
    return found + [(match[0], match[1] or match[2] or match[3]) for match in named]


# --- terms

_EMPHASIS = re.compile(r"(?<![*_\w])(\*{1,3}|_{1,3})(?=[^\s*_])([^*_\n]{1,80})(?<!\s)\1(?![*_\w])")
_DETERMINER = re.compile(r"\b(?:the|an?|each|every|any|this|that|these|those|its|one|two)\s$", re.IGNORECASE)
_CAPITALISED = re.compile(
    r"\b(?:[Aa]n?|[Ee]ach|[Ee]very|[Aa]ny|[Aa]ll|[Bb]oth|[Tt]hese|[Tt]hose)\s"
    r"([A-Z][a-zß-ÿ]{1,40}(?:\s[A-Z][a-zß-ÿ]{1,40}){1,3})(?!\w|[’'])"
)
# Next to another word in capitals it is shouting.
_ACRONYM = re.compile(r"(?<![A-Z]{2}\s)(?<![\w.&/-])([A-Z]{2,6})(?=s?(?![\w&/-]))(?!s?\s[A-Z]{2,})")
_DEFINING = frozenset({"is", "are", "means", "mean", "denotes", "denote", "designates", "—", "–", "="})
_DEFINING_TWO = frozenset({("stands", "for"), ("stand", "for"), ("refers", "to"), ("refer", "to")})
_NAMING = frozenset({"called", "termed", "named", "call"})
_ARTICLES = frozenset({"a", "an", "the"})


def terms(text: str) -> list[str]:
    """What the prose uses as a term: bold, italic behind a determiner, Capitalised Words, acronyms; each once."""
    lines = prose(text).splitlines()
    plain = "\n".join(lines).replace("*", "").replace("_", " ")
    found = [term for line in lines for term in _emphasised(line)]
    found += [" ".join(match[1].split()) for match in _CAPITALISED.finditer(plain)]
    found += [match[1] for match in _ACRONYM.finditer(plain) if not _is_no_acronym(match[1])]
    return list(dict.fromkeys(found))


def _emphasised(line: str) -> Iterator[str]:
    """Italic is more often stress or a mention than a term; a determiner before it tells."""
    for match in _EMPHASIS.finditer(line):
        term, words = match[2].strip(), match[2].split()
        is_bold, before = len(match[1]) > 1, line[max(0, match.start() - 10) : match.start()]
        is_heading = line.strip("*_-+#> \t0123456789.") == term
        is_term = len(words) <= 4 and term[-1].isalnum() and not STRESS.issuperset(term.casefold().split())
        if is_term and not is_heading and not term.isdigit() and (is_bold or _DETERMINER.search(before)):
            yield term


def _is_no_acronym(word: str) -> bool:
    return word in KNOWN_ACRONYMS or word.casefold() in STRESS or not word.strip("IVXLC")


def defined(text: str) -> Iterator[str]:
    """The `term_key` of whatever the text may define: up to five words before `is`, `means`, `(ACRONYM)`, after `called`."""
    words = text.split()
    bare = [word.strip("*_\"“”‘’'`,.;:()[]").casefold() for word in words]
    for at, word in enumerate(words):
        following = bare[at + 1] if at + 1 < len(words) else ""
        if bare[at] in _DEFINING or word in _DEFINING or (bare[at], following) in _DEFINING_TWO:
            yield from _endings(bare[max(0, at - 6) : at])
        elif word.startswith("(") or (word.endswith((":", ":**", ":*")) and ("*" in word or "_" in word)):
            yield bare[at]
            yield from _endings(bare[max(0, at - 5) : at + (word[0] != "(")])
        elif bare[at] in _NAMING or (bare[at], following) == ("known", "as"):
            yield from _beginnings(bare[at + 1 : at + 8])
        if following and words[at + 1].startswith("(") and word.isupper():
            yield bare[at]


def _endings(words: list[str]) -> Iterator[str]:
    if words and words[-1] == "we":
        words = words[:-1]
    return (term_key(" ".join(words[start:])) for start in range(len(words)))


def _beginnings(words: list[str]) -> Iterator[str]:
    return (
        term_key(" ".join(words[start:end]))
        for start in range(min(3, len(words)))
        for end in range(start + 1, min(start + 5, len(words)) + 1)
    )


def term_key(term: str) -> str:
    """The term as it compares: folded, without article, in the singular of most nouns."""
    words = normal(term).replace("_", " ").split()
    words = words[1:] if len(words) > 1 and words[0] in _ARTICLES else words
    return " ".join([*words[:-1], _singular(words[-1])]) if words else ""


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return (
        word[:-1] if word.endswith("s") and len(word) > 3 and not word.endswith(("ss", "us", "is")) else word
    )
