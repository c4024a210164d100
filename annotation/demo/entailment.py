"""The entailment spec of the demo: one question, and eight clauses written for the 800 pairs of the data set.

`AMENDED` is the wording that the story's ruling leads to: the clause on common knowledge, which the first version leaves open;
two of its blocks then become a clause of their own, `SPLIT_OFF`.
"""

from __future__ import annotations

from typing import Any

FOLLOWS, NOT = "1", "0"

QUESTION: dict[str, Any] = {
    "key": "entailed",
    "kind": "choice",
    "title": "Does the hypothesis follow from the text?",
    "help": "Judge what the text says, as its reader would.",
    "required": True,
    "labels": [
        {"value": FOLLOWS, "title": "It follows", "shortcut": "1"},
        {"value": NOT, "title": "It does not follow", "shortcut": "2"},
    ],
}


def _governs(*values: str, pair: bool = False) -> list[dict[str, Any]]:
    return [{"question": "entailed", "values": list(values), "pairs": [[NOT, FOLLOWS]] if pair else []}]


CLAUSES: list[dict[str, Any]] = [
    {
        "key": "attentive-reader",
        "section": "The judgement",
        "title": "An attentive reader",
        "blocks": [
            {
                "type": "definition",
                "text": "The hypothesis follows when somebody who reads the text would say that it is *most likely true*. "
                "Strict proof is not asked for.",
            },
            {
                "type": "example",
                "item": "Text: The film was the evening's big winner, bagging the prestigious best picture Oscar. "
                "Hypothesis: The film won an Oscar.",
                "value": FOLLOWS,
                "why": "Nobody who reads the text would doubt it.",
            },
            {
                "type": "counter_example",
                "item": "Text: The company may move to Dublin. Hypothesis: The company moves to Dublin.",
                "value": NOT,
                "why": "The text leaves it open.",
            },
        ],
        "governs": _governs(FOLLOWS),
    },
    {
        "key": "whole-hypothesis",
        "section": "The judgement",
        "title": "The whole hypothesis",
        "blocks": [
            {
                "type": "definition",
                "text": "Every part of the hypothesis has to follow. One detail that the text does not support is enough for "
                "*It does not follow*.",
            },
            {
                "type": "counter_example",
                "item": "Text: Saudi Arabia, the biggest oil producer in the world. "
                "Hypothesis: Saudi Arabia is the world's biggest oil exporter.",
                "value": NOT,
                "why": "Producing is not exporting.",
            },
        ],
        "governs": _governs(NOT),
    },
    {
        "key": "common-knowledge",
        "section": "What may be added",
        "title": "Common knowledge",
        "blocks": [
            {
                "type": "definition",
                "text": "The reader may use what is generally known to get from the text to the hypothesis.",
            },
            {
                "type": "example",
                "item": "Text: She was born in Lyon. Hypothesis: She was born in France.",
                "value": FOLLOWS,
                "why": "That Lyon lies in France is generally known.",
            },
        ],
        "governs": _governs(pair=True),
    },
    {
        "key": "same-claim",
        "section": "What may be added",
        "title": "Other words, same claim",
        "blocks": [
            {
                "type": "definition",
                "text": "A paraphrase follows: active for passive, a name for a description, a general word for a special one.",
            },
            {
                "type": "avoid_when",
                "text": "The hypothesis is more special than the text: *an animal* does not give *a dog*.",
            },
        ],
        "governs": _governs(FOLLOWS),
    },
    {
        "key": "names-and-numbers",
        "section": "What has to agree",
        "title": "Names, dates and numbers",
        "blocks": [
            {
                "type": "definition",
                "text": "Names, dates and numbers of the hypothesis have to be the ones of the text, at the precision that the "
                "hypothesis states.",
            },
            {
                "type": "counter_example",
                "item": "Text: The tally of the film is six Oscars. Hypothesis: Two films won six Oscars.",
                "value": NOT,
                "why": "The text speaks of one film.",
            },
        ],
        "governs": _governs(NOT),
    },
    {
        "key": "who-did-what",
        "section": "What has to agree",
        "title": "Who did what to whom",
        "blocks": [
            {
                "type": "definition",
                "text": "The same words in other roles are another claim: who acts and who is acted upon has to agree.",
            },
        ],
        "governs": _governs(NOT),
    },
    {
        "key": "said-planned-possible",
        "section": "What has to agree",
        "title": "Said, planned, possible",
        "blocks": [
            {
                "type": "definition",
                "text": "What the text reports as said, planned, feared or possible has not happened by that. It follows only "
                "that it was said, planned, feared or possible.",
            },
            {
                "type": "use_when",
                "text": "The text has words such as *said*, *plans to*, *could*, *is expected to*, *denied*.",
            },
        ],
        "governs": _governs(NOT),
    },
    {
        "key": "time",
        "section": "What has to agree",
        "title": "Time",
        "blocks": [
            {
                "type": "definition",
                "text": "The hypothesis is read at the time of the text. What was true before the text's time and ended does not "
                "follow in the present tense.",
            },
        ],
        "governs": _governs(NOT),
    },
]

AMENDED: dict[str, Any] = {
    "title": "Common knowledge",
    "blocks": [
        {
            "type": "definition",
            "text": "The reader may use what *every adult reader* knows: where well-known places lie, what words mean, how days "
            "and families work. What has to be looked up, or is known in one country or trade only, may not be used.",
        },
        {
            "type": "avoid_when",
            "text": "The step from text to hypothesis needs a fact about a person, company or event that is not in the text.",
        },
        {
            "type": "example",
            "item": "Text: She was born in Lyon. Hypothesis: She was born in France.",
            "value": FOLLOWS,
            "why": "Every adult reader knows that Lyon lies in France.",
        },
        {
            "type": "counter_example",
            "item": "Text: The head of Fiat met the minister. Hypothesis: Giovanni Agnelli met the minister.",
            "value": NOT,
            "why": "Who heads the company has to be looked up.",
        },
    ],
    "governs": CLAUSES[2]["governs"],
}

# Which clause decides the items of each sub-task of the data set, for the simulated annotators only.
DECIDES = {
    "CD": "attentive-reader",
    "RC": "common-knowledge",
    "QA": "names-and-numbers",
    "MT": "same-claim",
    "IE": "who-did-what",
    "IR": "whole-hypothesis",
    "PP": "said-planned-possible",
}
AMBIGUOUS = "common-knowledge"
SPLIT_OFF = "looked-up-facts"
SPLIT_TITLE = "Facts that have to be looked up"
SPLIT_BLOCKS = [2, 4]  # of the amended clause: when to avoid it, and the counter-example
