"""Triggers of tables that every claim and every answer writes: nobody can switch them off, and nothing is asked first.

A function as `pgtrigger` makes it begins by asking whether its trigger is to be ignored. That is a setting which any session can
make, and looking for it where nobody did is an error caught in a subtransaction: of a claim's and an answer's time in the
database it took as much as all their inserts into indexes.
"""

from __future__ import annotations

import pgtrigger
from django.db import models
from pgtrigger import compiler


class GuardSql(compiler.UpsertTriggerSql):
    """The trigger and its function, which is what was written and nothing before it. Migrations name this class: keep it."""

    def get_template(self) -> str:
        return """
            CREATE OR REPLACE FUNCTION {pgid}() RETURNS TRIGGER AS $$
                {declare}
                BEGIN
                    {func}
                END;
            $$ LANGUAGE plpgsql;

            DROP TRIGGER IF EXISTS {pgid} ON {table};
            CREATE {constraint} TRIGGER {pgid}
                {when} {operation} ON {table}
                {timing}
                {referencing}
                FOR EACH {level} {condition}
                EXECUTE PROCEDURE {execute};

            COMMENT ON TRIGGER {pgid} ON {table} IS '{hash}';
        """


class Guard(pgtrigger.Trigger):
    """A trigger that is made by `GuardSql`."""

    def compile(self, model: models.Model) -> compiler.Trigger:
        compiled = super().compile(model)
        return compiler.Trigger(name=compiled.name, sql=GuardSql(**compiled.sql.kwargs))
