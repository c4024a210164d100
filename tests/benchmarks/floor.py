"""The bare floor: one Django view per verb, one claim statement, one insert; no log-in, no policy, no events, no settling.

What claiming and submitting through the product is measured against, under the same gunicorn settings in the same run.
"""

from __future__ import annotations

import json
import os
from typing import Any

import dj_database_url
import django
from django.conf import settings

if not settings.configured:
    database = dj_database_url.parse(os.environ["FLOOR_DATABASE_URL"], engine="django.db.backends.postgresql")
    settings.configure(
        DEBUG=False,
        SECRET_KEY="floor",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        MIDDLEWARE=[],
        INSTALLED_APPS=[],
        USE_TZ=True,
        DATABASES={"default": {**database, "CONN_MAX_AGE": None}},
    )
    django.setup()

from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

_CLAIM = """
    WITH c AS (SELECT id FROM floor_item i WHERE open > 0 AND rank > %(c)s
               AND NOT EXISTS (SELECT 1 FROM floor_lease a WHERE a.item_id = i.id AND a.user_id = %(u)s)
               ORDER BY rank FOR UPDATE SKIP LOCKED LIMIT 1),
    u AS (UPDATE floor_item SET open = open - 1 FROM c WHERE floor_item.id = c.id RETURNING floor_item.id, payload),
    a AS (INSERT INTO floor_lease (item_id, user_id, lease_until) SELECT id, %(u)s, now() + interval '10 min' FROM u)
    SELECT id, payload::text FROM u
"""
_SUBMIT = """
    WITH u AS (UPDATE floor_lease SET state = 1 WHERE item_id = %(i)s AND user_id = %(u)s AND state = 0 RETURNING item_id)
    INSERT INTO floor_answer (item_id, user_id, label) SELECT item_id, %(u)s, %(l)s FROM u
"""
_cursors: dict[int, int] = {}


def claim(request: HttpRequest) -> HttpResponse:
    user = int(request.GET["u"])
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"u": user, "c": _cursors.get(user, 0)})
        row: Any = cursor.fetchone()
    if row is None:
        _cursors[user] = 0
        return HttpResponse(status=204)
    _cursors[user] = row[0]
    return HttpResponse(f'{{"id": {row[0]}, "payload": {row[1]}}}', content_type="application/json")


def submit(request: HttpRequest) -> HttpResponse:
    body = json.loads(request.body)
    with connection.cursor() as cursor:
        cursor.execute(_SUBMIT, {"i": body["id"], "u": int(request.GET["u"]), "l": body["label"]})
        done = cursor.rowcount
    return HttpResponse(status=201 if done else 409)


urlpatterns = [path("claim", claim), path("submit", submit)]
application = get_wsgi_application()
