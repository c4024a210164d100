"""Media of items: what is kept and refused, how rows name it, how it is served."""

from __future__ import annotations

import io
import json
import stat
import wave
import zipfile
from typing import Any

import pytest
from django.db import Error, connection, transaction
from django.test import Client
from PIL import Image

from specs.refusals import Invalid
from tests import cast
from workforce import loading, media
from workforce.models import Item, Load, Media

pytestmark = pytest.mark.django_db


def picture(width: int = 40, height: int = 30, form: str = "PNG") -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(made, form)
    return made.getvalue()


def sound(seconds: float = 0.5) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(b"\x00\x10" * int(8000 * seconds))
    return made.getvalue()


def packed(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in files.items():
            out.writestr(name, data)
    return made.getvalue()


@pytest.fixture
def stage(db: None) -> cast.Stage:
    return cast.stage()


def keep(stage: cast.Stage, data: bytes, name: str = "a.png") -> list[Media]:
    return media.add(project=stage.project, source=io.BytesIO(data), name=name, by=stage.ada)


def load(stage: cast.Stage, *rows: dict[str, Any]) -> Load:
    text = "\n".join(json.dumps(row) for row in rows)
    return loading.load(
        project=stage.project,
        queue=stage.queue,
        source=io.BytesIO(text.encode()),
        name="i.jsonl",
        by=stage.ada,
    )


def test_a_zip_of_pictures_and_sounds_is_kept_under_its_paths(stage: cast.Stage) -> None:
    found = keep(
        stage, packed({"cats/1.png": picture(), "b.jpg": picture(form="JPEG"), "c.wav": sound()}), "x.zip"
    )
    assert [(row.name, row.media_type, row.width, row.seconds) for row in found] == [
        ("cats/1.png", "image/png", 40, None),
        ("b.jpg", "image/jpeg", 40, None),
        ("c.wav", "audio/wav", None, 0.5),
    ]
    again = keep(stage, packed({"cats/1.png": picture()}), "x.zip")
    assert [row.pk for row in again] == [found[0].pk]
    with pytest.raises(Invalid) as refused:
        keep(stage, picture(41), "cats/1.png")
    assert "known with other content" in refused.value.problems[0]["message"]


def test_what_is_no_picture_and_no_sound_is_refused_whole(stage: cast.Stage, settings: Any) -> None:
    settings.MAX_MEDIA_BYTES = 20_000
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("good.png", picture())
        out.writestr("page.png", b"<script>alert(1)</script>")
        out.writestr("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
        out.writestr("false.wav", b"RIFF0000WAVEfmt nonsense")
        out.writestr("bomb.png", b"\x00" * 1_000_000)
        out.writestr(link, "/etc/passwd")
    with pytest.raises(Invalid) as refused:
        keep(stage, made.getvalue(), "x.zip")
    assert [problem["where"] for problem in refused.value.problems] == [
        "page.png",
        "drawing.svg",
        "false.wav",
        "bomb.png",
        "link.png",
    ]
    assert not Media.objects.exists()


@pytest.mark.parametrize(
    "name", ["../a.png", "/a.png", "a/../../b.png", "a\\b.png", "", " a.png", "a\u202eb.png", "x" * 301]
)
def test_names_that_lead_out_are_refused(stage: cast.Stage, name: str) -> None:
    with pytest.raises(Invalid, match="is no name for media"):
        keep(stage, picture(), name)


def test_zips_are_bounded(stage: cast.Stage, settings: Any) -> None:
    settings.MAX_MEDIA_FILES = 2
    with pytest.raises(Invalid, match="more than 2"):
        keep(stage, packed({f"{k}.png": picture() for k in range(3)}), "x.zip")
    with pytest.raises(Invalid, match="cannot be read"):
        keep(stage, packed({"a.png": picture()})[:60], "x.zip")


def test_a_row_names_media_and_keeps_what_they_are(stage: cast.Stage) -> None:
    (kept,) = keep(stage, picture(), "cats/1.png")
    load(stage, {"key": "a", "image": "media:cats/1.png", "text": "media: not a name", "tv": {"media": "TV"}})
    payload = Item.objects.get().payload
    assert payload["image"] == {"media": kept.digest, "type": "image/png", "width": 40, "height": 30}
    assert (payload["text"], payload["tv"]) == ("media: not a name", {"media": "TV"})
    # what an export says of it comes back as the same item, whatever somebody wrote beside the digest
    assert load(stage, {"key": "a", **payload, "image": {"media": kept.digest, "width": 9}}).n_known == 1


def test_a_row_that_names_what_is_not_here_is_a_bad_row(stage: cast.Stage) -> None:
    other = cast.stage("other")
    (foreign,) = keep(other, picture(), "b.png")
    for image in ("media:b.png", {"media": foreign.digest}):
        with pytest.raises(Invalid) as refused:
            load(stage, {"key": "a", "image": image})
        assert "does not have" in refused.value.problems[0]["message"]


def test_it_is_served_as_nothing_but_what_it_is(stage: cast.Stage, client: Client) -> None:
    (kept,) = keep(stage, picture())
    client.login(username="ben", password=cast.PASSWORD)
    reply = client.get(f"/p/rte/media/{kept.digest}")
    assert (reply.status_code, reply["Content-Type"], reply["X-Content-Type-Options"]) == (
        200,
        "image/png",
        "nosniff",
    )
    assert "sandbox" in reply["Content-Security-Policy"]
    cast.stage("other")
    client.login(username="ben-other", password=cast.PASSWORD)
    assert client.get(f"/p/rte/media/{kept.digest}").status_code == 404
    assert client.get(f"/p/other/media/{kept.digest}").status_code == 404


def test_a_part_of_a_sound_is_given_where_a_part_is_asked_for(stage: cast.Stage, client: Client) -> None:
    (kept,) = keep(stage, sound(), "a.wav")
    client.login(username="ben", password=cast.PASSWORD)
    address = f"/p/rte/media/{kept.digest}"
    whole = client.get(address).content
    for asked, part in (
        ("bytes=10-19", slice(10, 20)),
        ("bytes=100-", slice(100, None)),
        ("bytes=5-99999999", slice(5, None)),
    ):
        reply = client.get(address, headers={"range": asked})
        assert (reply.status_code, reply.content) == (206, whole[part])
        start = part.start
        assert reply["Content-Range"] == f"bytes {start}-{start + len(whole[part]) - 1}/{len(whole)}"
    for asked in ("bytes=-5", "bytes=9-3", "bytes=99999999-", "bytes=0-1,4-5", "items=0-1", "bytes=a-b"):
        reply = client.get(address, headers={"range": asked})
        assert (reply.status_code, reply.content) == (200, whole)


def test_it_comes_in_by_page_and_by_rest(stage: cast.Stage, client: Client) -> None:
    client.login(username="ada", password=cast.PASSWORD)
    upload = io.BytesIO(packed({"a.png": picture(), "b.png": b"no"}))
    upload.name = "x.zip"
    refused = client.post("/p/rte/media/", {"file": upload})
    assert refused.status_code == 422
    assert "b.png" in refused.content.decode()
    upload = io.BytesIO(picture())
    upload.name = "a.png"
    assert client.post("/p/rte/media/", {"file": upload}).status_code == 302
    assert "a.png" in client.get("/p/rte/media/").content.decode()
    rest = stage.client(stage.ada)()
    reply = rest.post(
        "/api/v1/projects/rte/media?name=s.wav", sound(), content_type="application/octet-stream"
    )
    assert (reply.status_code, reply.json()[0]["type"], reply.json()[0]["seconds"]) == (201, "audio/wav", 0.5)
    digest = reply.json()[0]["media"]
    assert rest.get(f"/api/v1/projects/rte/media/{digest}")["Content-Type"] == "audio/wav"


def test_the_database_keeps_media_as_they_are(stage: cast.Stage) -> None:
    keep(stage, picture())
    other = cast.stage("other")
    new = (
        "INSERT INTO workforce_media (project_id, name, digest, media_type, width, height, n_bytes, added_by_id) "
        "SELECT project_id, {name}, digest, {type}, {width}, height, 1, {by} FROM workforce_media"
    )
    good = {"name": "'new'", "type": "media_type", "width": "width", "by": "NULL"}
    for broken in (
        "UPDATE workforce_media SET name = 'x'",
        "DELETE FROM workforce_media",
        "TRUNCATE workforce_media",
        new.format(**good | {"name": "name"}),
        new.format(**good | {"name": "''"}),
        new.format(**good | {"type": "'text/html'"}),
        new.format(**good | {"type": "'audio/wav'"}),
        new.format(**good | {"width": "NULL"}),
        new.format(**good | {"by": str(other.ada.pk)}),
    ):
        with connection.cursor() as cursor, pytest.raises(Error), transaction.atomic():
            cursor.execute(broken)
    with connection.cursor() as cursor:
        cursor.execute(new.format(**good))
