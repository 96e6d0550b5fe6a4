"""The stock client administers the requests for a model: it lists, accepts, rejects, grants."""

import pytest

from tests.clients.conftest import MODEL

pytestmark = [pytest.mark.live, pytest.mark.django_db]


def names(said):
    return {one["username"] for one in said["value"]}


def test_a_reviewers_script_works_through_the_queue(client, world):
    one, two, guest = (f"{role}-{client.generation}" for role in ("asks", "waits", "guest"))
    reason = {"rejection_reason": "Say what you need it for."}
    before, _, _, _, pending, accepted, rejected = client.calls(
        ("list_pending_access_requests", [MODEL]),
        ("accept_access_request", [MODEL, one]),
        ("reject_access_request", [MODEL, two], reason),
        ("grant_access", [MODEL, guest]),
        ("list_pending_access_requests", [MODEL]),
        ("list_accepted_access_requests", [MODEL]),
        ("list_rejected_access_requests", [MODEL]),
        who="reviewer",
    )

    assert {one, two} <= names(before)
    assert not {one, two} & names(pending)
    assert {one, guest} <= names(accepted)
    assert two in names(rejected)
    [shown] = [asked for asked in before["value"] if asked["username"] == one]
    assert (shown["email"], shown["status"]) == (f"{one}@example.org", "pending")


def test_what_cannot_be_is_said_in_words(client):
    again, taken_back, unknown, stranger = (
        client.calls(wish, who=who)[0]
        for who, wish in (
            ("reviewer", ("accept_access_request", [MODEL, "ada"])),
            ("reviewer", ("cancel_access_request", [MODEL, "ada"])),
            ("reviewer", ("grant_access", [MODEL, "nobody-here"])),
            ("ada", ("list_pending_access_requests", [MODEL])),
        )
    )

    assert "is accepted already" in again["message"]
    assert "Nothing goes back to the queue here" in taken_back["message"]
    assert "There is no such person here" in unknown["message"]
    assert "may not be used to administer access requests" in stranger["message"]
