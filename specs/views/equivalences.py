"""Meanings of a spec that are measured as one: what is declared, and the form that declares it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from specs import equating
from specs.access import MemberRequest, allows, page
from specs.forms.specs import EquivalenceForm
from specs.models import Equivalence, Spec, SpecVersion
from specs.refusals import Refusal
from specs.views.specs import crumbs, spec_of


@require_GET
@page(allows("agreement.read"))
def equivalences(request: MemberRequest, spec: str) -> HttpResponse:
    """Every meaning with its versions, what was declared about them by whom and why, and the form for who may."""
    return _shown(request, spec_of(request, spec))


@require_POST
@page(allows("spec.publish"))
def declare(request: MemberRequest, spec: str) -> HttpResponse:
    """Two meanings are one from now on."""
    return _step(request, spec, equating.declare, _("Declared. The next measurement counts them together."))


@require_POST
@page(allows("spec.publish"))
def withdraw(request: MemberRequest, spec: str) -> HttpResponse:
    """The two are measured apart again."""
    return _step(request, spec, equating.withdraw, _("Withdrawn. The next measurement counts them apart."))


def _step(request: MemberRequest, key: str, step: Callable[..., Equivalence], done: str) -> HttpResponse:
    found = spec_of(request, key)
    form = _form(request, found, with_reason=step is equating.declare)
    if not form.is_valid():
        return _shown(request, found, form)
    try:
        step(spec=found, by=request.member, **form.said())
    except Refusal as refusal:
        return _shown(request, found, form, refusal)
    messages.success(request, done)
    return redirect("specs:equivalences", project=request.project.key, spec=found.key)


def _form(request: MemberRequest, spec: Spec, *, with_reason: bool) -> EquivalenceForm:
    meanings = [meaning for meaning, _versions in _meanings(spec)]
    return EquivalenceForm(request.POST or None, meanings=meanings, with_reason=with_reason)


def _meanings(spec: Spec) -> list[tuple[int, list[SpecVersion]]]:
    found: dict[int, list[SpecVersion]] = {}
    for version in SpecVersion.objects.published().filter(spec=spec).newest_first():
        found.setdefault(version.meaning or 0, []).append(version)
    return list(found.items())


def _shown(
    request: MemberRequest, spec: Spec, form: EquivalenceForm | None = None, refusal: Refusal | None = None
) -> HttpResponse:
    rows = Equivalence.objects.filter(spec=spec).select_related("declared_by__user", "withdrawn_by__user")
    meanings = _meanings(spec)
    context: dict[str, Any] = {
        "spec": spec,
        "meanings": [
            (
                meaning,
                versions,
                [one for one in equating.together(spec_id=spec.pk, meaning=meaning) if one != meaning],
            )
            for meaning, versions in meanings
        ],
        "rows": rows.order_by("-pk")[:200],
        "form": form or _form(request, spec, with_reason=True),
        "refusal": refusal,
        "crumbs": crumbs(request, spec),
    }
    bad = refusal is not None or bool(form and form.errors)
    return render(request, "specs/equivalences.html", context, status=422 if bad else 200)
