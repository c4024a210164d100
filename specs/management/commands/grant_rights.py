"""Give the application's database role what it needs and no more; run as the owner after every migration.

The guards decide: a table whose trigger says append-only gets neither UPDATE nor DELETE, one that is never deleted from gets
no DELETE, and nothing may be truncated. So a new table needs no second list.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection, transaction
from psycopg import sql

_GUARDED = """
    SELECT DISTINCT c.relname, t.tgname LIKE '%%append_only%%'
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND NOT t.tgisinternal
      AND (t.tgname LIKE '%%append_only%%' OR t.tgname LIKE '%%never_deleted%%')
"""


class Command(BaseCommand):
    help = "Grant the application's database role its rights (run as the owner, after migrating)."

    def handle(self, *args: Any, **options: Any) -> None:
        role = sql.Identifier(settings.DATABASE_APP_ROLE)
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in (
                "GRANT USAGE ON SCHEMA public TO {role}",
                "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
                "REVOKE TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES IN SCHEMA public FROM {role}",
                "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
                "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}",
            ):
                cursor.execute(sql.SQL(statement).format(role=role))
            cursor.execute(_GUARDED)
            for table, append_only in cursor.fetchall():
                rights = sql.SQL("UPDATE, DELETE" if append_only else "DELETE")
                cursor.execute(
                    sql.SQL("REVOKE {rights} ON {table} FROM {role}").format(
                        rights=rights, table=sql.Identifier(table), role=role
                    )
                )
        self.stdout.write(f"Rights granted to {settings.DATABASE_APP_ROLE}.")
