"""API tokens of one's own: shown once, revoked at once."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from specs import tokens as keys
from specs.access import PERMISSIONS, MemberRequest, allows, get_or_404, page
from specs.models import ApiToken
from specs.refusals import Refusal


class TokenForm(forms.Form):
    name = forms.CharField(max_length=100, label=gettext_lazy("What it is for"))
    days = forms.IntegerField(min_value=1, max_value=366, initial=30, label=gettext_lazy("Days it is valid"))
    max_leases = forms.IntegerField(
        min_value=1,
        max_value=keys.MAX_LEASES,
        required=False,
        label=gettext_lazy("Tasks it may hold at once"),
        help_text=gettext_lazy(
            "Empty: as many as its queues allow. Every task that you hold counts, however you took it."
        ),
    )
    permissions = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, label=gettext_lazy("What it may do")
    )

    def __init__(self, *args: object, own: frozenset[str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["permissions"].choices = [(key, text) for key, text in PERMISSIONS.items() if key in own]  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
@page(allows("token.manage"))
def tokens(request: MemberRequest) -> HttpResponse:
    form = TokenForm(request.POST or None, own=request.permissions)
    secret = ""
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        ends = timezone.now() + min(timedelta(days=data["days"]), settings.TOKEN_LIFE)
        try:
            _token, secret = keys.create(
                member=request.member,
                name=data["name"],
                permissions=data["permissions"],
                expires_at=ends,
                max_leases=data["max_leases"],
                by=request.member,
            )
        except Refusal as refusal:
            form.add_error(None, refusal.message)
        else:
            form = TokenForm(own=request.permissions)
    rows = ApiToken.objects.filter(member=request.member).order_by("-pk")[:100]
    return render(
        request,
        "specs/tokens.html",
        {"form": form, "secret": secret, "tokens": rows},
        status=422 if form.errors else 200,
    )


@require_POST
@page(allows("token.manage"))
def revoke(request: MemberRequest, token: int) -> HttpResponse:
    """End one of one's own tokens."""
    keys.revoke(
        token=get_or_404(ApiToken, project=request.project, pk=token, member=request.member),
        by=request.member,
    )
    messages.success(request, _("The token is revoked."))
    return redirect("specs:tokens", project=request.project.key)
