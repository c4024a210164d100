"""Two questions of whoever runs the service: is the process alive, and may it be given work?"""

from __future__ import annotations

import psycopg
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from psycopg_pool import PoolTimeout

from specs import pooling
from specs.access import PUBLIC, page


@page(PUBLIC)
def alive(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@page(PUBLIC)
def ready(request: HttpRequest) -> HttpResponse:
    """200 when an answer would be stored now; 503 when the database is away or takes no writes."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool")
            row = cursor.fetchone()
    except (DatabaseError, psycopg.Error, PoolTimeout):
        pooling.drop_broken()
        return HttpResponse("the database does not answer\n", status=503, content_type="text/plain")
    if row is None or row[0]:
        return HttpResponse("the database takes no writes\n", status=503, content_type="text/plain")
    return HttpResponse("ok\n", content_type="text/plain")
