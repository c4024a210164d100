"""Bodies that schemathesis makes are JSON that every language and the database read alike; others are tested elsewhere."""

from __future__ import annotations

from typing import Any

import schemathesis

from specs import canonical


@schemathesis.hook
def filter_body(context: Any, body: Any) -> bool:
    if isinstance(body, (dict, list)):
        try:
            canonical.dumps(body)
        except (canonical.NotCanonical, TypeError):
            return False
    return True
