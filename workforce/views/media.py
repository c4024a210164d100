"""Pictures and sounds that items show: brought in, listed, served."""

from __future__ import annotations

import re

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from specs import store
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import Project
from specs.paging import newest_first
from specs.refusals import Invalid
from workforce import media as keeping
from workforce.models import Media


class MediaForm(forms.Form):
    file = forms.FileField(
        label=_("File"),
        help_text=_("A picture (PNG, JPEG, WebP, GIF), a sound (WAV, MP3, Ogg, FLAC), or a ZIP of many."),
    )
    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=300,
        help_text=_(
            "What files of items call it; its own name if this is empty. Files of a ZIP keep their paths."
        ),
    )


@require_http_methods(["GET", "POST"])
@page(allows("queue.manage"))
def all_media(request: MemberRequest) -> HttpResponse:
    """What is kept, newest first, and the way to bring in more."""
    form = MediaForm(request.POST or None, request.FILES or None)
    problems: object = ()
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            made = keeping.add(
                project=request.project,
                source=upload.file,
                name=form.cleaned_data["name"] or upload.name,
                by=request.member,
            )
        except Invalid as refusal:
            form.add_error("file", refusal.message)
            problems = refusal.problems
        else:
            messages.success(
                request, ngettext("%d file is kept.", "%d files are kept.", len(made)) % len(made)
            )
            return redirect("workforce:media-all", project=request.project.key)
    shown, further = newest_first(request, Media.objects.filter(project=request.project))
    return render(
        request,
        "workforce/media.html",
        {"form": form, "media": shown, "next": further, "problems": problems},
        status=422 if form.errors else 200,
    )


@require_GET
@page(allows("spec.read"))
def media(request: MemberRequest, digest: str) -> HttpResponse:
    """A kept picture or sound under the type that was decided when it came."""
    return served(digest, request.project, request.headers.get("Range", ""))


def served(digest: str, project: Project, asked: str = "") -> HttpResponse:
    """The bytes, such that a browser takes them for nothing but pixels or sound. Raises `store.Corrupted`.

    *asked* is a `Range`: without answering it no browser moves within a sound. The same bytes may be kept under several names, so
    the project's first row of them answers.
    """
    first = Media.objects.filter(project=project, digest=digest).order_by("pk").values("pk")[:1]
    found = get_or_404(Media, project=project, pk__in=first)
    start, end = _part(asked, found.n_bytes)
    with store.opened(found.digest) as source:
        source.seek(start)
        reply = HttpResponse(source.read(end - start), content_type=found.media_type)
    if (start, end) != (0, found.n_bytes):
        reply.status_code = 206
        reply["Content-Range"] = f"bytes {start}-{end - 1}/{found.n_bytes}"
    reply["Accept-Ranges"] = "bytes"
    reply["X-Content-Type-Options"] = "nosniff"
    reply["Content-Security-Policy"] = "default-src 'none'; sandbox"
    reply["Cache-Control"] = "private, max-age=31536000, immutable"
    return reply


def _part(asked: str, size: int) -> tuple[int, int]:
    """From where to where of *size* bytes, the end excluded; all of them for whatever is no single range within them."""
    found = re.fullmatch(r"bytes=(\d{1,15})-(\d{0,15})", asked)
    if found is None:
        return 0, size
    start, end = int(found[1]), int(found[2]) + 1 if found[2] else size
    return (start, min(end, size)) if start < min(end, size) else (0, size)
