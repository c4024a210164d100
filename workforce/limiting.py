"""How many tasks an API token lets its holder have at once.

Counted are the live leases of the annotator, however she took them; with as many as the token names, no claim by it takes more.
What she holds already is served again as ever. A token is locked while something is claimed by it, so that claims in several
queues at the same moment do not pass its limit together; a token without one costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.utils.translation import gettext as _

from specs import prepared
from specs.refusals import Refusal
from specs.tokens import Bearer
from workforce.models import Annotator

_LOCK = "SELECT id FROM specs_apitoken WHERE id = %(token)s::bigint FOR NO KEY UPDATE"
_HELD = """
    SELECT count(*) FROM workforce_assignment
    WHERE annotator_id = %(annotator)s::bigint AND state = 'leased' AND lease_until > statement_timestamp()
"""


class TokenFull(Refusal):
    code = "token-leases"
    status = 429


@contextmanager
def within(*, bearer: Bearer, annotator: Annotator) -> Iterator[int | None]:
    """What is leased inside stays within the token's limit, or none of it happens: `TokenFull`. Gives the room there is.

    None: no limit. A refusal inside is raised at the end, so that what it left behind on purpose stays.
    """
    if bearer.max_leases is None:
        yield None
        return
    refused: Refusal | None = None
    with transaction.atomic():
        prepared.run(_LOCK, {"token": bearer.token_id})
        before = _held(annotator)
        try:
            yield max(0, bearer.max_leases - before)
        except Refusal as refusal:
            refused = refusal
        else:
            if before < (now := _held(annotator)) and now > bearer.max_leases:
                raise full(bearer)
    if refused is not None:
        raise refused


def full(bearer: Bearer) -> TokenFull:
    return TokenFull(
        _("This token lets you hold %(max_leases)s tasks at once, and you do; submit or release one first.")
        % {"max_leases": bearer.max_leases},
        limit=bearer.max_leases,
    )


def _held(annotator: Annotator) -> int:
    ((n_held,),) = prepared.run(_HELD, {"annotator": annotator.pk})
    return int(n_held)
