"""The people of the demo: one log-in per role, and the simulated annotators with their tokens."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db import transaction

from annotation.demo.simulated import CAST
from specs import tokens
from specs.access import permissions_of
from specs.models import Member, Project, Role
from workforce import staffing
from workforce.models import AnnotatorKind

PEOPLE = {
    "ada": [Role.OWNER],
    "edi": [Role.EDITOR, Role.PUBLISHER],
    "lea": [Role.LEAD],
    "max": [Role.MANAGER],
    "ben": [Role.ANNOTATOR],
    "rex": [Role.READER],
}


@dataclass(frozen=True)
class People:
    """Members by user name, and the API secrets made for the story."""

    members: dict[str, Member]
    secrets: dict[str, str]
    password: str


def assemble(project: Project, *, password: str | None = None) -> People:
    """Users, members and tokens of a demo project. The password is drawn, and the same for every log-in of this demo."""
    password = password or f"demo-{secrets.token_hex(4)}"
    hashed = make_password(password)
    members: dict[str, Member] = {}
    made: dict[str, str] = {}
    with transaction.atomic():
        for name, roles in PEOPLE.items():
            user, _ = User.objects.get_or_create(
                username=name, defaults={"email": f"{name}@example.org", "password": hashed}
            )
            members[name] = staffing.add_member(project=project, user=user, roles=roles, by=None)
        for person in CAST:
            user, _ = User.objects.get_or_create(
                username=person.name, defaults={"password": make_password(None)}
            )
            members[person.name] = staffing.add_member(
                project=project, user=user, roles=[Role.ANNOTATOR], by=None
            )
            staffing.annotator_for(member=members[person.name], kind=AnnotatorKind.PERSON)
        for name, member in members.items():
            _, made[name] = tokens.create(
                member=member, name="demo", permissions=permissions_of(member), by=member
            )
    return People(members, made, password)
