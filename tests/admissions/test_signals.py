"""Signals: what stands out beside the answers, kept at submission, refreshed, shown and searched for."""

from importlib import import_module

import pytest
from django.apps import apps
from hypothesis import given
from hypothesis import strategies as st

from portal.admissions import actions, addresses
from portal.admissions.applications import signals
from portal.admissions.models import Application, ApplicationStatus
from portal.admissions.rules import tasks as rule_tasks
from tests import cast
from tests.admissions.conftest import ANSWERS

URL = "/console/applications/"


def apply(programme, email, **answers) -> Application:
    person = cast.person(email)
    return actions.submit(actions.start(programme, by=person), answers=ANSWERS | answers, by=person)


def kept(application) -> list[str]:
    return Application.objects.get(pk=application.pk).signals


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("Ada.Lovelace+models@Gmail.com", "adalovelace@gmail.com"),
        ("ada@googlemail.com", "ada@gmail.com"),
        ("ada.lovelace+x@example.org", "ada.lovelace@example.org"),
        ("ada@pm.me", "ada@proton.me"),
        ("+x@example.org", "+x@example.org"),
        ("...@gmail.com", "...@gmail.com"),
    ],
)
def test_two_spellings_of_a_mailbox_are_one(address, mailbox):
    assert addresses.normalised(address) == mailbox


@given(st.emails())
def test_normalising_twice_changes_nothing_more(address):
    once = addresses.normalised(address)

    assert addresses.normalised(once) == once


@pytest.mark.parametrize(
    ("address", "disposable"),
    [("x@mailinator.com", True), ("x@mx.mailinator.com", True), ("x@example.org", False), ("x@com", False)],
)
def test_a_throw_away_domain_is_known_with_those_below_it(address, disposable):
    assert addresses.is_disposable(address) == disposable


def test_an_operator_adds_throw_away_domains(settings):
    settings.DISPOSABLE_MAIL_DOMAINS = frozenset({"burner.example"})

    assert addresses.is_disposable("x@burner.example")
    assert addresses.organisation_domain("x@burner.example") == ""


def test_a_first_application_has_no_signal(submitted):
    assert kept(submitted) == []
    assert signals.signals_of(submitted) == []


def test_another_spelling_of_a_mailbox_stands_out(programme):
    first = apply(programme, "ada.lovelace@gmail.com")
    second = apply(programme, "adalovelace+2@gmail.com")

    assert (kept(first), kept(second)) == ([], ["duplicate_account"])
    assert [signal.others for signal in signals.signals_of(second)] == [[first]]


def test_an_organisation_stands_out_but_a_free_mail_provider_does_not(programme):
    apply(programme, "one@institute.example")
    apply(programme, "one@gmail.com")

    assert kept(apply(programme, "two@institute.example")) == ["same_organisation"]
    assert kept(apply(programme, "two@gmail.com")) == []


def test_a_throw_away_address_and_an_embargoed_country_stand_out(programme, settings):
    settings.EMBARGOED_COUNTRIES = frozenset({"KP"})

    made = apply(programme, "x@mailinator.com", country="KP")

    assert kept(made) == ["disposable_address", "embargoed_country"]
    assert "Korea" in signals.signals_of(made)[1].sentence


def test_an_earlier_decline_stands_out_also_under_another_spelling(programme, rosa):
    first = apply(programme, "ada@gmail.com")
    actions.decline(first, by=rosa, reason="incomplete")
    again = actions.submit(actions.start(programme, by=first.applicant), answers=ANSWERS, by=first.applicant)

    other = apply(programme, "a.d.a@gmail.com")

    assert kept(again) == ["declined_before"]
    assert kept(other) == ["duplicate_account", "declined_before"]
    assert [signal.others for signal in signals.signals_of(other)] == [[again, first], [first]]


def test_a_revoked_approval_stands_out(programme, rosa):
    first = apply(programme, "ada@example.org")
    actions.approve(first, by=rosa)
    actions.revoke(first, by=rosa, message="Leaked.")

    again = actions.submit(actions.start(programme, by=first.applicant), answers=ANSWERS, by=first.applicant)

    assert kept(again) == ["revoked_before"]


def test_what_is_kept_is_refreshed_for_those_that_wait(programme, settings, rosa):
    first = apply(programme, "ada@gmail.com", country="DE")
    decided = apply(programme, "bea@example.org", country="DE")
    actions.approve(decided, by=rosa)
    apply(programme, "a.da@gmail.com", country="FR")
    settings.EMBARGOED_COUNTRIES = frozenset({"DE"})

    rule_tasks.refresh_signals()

    assert kept(first) == ["duplicate_account", "embargoed_country"]
    assert kept(decided) == []


def test_many_cost_the_queries_of_one(programme, django_assert_num_queries):
    made = [apply(programme, f"p{number}@institute.example") for number in range(4)]
    rows = list(Application.objects.select_related("applicant"))

    with django_assert_num_queries(3):
        codes = signals.codes_of(rows)

    assert codes == {one.pk: ["same_organisation"] for one in made}


def test_a_reviewer_reads_the_signals_and_follows_them(as_rosa, programme):
    first = apply(programme, "ada@gmail.com")
    second = apply(programme, "a.da@gmail.com")

    page = as_rosa.get(f"{URL}{second.reference}/").content.decode()

    assert "Another account has the same mailbox" in page
    assert f'href="{URL}{first.reference}/"' in page


def test_a_reviewer_reads_that_nothing_stands_out(as_rosa, submitted):
    assert "None: nothing stands out." in as_rosa.get(f"{URL}{submitted.reference}/").content.decode()


def test_the_queue_is_narrowed_to_a_signal(as_rosa, programme):
    first = apply(programme, "ada@gmail.com")
    second = apply(programme, "a.da@gmail.com")
    Application.objects.filter(pk=first.pk).update(flag="Look twice")

    duplicates = as_rosa.get(f"{URL}?signal=duplicate_account")
    flagged = as_rosa.get(f"{URL}?signal=flagged")

    assert list(duplicates.context["page"]) == [second]
    assert list(flagged.context["page"]) == [first]
    assert "Flag: Look twice" in flagged.content.decode()


def test_those_handed_in_before_get_their_mailbox_from_the_migration(submitted):
    Application.objects.update(normalised_email="", organisation_domain="")

    import_module("portal.admissions.migrations.0010_rules").keep(apps, None)

    submitted.refresh_from_db()
    assert (submitted.normalised_email, submitted.organisation_domain) == ("ann@example.org", "example.org")
    assert submitted.status == ApplicationStatus.SUBMITTED
