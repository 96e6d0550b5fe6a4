"""`manage.py create_key`."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from portal.keys.authentication import find_key
from portal.keys.management.commands.create_key import Command
from portal.keys.models import DEVELOPER_SCOPES, ApiKey, Scope


def run(*arguments):
    out = StringIO()
    call_command("create_key", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_the_key_is_the_last_line_and_works(ada):
    token = run("ADA@example.org", "--name", "cluster").splitlines()[-1]

    key = find_key(token, scope=Scope.WEIGHTS)
    assert (key.user, key.name, key.scopes) == (ada, "cluster", ["inference", "weights"])


def test_scopes_can_be_narrowed(ada):
    run("ada@example.org", "--name", "calls", "--scope", "inference")

    assert ApiKey.objects.get().scopes == ["inference"]


def test_an_unknown_address_is_named(db):
    with pytest.raises(CommandError, match=r"There is no account nobody@example\.org"):
        run("nobody@example.org", "--name", "x")


def test_a_refusal_is_told(ada, settings):
    settings.LIVE_KEYS_PER_USER = 0

    with pytest.raises(CommandError, match="as many as one account may have"):
        run("ada@example.org", "--name", "x")


def test_the_help_names_the_scopes_that_a_key_has_by_default():
    told = Command().create_parser("manage.py", "create_key").format_help()

    assert f"by default {' and '.join(DEVELOPER_SCOPES)}." in " ".join(told.split())
