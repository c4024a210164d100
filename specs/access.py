"""Who may what: permissions, roles as default sets of them, and the policy that every route declares.

A route without a policy does not start (`tests/security/test_routes.py` walks the resolver). A project that is missing and
one that is not the caller's answer alike: 404.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, TypeVar

from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from specs import prepared
from specs.columns import Columns
from specs.models import Member, MemberState, Project, Role
from specs.refusals import NotAllowed

PERMISSIONS = {
    "project.manage": gettext_lazy("Change the project and its members"),
    "member.read": gettext_lazy("See members and annotators"),
    "people.manage": gettext_lazy(
        "Change skills, availability and standing of annotators, set rules about them, decide appeals"
    ),
    "spec.read": gettext_lazy("Read specs"),
    "spec.edit": gettext_lazy("Draft specs"),
    "spec.propose": gettext_lazy("Propose drafts for publication, and try them in pilots"),
    "spec.discuss": gettext_lazy("Comment on drafts"),
    "spec.approve": gettext_lazy("Approve proposals"),
    "spec.publish": gettext_lazy("Publish specs and confirm relabelling"),
    "spec.roll-back": gettext_lazy("Move a queue to another published version, and run canaries"),
    "spec.answer": gettext_lazy("Answer questions about clauses"),
    "queue.read": gettext_lazy("See queues"),
    "queue.manage": gettext_lazy("Create and change queues, load items, enrol annotators"),
    "item.read": gettext_lazy("Look for items, see what became of each, and tag them"),
    "gold.manage": gettext_lazy("See and keep known answers, and how people do on them"),
    "work.label": gettext_lazy("Claim tasks and answer them"),
    "thread.write": gettext_lazy(
        "Read and write in the threads of tasks that one has, reviews or decides on"
    ),
    "answer.review": gettext_lazy("Review answers, in review queues that one may work in"),
    "dispute.read": gettext_lazy("See disputes"),
    "dispute.decide": gettext_lazy("Adjudicate"),
    "agreement.read": gettext_lazy("See agreement"),
    "agreement.measure": gettext_lazy("Measure agreement"),
    "snapshot.read": gettext_lazy("See and download snapshots"),
    "snapshot.build": gettext_lazy("Build snapshots"),
    "pay.read": gettext_lazy("See hours, rates and cost"),
    "pay.manage": gettext_lazy("Set rates"),
    "webhook.manage": gettext_lazy("Manage webhooks and see what was delivered"),
    "job.read": gettext_lazy("See background jobs"),
    "token.manage": gettext_lazy("Create API tokens of one's own"),
}

_READ = {"spec.read", "queue.read", "agreement.read", "snapshot.read", "job.read", "token.manage"}
ROLES: dict[str, frozenset[str]] = {
    Role.OWNER: frozenset(PERMISSIONS) - {"work.label"},
    Role.EDITOR: frozenset(
        _READ
        | {
            "item.read",
            "spec.edit",
            "spec.propose",
            "spec.discuss",
            "spec.answer",
            "dispute.read",
            "thread.write",
        }
    ),
    Role.PUBLISHER: frozenset(
        _READ
        | {
            "item.read",
            "spec.discuss",
            "spec.approve",
            "spec.publish",
            "spec.roll-back",
            "spec.answer",
            "dispute.read",
            "thread.write",
        }
    ),
    Role.LEAD: frozenset(
        _READ
        | {
            "item.read",
            "dispute.read",
            "answer.review",
            "thread.write",
            "dispute.decide",
            "member.read",
            "spec.discuss",
            "spec.approve",
            "spec.answer",
            "gold.manage",
        }
    ),
    Role.MANAGER: frozenset(
        _READ
        | {
            "item.read",
            "queue.manage",
            "gold.manage",
            "member.read",
            "people.manage",
            "pay.read",
            "pay.manage",
        }
        | {"agreement.measure", "dispute.read", "spec.discuss", "webhook.manage", "thread.write"}
    ),
    Role.ANNOTATOR: frozenset({"spec.read", "work.label", "answer.review", "thread.write", "token.manage"}),
    Role.READER: frozenset(_READ | {"snapshot.build"}),
}


def permissions_of(member: Member) -> frozenset[str]:
    """What the member's roles allow; nothing while suspended or gone."""
    if member.state != MemberState.ACTIVE:
        return frozenset()
    return frozenset().union(*(ROLES[role] for role in member.roles))


