"""Webhooks: who outside is told of what, and what was delivered."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from specs import delivering
from specs.access import MemberRequest, allows, get_or_404, page
from specs.models import Delivery, Subscriber
from specs.paging import newest_first
from specs.refusals import Refusal


class WebhookForm(forms.Form):
    name = forms.CharField(max_length=100, label=gettext_lazy("What it is for"))
    url = forms.CharField(max_length=2000, label=gettext_lazy("Address"), help_text="https://…")
    topics = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, label=gettext_lazy("What it is told of")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["topics"].choices = [  # type: ignore[attr-defined]
            (name, title) for name, title in delivering.TOPICS.items() if name != delivering.PING
        ]


@require_http_methods(["GET", "POST"])
@page(allows("webhook.manage"))
def webhooks(request: MemberRequest) -> HttpResponse:
    form, secret = WebhookForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        try:
            _made, secret = delivering.subscribe(
                project=request.project, by=request.member, **form.cleaned_data
            )
        except Refusal as refusal:
            form.add_error(None, refusal.message)
        else:
            form = WebhookForm()
    deliveries, further = newest_first(
        request,
        delivering.in_line(Delivery.objects.filter(project=request.project)).select_related(
            "subscriber", "member__user"
        ),
    )
    standing, more_webhooks = newest_first(
        request,
        Subscriber.objects.filter(project=request.project, ended_at__isnull=True),
        named="webhooks_before",
    )
    return render(
        request,
        "specs/webhooks.html",
        {
            "form": form,
            "secret": secret,
            "off": not settings.OUTBOUND_HTTP,
            "webhooks": standing,
            "more_webhooks": more_webhooks,
            "now": timezone.now(),
            "deliveries": deliveries,
            "next": further,
        },
        status=422 if form.errors else 200,
    )


@require_POST
@page(allows("webhook.manage"))
def end(request: MemberRequest, webhook: int) -> HttpResponse:
    """Tell an address nothing more."""
    found = get_or_404(Subscriber, project=request.project, pk=webhook)
    delivering.unsubscribe(subscriber=found, by=request.member)
    messages.success(request, _("It is told nothing more."))
    return redirect("specs:webhooks", project=request.project.key)


@require_POST
@page(allows("webhook.manage"))
def replay(request: MemberRequest, webhook: int) -> HttpResponse:
    """Send everything again that an address was told."""
    found = get_or_404(Subscriber, project=request.project, pk=webhook)
    delivering.replay(subscriber=found, after=0, by=request.member)
    messages.success(request, _("It is sent again."))
    return redirect("specs:webhooks", project=request.project.key)


@require_POST
@page(allows("webhook.manage"))
def send_again(request: MemberRequest, delivery: int) -> HttpResponse:
    """Try a delivery again."""
    found = get_or_404(Delivery, project=request.project, pk=delivery)
    delivering.send_again(delivery=found, by=request.member)
    messages.success(request, _("It is sent again."))
    return redirect("specs:webhooks", project=request.project.key)
