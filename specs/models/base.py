"""What every table shares: the project boundary, and the guards that the database keeps.

A link between two rows of a project is a *composite* foreign key `(project_id, x_id) -> parent (project_id, id)`, so that a
link across projects cannot exist, whatever the code above does. Django has no such key, so a link is declared twice: a
`ProjectLink` field (for the ORM, without a constraint of its own) and `same_project(...)` among the model's constraints, or
among its triggers by `LinkedAtOnce`. `tests/test_architecture.py` fails when one of the two is missing.
"""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.db import models
from django.db.models.constraints import BaseConstraint


class ProjectLink(models.ForeignKey):
    """A link to a row of the same project. Never cascades, has no index and no constraint unless the model declares one."""

    def __init__(self, to: Any, on_delete: Any = models.PROTECT, **kwargs: Any) -> None:
        kwargs["db_constraint"] = False
        kwargs.setdefault("db_index", False)
        kwargs.setdefault("related_name", "+")
        super().__init__(to, on_delete, **kwargs)


class SameProject(BaseConstraint):
    """The composite foreign key behind a `ProjectLink`: `(project_id, *columns) -> table (project_id, *keys)`."""

    def __init__(
        self, *, name: str, columns: tuple[str, ...], table: str, keys: tuple[str, ...] = ("id",)
    ) -> None:
        super().__init__(name=name)
        self.columns, self.table, self.keys = tuple(columns), table, tuple(keys)

    def constraint_sql(self, model: Any, schema_editor: Any) -> str:
        quote = schema_editor.quote_name
        here = ", ".join(quote(column) for column in ("project_id", *self.columns))
        there = ", ".join(quote(key) for key in ("project_id", *self.keys))
        return f"CONSTRAINT {quote(self.name)} FOREIGN KEY ({here}) REFERENCES {quote(self.table)} ({there})"

    def create_sql(self, model: Any, schema_editor: Any) -> str:
        return f"ALTER TABLE {schema_editor.quote_name(model._meta.db_table)} ADD {self.constraint_sql(model, schema_editor)}"

    def remove_sql(self, model: Any, schema_editor: Any) -> str:
        quote = schema_editor.quote_name
        return f"ALTER TABLE {quote(model._meta.db_table)} DROP CONSTRAINT {quote(self.name)}"

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: Any = None) -> None:
        """Left to the database, which alone can hold it against a concurrent writer."""

    def deconstruct(self) -> Any:
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "columns": self.columns, "table": self.table, "keys": self.keys}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SameProject) and self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        return hash(self.name)


def by_index(checks: str) -> dict[str, Any]:
    """What a trigger after a statement is made of whose *checks* find their rows by an index, whatever its session saw before.

    A plan is made at the first call and kept. Where a table had a page by then, the plan would be to read all of it, for every
    row, also when the next statement has put a million there.
    """
    return {
        "declare": [("was", "text := current_setting('enable_seqscan')")],
        "func": f"""
            PERFORM set_config('enable_seqscan', 'off', true);
            {checks.strip()}
            PERFORM set_config('enable_seqscan', was, true);
            RETURN NULL;
        """,
    }


class LinkedAtOnce(pgtrigger.Trigger):
    """Composite keys of a table that is written by the million: parents are looked up once per statement, not once per row.

    PostgreSQL looks up and locks the parent of every single row, which was half of what a load of items cost. This holds the
    same rule as long as the columns are `frozen`, and the parents never go and keep their keys (`tests/test_architecture.py`).
    A subquery per parent, and no join: its plan has to be right for one row and for 30,000.
    """

    def __init__(self, *links: SameProject) -> None:
        self.links = links
        super().__init__(
            name="linked_at_once",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            referencing=pgtrigger.Referencing(new="fresh"),
            **by_index("\n".join(map(self._check, links))),
        )

    def _check(self, link: SameProject, also: str = "") -> str:
        """*also* is more that holds of the parent `p`."""
        pairs = zip(("project_id", *link.columns), ("project_id", *link.keys), strict=True)
        there = " AND ".join(f"p.{key} = f.{column}" for column, key in pairs)
        known = " AND ".join(f"{column} IS NOT NULL" for column in link.columns)
        return f"""
            IF EXISTS (SELECT 1 FROM (SELECT DISTINCT project_id, {", ".join(link.columns)} FROM fresh WHERE {known}) f
                       WHERE NOT coalesce((SELECT true FROM {link.table} p WHERE {there}{also}), false)) THEN
                RAISE EXCEPTION '% leads to no row of % in its project', TG_TABLE_NAME, '{link.table}'
                    USING ERRCODE = 'foreign_key_violation', CONSTRAINT = '{link.name}';
            END IF;"""  # noqa: S608 (names of tables and columns, from the models)


