"""The first owner of a project, from the command line."""

from __future__ import annotations

import getpass
import secrets
import sys
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from specs.clauses import key_problem
from specs.models import Project, Role
from specs.refusals import Refusal
from workforce import staffing


class Command(BaseCommand):
    help = "Create a user (if missing), a project (if missing), and make the user its owner."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="user name")
        parser.add_argument("--project", required=True, help="the project's key, such as toxicity")
        parser.add_argument("--title", help="the project's name")
        parser.add_argument("--email", default="")
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )
        parser.add_argument("--generate", action="store_true", help="make a password and print it")

    def handle(self, *args: Any, **options: Any) -> None:
        name, key = options["name"], options["project"]
        if key_problem(key) or "." in key:
            raise CommandError("A project's key has lower-case letters, digits and hyphens.")
        try:
            with transaction.atomic():
                user = User.objects.filter(username=name).first()
                if user is None:
                    password = self._password(options)
                    user = User(username=name, email=options["email"])
                    validate_password(password, user)
                    user.set_password(password)
                    user.full_clean(exclude=["password"])
                    user.save()
                project, _ = Project.objects.get_or_create(
                    key=key, defaults={"name": options["title"] or key}
                )
                staffing.add_member(project=project, user=user, roles=[Role.OWNER], by=None)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(
            f"{name} owns {key}. Log in, write a spec, publish it, open a queue and load items."
        )

    def _password(self, options: dict[str, Any]) -> str:
        if options["generate"]:
            password = secrets.token_urlsafe(12)
            self.stdout.write(f"Password: {password}")
            return password
        if options["password_stdin"]:
            return sys.stdin.readline().rstrip("\n")
        if not sys.stdin.isatty():
            raise CommandError("Give the password with --password-stdin, or --generate one.")
        return getpass.getpass("Password: ")
