"""Which settings of overlap make sense together, said in words beside the setting; and which questions a policy is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from specs import task_types, versions
from specs.wording import percent
from workforce.models import WITHOUT_DISPUTES, OverlapPolicy, Purpose, Queue, Rule

SINGLE_VALUED = ("nominal", "ordinal", "interval")
MAX_DYNAMIC = 10
_HALF, _ALL = Decimal("0.5"), Decimal(1)
_OPEN_SHARES = {"double_share": Decimal(0), "accuracy_target": _HALF, "stop_target": _HALF}
"""Shares above this and below 1."""
_CLOSED_SHARES = {"fair_share": _ALL, "audit_share": _HALF}
"""Shares from 0 to this."""


def can_be_dynamic(question: Mapping[str, Any]) -> bool:
    """Whether the answers to a question have one value each, out of the same few: what annotators' skills can be learnt for."""
    return task_types.get(question["kind"]).level in SINGLE_VALUED and not question.get("options_from")


def not_dynamic(queue: Queue) -> tuple[list[str], list[str]]:
    """Titles of the questions in force that can be settled by skills, and of those that are settled by the share rule instead."""
    questions = versions.read(queue.version_id).questions if queue.version_id else []
    return (
        [question["title"] for question in questions if can_be_dynamic(question)],
        [question["title"] for question in questions if not can_be_dynamic(question)],
    )


def problems(queue: Queue) -> Sequence[dict[str, str]]:
    """What does not make sense, as `{"where": setting, "message": why}`."""
    found: list[dict[str, str]] = []

    def say(where: str, message: str) -> None:
        found.append({"where": where, "message": message})

    if queue.max_overlap < queue.overlap:
        say("max_overlap", _("must be at least the answers per task"))
    for name, low in _OPEN_SHARES.items():
        if not low < Decimal(getattr(queue, name)) < 1:
            say(name, _("lies above %(low)s and below 100%%") % {"low": percent(low, 0)})
    for name, high in _CLOSED_SHARES.items():
        if not 0 <= Decimal(getattr(queue, name)) <= high:
            say(name, _("lies between 0%% and %(high)s") % {"high": percent(high, 0)})
    if Decimal(queue.error_cost) < 0:
        say("error_cost", _("is 0 (not weighed) or more"))
    elif Decimal(queue.error_cost) and queue.overlap_policy != OverlapPolicy.DYNAMIC:
        say("error_cost", _("goes with stopping when the answers are sure enough; leave it at 0"))
    if found:
        return found
    match queue.overlap_policy:
        case OverlapPolicy.FIXED:
            _fixed(queue, say)
        case OverlapPolicy.DOUBLES:
            if queue.overlap != 1:
                say("overlap", _("is 1 where only a share of the tasks is answered twice"))
            if queue.max_overlap < 2:
                say("max_overlap", _("must be at least 2, or no task could have its second answer"))
        case OverlapPolicy.EXPECTED:
            if queue.max_overlap == queue.overlap:
                say(
                    "max_overlap", _("must be above the answers per task, or there is nothing to choose from")
                )
        case OverlapPolicy.DYNAMIC:
            _dynamic(queue, say)
    if queue.overlap_policy != OverlapPolicy.FIXED and queue.purpose in WITHOUT_DISPUTES:
        say("overlap_policy", _("is the same number for every task in a queue of this purpose"))
    return found


def _fixed(queue: Queue, say: Any) -> None:
    if (
        queue.overlap == 1
        and queue.max_overlap > 1
        and queue.rule == Rule.SHARE
        and queue.purpose == Purpose.LABELLING
    ):
        say("max_overlap", _("has no effect with an overlap of 1: one answer never disagrees"))
    if queue.overlap == 2 and queue.max_overlap == 2 and queue.rule == Rule.MAJORITY:
        say(
            "rule",
            _("needs a third answer where two differ: raise the most answers to 3, or ask for unanimity"),
        )


def _dynamic(queue: Queue, say: Any) -> None:
    if queue.overlap < 2:
        say("overlap", _("is at least 2: one answer alone is never sure enough"))
    if queue.max_overlap > MAX_DYNAMIC:
        say(
            "max_overlap",
            _(
                "is at most %(max_dynamic)s where tasks stop by themselves; what is not sure by then is a "
                "dispute"
            )
            % {"max_dynamic": MAX_DYNAMIC},
        )
    elif queue.max_overlap <= queue.overlap:
        say("max_overlap", _("must be above the answers per task, or no task could get one more"))
    elif queue.max_overlap < 3:
        say(
            "max_overlap",
            _("is at least 3, which is what tasks need until enough is known of the annotators"),
        )
    if queue.version_id and not not_dynamic(queue)[0]:
        say(
            "overlap_policy",
            _(
                "is for questions with one value out of a few, and no question in force is one; take a fixed number"
            ),
        )
