"""The demonstration's data, and the account with which its model server downloads what it serves."""

import pytest
from django.core.management import CommandError, call_command

from playground.evaluations.models import Suite
from portal.access.deciding import decide
from portal.access.decision import Action
from portal.accounts.models import User
from portal.admissions import actions as admissions
from portal.admissions.models import Application
from portal.console.demo.seeding import seed
from portal.events.models import Event
from portal.keys import tokens
from portal.keys.models import ApiKey
from portal.ledger.models import Entry
from portal.licensing import actions as licensing
from portal.releases.cards import disclosures, openness
from portal.releases.cards.actions import save_card, save_documentation
from portal.releases.cards.facts import facts_of
from portal.releases.models import Release

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _in_development(settings):
    settings.DEBUG = True


@pytest.fixture
def served() -> Release:
    """The demonstration's release."""
    seed()
    return Release.objects.get(slug="smollm2-135m-instruct")


@pytest.fixture
def file(tmp_path):
    """Where `manage.py up` wants the key."""
    return tmp_path / "model-server.token"


def server() -> User:
    return User.objects.get(email="model-server@example.com")


def test_seeding_twice_makes_everything_once(served):
    seed()

    assert set(User.objects.values_list("email", flat=True)) == {
        f"{name}@example.com" for name in ("admin", "applicant", "developer", "reviewer")
    }
    assert (Release.objects.count(), Application.objects.count(), Event.objects.count()) == (1, 1, 2)
    assert sorted(Suite.objects.values_list("slug", "versions__number")) == [
        ("over-refusal", 1),
        ("refusal", 1),
    ]
    assert decide(User.objects.get(email="developer@example.com"), served, Action.DOWNLOAD).allowed


def test_demo_release_has_an_honest_card_that_staff_may_change(served):
    facts = facts_of(served, None)

    assert [item.code for item in disclosures.check(facts).missing if item.place == "card"] == ["results"]
    assert openness.classify(facts).openness_class is None
    save_card(served, text="Another.", by=None)
    save_documentation(served, answers={"provider": "Another"}, by=None)
    seed()
    served.refresh_from_db()
    assert served.card.readme == "Another."
    assert served.documentation.answers["provider"] == "Another"


def test_model_server_gets_a_key_for_weights_through_every_gate(served, file):
    before = Entry.objects.count()

    call_command("seed_demo", model_server=file)

    key = ApiKey.objects.get(user=server())
    assert tokens.proves(file.read_text().strip(), against=key.digest)
    assert (key.name, key.scopes) == ("model server", ["weights"])
    assert file.stat().st_mode & 0o777 == 0o600
    assert decide(server(), served, Action.DOWNLOAD).allowed
    assert [entry.verb for entry in Entry.objects.order_by("number")[before:]] == [
        "account.created",
        "application.started",
        "application.submitted",
        "application.review_started",
        "application.approved",
        "licence.accepted",
        "key.created",
    ]


def test_nobody_signs_in_as_the_model_server_and_nobody_reviews_it(served, file, as_rosa):
    call_command("seed_demo", model_server=file)

    assert not server().has_usable_password()
    assert not Application.objects.awaiting_review().exists()
    assert "Model server" not in as_rosa.get("/console/applications/").content.decode()


def test_a_new_key_ends_the_one_before(served, file):
    call_command("seed_demo", model_server=file)
    first = ApiKey.objects.get()
    call_command("seed_demo", model_server=file)

    second = ApiKey.objects.live().get()
    first.refresh_from_db()
    assert (first.status, second.status) == ("revoked", "live")
    assert tokens.proves(file.read_text().strip(), against=second.digest)
    assert User.objects.filter(full_name="Model server").count() == 1


def test_a_newer_licence_waits_for_a_person_to_seed(served, file):
    call_command("seed_demo", model_server=file)
    draft = licensing.draft_version(served.licence, number="1.1", text="# Licence 1.1")
    licensing.publish_version(draft, by=None)

    call_command("seed_demo", model_server=file)
    gate = decide(server(), served, Action.DOWNLOAD).next_gate
    assert gate is not None
    assert gate.code == "licence_current"

    call_command("seed_demo")
    assert decide(server(), served, Action.DOWNLOAD).allowed


def test_a_revoked_approval_stays_revoked(served, file, rosa):
    call_command("seed_demo", model_server=file)
    admissions.revoke(Application.objects.get(applicant=server()), by=rosa, message="We moved it elsewhere.")

    call_command("seed_demo", model_server=file)

    gate = decide(server(), served, Action.DOWNLOAD).next_gate
    assert gate is not None
    assert gate.code == "approved"


def test_without_the_demonstration_there_is_nothing_to_serve(file):
    with pytest.raises(
        CommandError, match=r"No programme early-access opens a release smollm2-135m-instruct"
    ):
        call_command("seed_demo", model_server=file)

    assert not file.exists()
    assert not User.objects.exists()


def test_nothing_is_seeded_in_production(settings, file):
    settings.DEBUG = False

    for options in ({}, {"model_server": file}):
        with pytest.raises(CommandError, match="runs with DEBUG on only"):
            call_command("seed_demo", **options)

    assert not User.objects.exists()
