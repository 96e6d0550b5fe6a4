"""Reminders before sign-offs end, and what the console's first page says of them."""

import pytest

from portal.releases import actions
from portal.releases.safety import evaluations, reminding, sign_offs
from tests.conftest import signed_in
from tests.safety.cleared import later


@pytest.fixture
def opened(signed):
    actions.clear(signed, by=None)
    actions.open_release(signed, by=None)
    return signed


def test_signer_and_managers_are_reminded_twice_and_no_oftener(opened, olga, remy, post_office):
    with post_office() as mails:
        assert reminding.remind(at=later(days=75)) == 0
        assert reminding.remind(at=later(days=77)) == 1
        assert reminding.remind(at=later(days=78)) == 0
    assert sorted(mail.to[0] for mail in mails) == [olga.email, remy.email]
    assert "Falcon closes on" in mails[0].subject
    assert f"/console/releases/falcon/safety/{opened.current_revision().commit}/" in mails[0].body

    with post_office() as mails:
        assert reminding.remind(at=later(days=88)) == 1
        assert reminding.remind(at=later(days=89)) == 0
    assert len(mails) == 4


def test_nobody_is_reminded_of_what_ended_was_taken_back_or_opens_nothing(signed, olga, post_office):
    with post_office() as mails:
        assert reminding.remind(at=later(days=88)) == 0
        actions.clear(signed, by=None)
        actions.open_release(signed, by=None)
        assert reminding.remind(at=later(days=91)) == 0
        for one in signed.current_revision().sign_offs.all():
            sign_offs.withdraw(one, reason="A doubt.", by=one.signer)
        assert reminding.remind(at=later(days=88)) == 0
    assert mails == []


def test_the_consoles_first_page_warns_of_both(opened, olga, as_rosa):
    officer = signed_in(olga)
    assert "is not met" not in officer.get("/console/").text
    evaluations.withdraw(opened.current_revision().evaluations.get(), reason="It leaked.", by=None)

    page = officer.get("/console/").text

    assert "Open, and shut to everybody: the safety policy is not met." in page
    assert 'href="/console/releases/falcon/safety/"' in page
    assert "is not met" not in as_rosa.get("/console/").text
