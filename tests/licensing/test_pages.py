"""What the pages of a licence show, and to whom."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.licensing import actions
from portal.licensing.models import Permission
from tests import cast


@pytest.fixture
def licence(db):
    made = actions.create_licence(slug="mild", name="Mild Licence", by=None)
    draft = actions.draft_version(
        made,
        number="1.0",
        text="# Mild\n\n<script>alert(1)</script> Be **kind**.",
        commercial_use=Permission.FORBIDDEN,
        commercial_use_note="Ask us.",
    )
    actions.publish_version(draft, by=None)
    return made


def test_everybody_reads_the_summary_the_text_and_its_hash(client, licence):
    content = client.get("/licences/mild/").content.decode()

    for words in (
        "Commercial use",
        "Not allowed",
        "Ask us.",
        "Redistribution",
        "Modification",
        "Attribution",
    ):
        assert words in content
    assert "Be <strong>kind</strong>." in content
    assert "<script>alert" not in content
    assert licence.current_version().sha256 in content
    assert "Sign in to accept this licence." in content


def test_an_earlier_version_stays_readable(client, licence):
    actions.publish_version(actions.draft_version(licence, number="2.0", text="New."), by=None)

    content = client.get("/licences/mild/1.0/").content.decode()

    assert "This is an earlier version." in content
    assert "Be <strong>kind</strong>." in content
    assert '<a href="/licences/mild/1.0/">' in client.get("/licences/mild/").content.decode()


@pytest.mark.parametrize("address", ["/licences/none/", "/licences/mild/9.9/", "/licences/mild/1.1/"])
def test_what_is_not_published_is_not_there(client, licence, address):
    actions.draft_version(licence, number="1.1", text="A draft.")

    assert client.get(address).status_code == 404


def test_a_licence_without_a_version_says_so(client, db):
    actions.create_licence(slug="bare", name="Bare", by=None)

    assert b"No version is published yet" in client.get("/licences/bare/").content


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_costs_the_same_with_one_version_and_with_three(as_mallory, licence, count):
    for number in range(2, count + 1):
        cast.publish(licence, f"{number}.0")
    as_mallory.get("/licences/mild/")

    with CaptureQueriesContext(connection) as queries:
        as_mallory.get("/licences/mild/")

    assert len(queries) <= 9
