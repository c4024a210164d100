"""When an enrolment that was found clear has to be looked at again: triggers on what its clearance rests on.

`Enrolment.cleared_until` says until when a claim need not ask whether its annotator may: skill, language, reading, quiz,
cohort, consequences and exclusions were looked at, and nothing spoke against her. Whatever of these changes, by whichever way,
takes the clearance back in its own transaction. It waits for claims in their locked enrolments, and so does the claim that
gives the clearance: it reads after it has locked (`workforce.entering`).
"""

from __future__ import annotations

import pgtrigger


def ends_clearance(scope: str, *columns: str, inserted: bool = True) -> pgtrigger.Trigger:
    """A row that is written (of a *scope*: annotator, queue or project) has its enrolments looked at again.

    *columns* narrow which updates do; on the row of the annotator or queue itself an insert has none.
    """
    changed = pgtrigger.UpdateOf(*columns) if columns else pgtrigger.Update
    key = "id" if not inserted else f"{scope}_id"
    where = f"{scope}_id = NEW.{key}"
    return pgtrigger.Trigger(
        name="ends_clearance",
        when=pgtrigger.After,
        operation=pgtrigger.Insert | changed if inserted else changed,
        func=f"""
            PERFORM FROM workforce_enrolment WHERE {where} ORDER BY id FOR NO KEY UPDATE;
            UPDATE workforce_enrolment SET cleared_until = NULL WHERE {where};
            RETURN NULL;
        """,  # noqa: S608 (names of columns, from the models)
    )
