"""Who is in the project: members, their roles, and the pseudonyms they answer under."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import Member
from specs.paging import newest_first
from specs.refusals import Invalid, Refusal
from workforce import departing, leasing, staffing, suspending
from workforce.forms.people import AddForm, RolesForm
from workforce.models import Annotator
from workforce.views.queues import put_errors


@require_GET
@page(allows("member.read"))
def people(request: MemberRequest) -> HttpResponse:
    shown, further = newest_first(
        request, Member.objects.filter(project=request.project).select_related("user")
    )
    pseudonyms = dict(Annotator.objects.filter(member__in=shown).values_list("member_id", "pseudonym"))
    rows = [(member, pseudonyms.get(member.pk)) for member in shown]
    return render(request, "workforce/people.html", {"rows": rows, "next": further})


@require_http_methods(["GET", "POST"])
@page(allows("project.manage"))
def add(request: MemberRequest) -> HttpResponse:
    """Add a user; one that does not exist is made with a password that is shown once."""
    form = AddForm(request.POST or None)
    password = ""
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            with transaction.atomic():
                user = User.objects.filter(username=data["username"]).first()
                if user is None:
                    UnicodeUsernameValidator()(data["username"])
                    password = secrets.token_urlsafe(12)
                    user = User.objects.create_user(data["username"], data["email"], password)
                staffing.add_member(
                    project=request.project, user=user, roles=data["roles"], by=request.member
                )
        except ValidationError as error:
            form.add_error("username", error)
        except Invalid as refusal:
            put_errors(form, refusal)
        except Refusal as refusal:
            form.add_error("roles", refusal.message)
        else:
            if password:
                return render(request, "workforce/people_added.html", {"added": user, "password": password})
            messages.success(request, _("%(name)s is a member now.") % {"name": user.get_username()})
            return redirect("workforce:people", project=request.project.key)
    return render(
        request,
        "workforce/people_form.html",
        {"form": form, "title": _("Add a member")},
        status=422 if form.errors else 200,
    )


def _member(request: MemberRequest, number: int) -> Member:
    return get_or_404(Member.objects.select_related("user"), project=request.project, pk=number)


@require_http_methods(["GET", "POST"])
@page(allows("project.manage"))
def roles(request: MemberRequest, member: int) -> HttpResponse:
    found = _member(request, member)
    form = RolesForm(request.POST or None, initial={"roles": found.roles})
    if request.method == "POST" and form.is_valid():
        try:
            staffing.set_roles(member=found, roles=form.cleaned_data["roles"], by=request.member)
        except Refusal as refusal:
            form.add_error("roles", refusal.message)
        else:
            messages.success(request, _("The roles are changed."))
            return redirect("workforce:people", project=request.project.key)
    return render(
        request,
        "workforce/people_form.html",
        {"form": form, "title": _("Roles of %(name)s") % {"name": found}, "member": found},
        status=422 if form.errors else 200,
    )


@require_POST
@page(allows("people.manage"))
def standing(request: MemberRequest, member: int, step: str) -> HttpResponse:
    """Suspend, with a reason; reinstate; remove."""
    found = _member(request, member)
    if step == "suspend":
        suspending.suspend(
            member=found, reason=request.POST.get("reason", ""), until=_until(request), by=request.member
        )
        messages.success(
            request, _("%(name)s is suspended: log-ins and tokens ended, tasks given back.") % {"name": found}
        )
    elif step == "reinstate":
        suspending.lift(member=found, by=request.member)
        messages.success(request, _("%(name)s may work again.") % {"name": found})
    elif step == "remove":
        departing.remove(member=found, by=request.member)
        messages.success(
            request, _("%(name)s is no member any more; what was answered stays.") % {"name": found}
        )
    else:
        raise Http404
    if request.POST.get("next") == "annotator":
        annotator = Annotator.objects.filter(member=found).first()
        if annotator is not None:
            return redirect(
                "annotation:annotator", project=request.project.key, pseudonym=annotator.pseudonym
            )
    return redirect("workforce:people", project=request.project.key)


def _until(request: MemberRequest) -> datetime | None:
    """The end of a suspension, from its length in days; None: until somebody lifts it."""
    days = request.POST.get("days", "")
    if not days:
        return None
    if not (days.isascii() and days.isdigit() and 1 <= int(days[:5]) <= 3650):
        raise Invalid(_("A suspension lasts 1 to 3650 days, or until somebody lifts it."))
    return leasing.database_now() + timedelta(days=int(days))