def project_key(prefix: str, *extra: str) -> models.UniqueConstraint:
    """The key that composite links point at; *extra* columns let a link hold a copied column true as well."""
    suffix = "_".join(("project", *extra, "key"))
    return models.UniqueConstraint(fields=["project", *extra, "id"], name=f"{prefix}_{suffix}")


def same_project(prefix: str, **links: str) -> list[SameProject]:
    """One composite key per link: `same_project("task", item="workforce_item")`."""
    return [
        SameProject(name=f"{prefix}_{field}_same_project", columns=(f"{field}_id",), table=table)
        for field, table in links.items()
    ]


def one_of(prefix: str, field: str, choices: type[models.TextChoices]) -> models.CheckConstraint:
    """The column holds one of the choices: Django checks them in forms only."""
    return models.CheckConstraint(
        condition=models.Q(**{f"{field}__in": choices.values}), name=f"{prefix}_{field}_known"
    )


def no_truncate() -> pgtrigger.Trigger:
    """TRUNCATE passes by row triggers, so it is refused by a statement trigger."""
    return pgtrigger.Trigger(
        name="no_truncate",
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Truncate,
        func="RAISE EXCEPTION '% is not emptied', TG_TABLE_NAME;",
    )


def append_only() -> list[pgtrigger.Trigger]:
    """Rows are inserted once: UPDATE, DELETE and TRUNCATE are refused, for the owner of the table as well."""
    return [
        pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        no_truncate(),
    ]


def never_deleted() -> list[pgtrigger.Trigger]:
    """Rows change state but stay: what was answered hangs on them."""
    return [
        pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete),
        no_truncate(),
    ]


def transitions(
    *allowed: tuple[str, str], field: str = "state", kind: type[pgtrigger.Trigger] = pgtrigger.Trigger
) -> pgtrigger.Trigger:
    """A state machine in the database: any step that is not named here is refused. *kind*: `Guard`, where all the work passes.

    The steps stand in the function, which is compiled once per session; the condition of a trigger is read anew by every
    statement, which for a dozen steps costs more than the update.
    """
    steps = " OR ".join(f"(OLD.{field} = '{old}' AND NEW.{field} = '{new}')" for old, new in allowed)
    return kind(
        name=f"{field}_steps",
        when=pgtrigger.Before,
        operation=pgtrigger.UpdateOf(field),
        func=f"""
            IF OLD.{field} IS DISTINCT FROM NEW.{field} AND NOT ({steps}) THEN
                RAISE EXCEPTION '% does not go from % to %', TG_TABLE_NAME, OLD.{field}, NEW.{field}
                    USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_{field}_steps';
            END IF;
            RETURN NEW;
        """,
    )


def kept_key() -> pgtrigger.Trigger:
    """The row keeps its number and its project; unlike `frozen` ones they may be written again as they are."""
    return pgtrigger.Protect(
        name="kept_key",
        operation=pgtrigger.UpdateOf("id", "project_id"),
        condition=pgtrigger.Condition("OLD.id <> NEW.id OR OLD.project_id <> NEW.project_id"),
    )


def frozen(*fields: str, name: str = "frozen") -> pgtrigger.Trigger:
    """The columns are written once, at insertion."""
    return pgtrigger.Protect(name=name, operation=pgtrigger.UpdateOf(*fields))


class ProjectRow(models.Model):
    """A row inside a project.

    The link to the project has no index (every index that matters starts with something narrower) and no constraint where a
    composite link already proves it: a plain key would make all writers of a project lock one and the same row.
    """

    project = models.ForeignKey("specs.Project", models.PROTECT, related_name="+", db_index=False)

    class Meta:
        abstract = True


class BusyProjectRow(models.Model):
    """A row inside a project on a hot path: at least one composite link proves the project."""

    project = models.ForeignKey(
        "specs.Project", models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )

    class Meta:
        abstract = True
