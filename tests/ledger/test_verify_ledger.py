"""`verify_ledger` finds what somebody with the database's own password did."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from portal.ledger.actions import record
from portal.ledger.verbs import Verb


@pytest.fixture
def five_entries(mallory):
    for n in range(5):
        with transaction.atomic():
            record(Verb.ACCOUNT_CREATED, subject=mallory, by=mallory, data={"n": n, "word": "Grüße"})


def tamper(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_entry DISABLE TRIGGER ledger_is_append_only")
        cursor.execute(statement)
        cursor.execute("ALTER TABLE ledger_entry ENABLE TRIGGER ledger_is_append_only")


def test_auditor_verifies_an_untouched_ledger(five_entries, capsys):
    call_command("verify_ledger")

    assert "The ledger holds: 5 entries" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        (
            "UPDATE ledger_entry SET actor_label = 'someone else' WHERE number = 3",
            "The ledger is broken at entry 3: its contents were changed after it was written.",
        ),
        (
            """UPDATE ledger_entry SET data = '{"n": 7, "word": "x"}' WHERE number = 2""",
            "The ledger is broken at entry 2: its contents were changed after it was written.",
        ),
        (
            "DELETE FROM ledger_entry WHERE number = 4",
            "The ledger is broken at entry 4: the entry is missing.",
        ),
        (
            "UPDATE ledger_entry SET previous_hash = repeat('1', 64) WHERE number = 5",
            "The ledger is broken at entry 5: it does not follow the entry before it.",
        ),
    ],
)
def test_auditor_finds_the_first_bad_entry(five_entries, statement, sentence):
    tamper(statement)

    with pytest.raises(CommandError) as caught:
        call_command("verify_ledger")

    assert str(caught.value) == sentence


def test_auditor_verifies_an_empty_ledger(db, capsys):
    call_command("verify_ledger")

    assert "The ledger holds: 0 entries" in capsys.readouterr().out