def require(member: Member, permission: str) -> None:
    """The check inside a transition, for callers that came through no route."""
    if permission not in permissions_of(member):
        raise NotAllowed(
            _("This needs the permission: %(permission)s.") % {"permission": PERMISSIONS[permission]}
        )


@dataclass(frozen=True)
class Policy:
    """Who may use a route: everyone, whoever is signed in, or members of the project with a permission."""

    kind: Literal["public", "signed-in", "member"]
    permission: str | None = None


PUBLIC, SIGNED_IN = Policy("public"), Policy("signed-in")


def allows(permission: str) -> Policy:
    """The policy "members with this permission"."""
    if permission not in PERMISSIONS:
        raise ValueError(f"{permission} is no permission")
    return Policy("member", permission)


class MemberRequest(HttpRequest):
    """A request that passed a member policy."""

    project: Project
    member: Member
    permissions: frozenset[str]
    user: User


View = Callable[..., HttpResponse]
V = TypeVar("V", bound=View)


Enter = Callable[[Any, Any, dict[str, Any]], None]
"""Binds a request of a user to project and member; takes `project` out of what its address names."""


def page(policy: Policy, *, by: Enter | None = None) -> Callable[[View], View]:
    """Declare a page's policy and enforce it before the view runs. *by* is how members come in, where not by `enter` alone."""
    entering = by or enter_project

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
            if policy.kind != "public" and not request.user.is_authenticated:
                return redirect(f"/accounts/login/?{urlencode({'next': request.get_full_path()})}")
            if policy.kind == "member":
                entering(request, request.user, kwargs)
                if policy.permission not in request.permissions:
                    raise PermissionDenied
            return view(request, *args, **kwargs)

        guarded.policy = policy  # type: ignore[attr-defined]  # read by the test that walks the resolver
        return guarded

    return decorate


MEMBER, PROJECT = Columns(Member, "m"), Columns(Project, "p")
ENTERS = "p.key = %(project)s AND m.user_id = %(user)s::bigint AND m.state = 'active'"
"""Which member `m` of which project `p` comes in."""
_ENTER = f"""
    SELECT {MEMBER.sql}, {PROJECT.sql} FROM specs_member m JOIN specs_project p ON p.id = m.project_id WHERE {ENTERS}
"""


def enter(request: Any, user: Any, project_key: str) -> None:
    """Bind the request to the project and the caller's membership in it, or answer as if there were no such project."""
    found = prepared.run(_ENTER, {"project": project_key, "user": user.pk})
    if not found:
        raise Http404
    bind(request, user, found[0])


def enter_project(request: Any, user: Any, named: dict[str, Any]) -> None:
    enter(request, user, named.pop("project"))


def bind(request: Any, user: Any, row: Sequence[Any]) -> None:
    """Bind the request to the member and the project that a row has, as `MEMBER` and `PROJECT` name them."""
    member = MEMBER.instance(row[: len(MEMBER)])
    member.project, member.user = PROJECT.instance(row[len(MEMBER) :]), user
    request.project, request.member, request.permissions = member.project, member, permissions_of(member)


Row = TypeVar("Row", bound=models.Model)


def get_or_404(rows: models.QuerySet[Row] | type[Row], *, project: Project, **keys: Any) -> Row:
    """The one row of this project with these keys; a row of another project is as missing as none."""
    queryset: models.QuerySet[Row] = rows._default_manager.all() if isinstance(rows, type) else rows
    try:
        return queryset.get(project_id=project.pk, **keys)
    except (ObjectDoesNotExist, ValueError, OverflowError) as error:
        raise Http404 from error
