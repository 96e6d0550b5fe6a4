"""Mail written to files, and the pages on which a newcomer reads it."""

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection

BACKEND = "portal.common.devmail.FileBackend"


@pytest.fixture
def mailed(settings, tmp_path):
    """One message in the files' folder, in development."""
    settings.DEBUG, settings.EMAIL_FILE_PATH = True, tmp_path / "mail"
    message = EmailMultiAlternatives(
        "Welcome <here>",
        "Follow http://127.0.0.1:8000/accounts/confirm-email/abc/ <script>alert(1)</script>",
        to=["new@example.org"],
        connection=get_connection(BACKEND),
    )
    message.attach_alternative("<p>HTML</p>", "text/html")
    message.send()
    return next((tmp_path / "mail").glob("*.eml"))


def test_a_newcomer_finds_the_mail_and_follows_its_link(client, mailed):
    inbox = client.get("/dev/mail/").content.decode()
    page = client.get(f"/dev/mail/{mailed.stem}/").content.decode()

    assert f'href="/dev/mail/{mailed.stem}/"' in inbox
    assert "Welcome &lt;here&gt;" in inbox
    assert "new@example.org" in page
    assert 'href="http://127.0.0.1:8000/accounts/confirm-email/abc/"' in page
    assert "<script>alert" not in page


def test_an_empty_inbox_says_when_mail_will_come(client, settings, tmp_path):
    settings.DEBUG, settings.EMAIL_FILE_PATH = True, tmp_path / "none"

    assert "No mail yet" in client.get("/dev/mail/").content.decode()


def test_in_production_there_is_no_such_page(client, mailed, settings):
    settings.DEBUG = False

    assert client.get("/dev/mail/").status_code == 404
    assert client.get(f"/dev/mail/{mailed.stem}/").status_code == 404


@pytest.mark.parametrize("name", ["nothing", "..", "%2e%2e%2fsecrets", "..%2f..%2fetc%2fpasswd", "a%00b"])
def test_names_that_lead_elsewhere_are_404(client, mailed, name):
    (mailed.parent.parent / "secrets.eml").write_text("Subject: secret\n\nsecret")

    assert client.get(f"/dev/mail/{name}/").status_code == 404


def test_the_mails_folder_is_its_owners_alone(mailed):
    assert mailed.parent.stat().st_mode & 0o077 == 0
