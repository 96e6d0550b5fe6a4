"""Denials as they reach the terminal: the cause by name, the reference, the link, and the right exception."""

import pytest

from tests.clients.conftest import MODEL

pytestmark = [pytest.mark.live, pytest.mark.django_db]
GATED = "GatedRepoError"
CASES = [
    ("nobody", MODEL, "is restricted. You must have access to it and be authenticated"),
    ("revoked", MODEL, "This API key was revoked on"),
    ("expired", MODEL, "This API key expired on"),
    ("wrong scope", MODEL, "This API key may not be used to download weights"),
    ("not applied", MODEL, "Apply to Early access"),
    ("submitted", MODEL, "is waiting for a reviewer"),
    ("waitlisted", MODEL, "is on the waiting list"),
    ("declined", MODEL, "was declined"),
    ("licence", MODEL, "Read and accept Open Weights Licence 1.0"),
    ("quota", MODEL, "one person may download"),
    ("ada", "open-weights/withdrawn", "has been withdrawn"),
    ("ada", "open-weights/outdated", "2.0"),
]


@pytest.mark.parametrize(
    ("who", "model", "sentence"), CASES, ids=[f"{who}-{model[13:]}" for who, model, _ in CASES]
)
def test_the_command_shows_the_cause_the_reference_and_the_link(client, world, *, who, model, sentence):
    done = client.hf("download", model, "config.json", who=who)

    shown = " ".join(done.stdout.split())
    assert done.returncode != 0
    assert sentence in shown
    assert world.portal.url in shown
    assert world.references.get(who, "") in shown


@pytest.mark.parametrize(
    ("who", "model", "sentence"), CASES, ids=[f"{who}-{model[13:]}" for who, model, _ in CASES]
)
def test_python_raises_the_gated_error_with_the_sentence(client, *, who, model, sentence):
    said = client.calls(
        ("hf_hub_download", [model, "config.json"]),
        ("snapshot_download", [model]),
        ("auth_check", [model]),
        who=who,
    )

    for one in said:
        assert one["error"] == GATED, one
        assert sentence in one["message"]


def test_an_unknown_token_is_told_so(client):
    done = client.hf("download", MODEL, "config.json", who="unknown")
    said = client.calls(("model_info", [MODEL]), ("whoami", []), who="unknown")

    assert done.returncode != 0
    assert "Invalid credentials in Authorization header" in done.stdout or client.generation == "0.36"
    assert "Invalid credentials in Authorization header" in said[0]["message"]
    assert "HfHubHTTPError" in said[0]["kinds"] or "HTTPError" in said[0]["kinds"]
    assert "error" in said[1]


def test_what_is_not_there_is_the_right_error(client):
    said = client.calls(
        ("model_info", ["open-weights/nothing"]),
        ("model_info", [MODEL], {"revision": "v9"}),
        ("model_info", [MODEL], {"revision": "refs/pr/1"}),
        ("hf_hub_download", [MODEL, "nothing.txt"]),
        ("hf_hub_download", [MODEL, "config.json"], {"revision": "refs/pr/1"}),
        ("hf_hub_download", ["open-weights/nothing", "config.json"]),
    )

    kinds = [one["error"] for one in said]
    assert kinds[:3] == ["RepositoryNotFoundError", "RevisionNotFoundError", "RevisionNotFoundError"]
    assert "EntryNotFoundError" in said[3]["kinds"]
    assert kinds[4:] == ["RevisionNotFoundError", "RepositoryNotFoundError"]


def test_a_stranger_to_a_missing_model_is_not_told_which_there_are(client):
    [missing] = client.calls(("model_info", ["open-weights/nothing"]), who="nobody")

    assert missing["error"] == "RepositoryNotFoundError"
