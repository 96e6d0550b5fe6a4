"""The pages about the API: whose model the examples name, and what they never hold."""

import pytest
from django.test import Client

from playground.reference import codes
from playground.reference.examples import TOPICS, Language, examples_in
from portal.keys import actions
from portal.keys.models import Scope
from tests import cast


def test_a_developer_sees_the_examples_with_a_model_of_hers(as_ada, ada, release):
    cast.release("another")

    page = as_ada.get("/api/")

    assert page.context["release"] == release
    assert page.context["is_mine"]
    assert 'model="tiny"' in page.content.decode().replace("&quot;", '"')
    assert "http://127.0.0.1:8000/v1" in page.content.decode()


def test_an_outsider_sees_an_announced_model_and_what_to_do(as_mallory, release):
    cast.release("secret", status="evaluating")

    page = as_mallory.get("/api/")

    assert page.context["release"] == release
    assert not page.context["is_mine"]
    assert "Your dashboard" in page.content.decode()
    assert "secret" not in page.content.decode()


def test_anybody_reads_the_page_before_there_is_a_model(db):
    page = Client().get("/api/")

    assert page.status_code == 200
    assert page.context["release"] is None
    assert "MODEL" in page.content.decode()


def test_the_page_takes_three_queries_beside_the_session(as_ada, release, django_assert_max_num_queries):
    for slug in ("one", "two"):
        cast.release(slug)

    with django_assert_max_num_queries(6):
        as_ada.get("/api/")


def test_no_key_is_ever_filled_in(as_ada, ada):
    key = actions.create(ada, name="calls", scopes=[Scope.INFERENCE], by=ada)

    for language in Language.values:
        page = as_ada.get(f"/api/?language={language}").content.decode()
        assert key.token not in page
        assert key.key.public_id not in page
        assert "OPENAI_API_KEY" in page


def test_an_unknown_language_is_python(client, db):
    assert client.get("/api/?language=cobol").context["language"] == Language.PYTHON


@pytest.mark.parametrize("language", Language)
def test_every_topic_has_an_example_in_every_language(language):
    made = examples_in(language, model="a-model", base_url="https://portal.example.org/v1")

    assert [example.topic for example in made] == list(TOPICS)
    for example in made:
        assert "https://portal.example.org/v1" in example.code
        assert "{%" not in example.code


def test_every_code_stands_on_the_page_of_errors_under_its_address(client, db, settings):
    settings.PORTAL_URL = "https://portal.example.org"

    page = client.get("/api/errors/").content.decode()

    for row in codes.CODES.values():
        assert f'<tr id="{row.code}"' in page
        assert codes.address_of(row.code) == f"https://portal.example.org/api/errors/#{row.code}"
    assert codes.address_of("no_such_code") == ""
    assert codes.address_of(None) == ""


def test_the_pages_are_linked_where_the_keys_are(as_ada, release):
    page = as_ada.get("/keys/").content.decode()

    assert 'href="/api/"' in page
