"""The page that compares two versions: word by word, in words and marks."""

import re

import pytest

from portal.licensing import actions
from tests import cast


@pytest.fixture
def licence(db, publish):
    made = cast.Licence.objects.create(slug="mild", name="Mild")
    publish(made, "1.0", text="# Mild\n\nYou may use it <b>today</b>.\n\nNobody may sell it.")
    publish(
        made, "2.0", text="# Mild\n\nYou may use it tomorrow.\n\nNobody may sell it.", monthly_users_max=9
    )
    publish(made, "3.0", text="# Mild\n\nYou may use it tomorrow.\n\nAsk before you sell anything at all.")
    return made


def words(content):
    """What a screen reader reads of the text, without marks."""
    (part,) = re.findall(r'<div class="card-body changes">(.*?)</section>', content, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", "", part).split())


def test_words_that_came_and_went_are_told_in_marks_and_in_words(client, licence):
    content = client.get("/licences/mild/2.0/changes/").content.decode()

    assert "Changes from 1.0 to 2.0" in content
    assert re.search(r"<del>.*?&lt;b&gt;today&lt;/b&gt;\..*?</del>", content)
    assert re.search(r"<ins>.*?tomorrow\..*?</ins>", content)
    assert "You may use it [removed: &lt;b&gt;today&lt;/b&gt;.] [added: tomorrow.]" in words(content)
    assert "1 paragraph without a change" in words(content)
    assert "<b>today" not in content


def test_conditions_that_changed_stand_above_the_text(client, licence):
    content = client.get("/licences/mild/2.0/changes/").content.decode()

    assert "<del>No limit</del>" in content
    assert re.search(r"<ins>With conditions\. A service that more than 9 people", content)


def test_any_two_versions_are_compared(client, licence):
    content = client.get("/licences/mild/3.0/changes/", {"against": "1.0"}).content.decode()

    assert "Changes from 1.0 to 3.0" in content
    assert "Removed paragraph Nobody may sell it. New paragraph Ask before you sell" in words(content)


def test_an_older_version_is_compared_with_a_newer_one(client, licence):
    page = client.get("/licences/mild/1.0/changes/", {"against": "2.0"})

    assert page.status_code == 200
    assert page.context["comparison"].older.number == "2.0"


def test_the_first_version_has_nothing_to_be_compared_with(client, licence):
    assert b"This is the first version" in client.get("/licences/mild/1.0/changes/").content


@pytest.mark.parametrize("address", ["/licences/mild/2.0/changes/?against=9", "/licences/mild/4.0/changes/"])
def test_what_is_not_there_cannot_be_compared(client, licence, address):
    actions.draft_version(licence, number="4.0", text="New.")
    actions.draft_version(licence, number="9", text="New.")

    assert client.get(address).status_code == 404


def test_the_page_costs_the_same_for_three_versions_as_for_two(client, licence, django_assert_num_queries):
    with django_assert_num_queries(2):
        client.get("/licences/mild/3.0/changes/")
