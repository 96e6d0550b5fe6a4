"""`manage.py create_key EMAIL --name NAME`: makes an API key and prints it once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.keys import actions
from portal.keys.models import DEVELOPER_SCOPES, Scope


class Command(BaseCommand):
    """Create an API key for an account."""

    help = "Create an API key for the account EMAIL and print it once, on the last line of the output."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the account, the key's name and its scopes."""
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--name", required=True, help="What the key is for, as its owner will read it.")
        parser.add_argument(
            "--scope",
            action="append",
            choices=Scope.values,
            dest="scopes",
            help=f"May be given more than once; by default {' and '.join(DEVELOPER_SCOPES)}.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the key alone on stdout, and what to know about it on stderr."""
        email = options["email"]
        user = User.objects.filter(email__iexact=email).first()
        if user is None:
            raise CommandError(
                f"There is no account {email}. Sign up at /accounts/signup/ first, or check the spelling."
            )
        name = options["name"].strip()[:80] or "created at the command line"
        try:
            created = actions.create(user, name=name, scopes=options["scopes"] or DEVELOPER_SCOPES, by=None)
        except Refusal as refusal:
            raise CommandError(f"No key for {user.email}: {refusal}") from refusal
        scopes = " and ".join(created.key.scopes)
        self.stderr.write(f"A key for {user.email} with {scopes}. It cannot be shown again:")
        self.stdout.write(created.token)
