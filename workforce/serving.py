"""What is served with a task, as a claim pins it."""


def digest(item: str = "t.item_id") -> str:
    """SQL: the digest of version `v` with its newest precedents, for *item*; without any, one look into an index.

    The version alone (and its own digest) before an item with a known answer and before the items that precedents come from;
    and, so that this tells nobody which items those are, before a fixed share of all others.
    """
    return f"""coalesce((
                SELECT CASE WHEN {item} = ANY(ps.items) OR mod(hashint8({item}) & 2147483647, 100) < ps.withheld
                              OR EXISTS (SELECT 1 FROM workforce_knownanswer k
                                         WHERE k.item_id = {item} AND k.spec_id = v.spec_id AND k.set_aside_at IS NULL)
                            THEN NULL ELSE ps.digest END
                FROM specs_precedentset ps WHERE ps.version_id = v.id ORDER BY ps.revision DESC LIMIT 1
            ), v.digest)"""
