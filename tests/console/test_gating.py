"""The page of a programme's questions on the Hub."""

import pytest

from portal.admissions.models import Question
from tests import cast
from tests.admissions.conftest import programme  # noqa: F401 - a fixture
from tests.conftest import signed_in

URL = "/console/programmes/early-access/gating/"
CARD = "---\nextra_gated_fields:\n  Company: text\n  Born: date_picker\n---\n# A model\n"


@pytest.fixture
def as_adam(db):
    """An administrator."""
    return signed_in(cast.User.objects.create_superuser("adam@example.org", cast.PASSWORD))


def test_adam_reads_and_downloads_the_form(as_adam, programme):  # noqa: F811
    page = as_adam.get(URL).content.decode()
    file = as_adam.get(f"{URL}card.yml")

    assert "What is the main use?:" in page
    assert file["Content-Disposition"] == 'attachment; filename="early-access-card.yml"'
    assert file.content.decode().startswith("---\nextra_gated_heading: Apply to Early access\n")


def test_adam_sees_what_would_change_and_then_takes_it_over(as_adam, programme):  # noqa: F811
    preview = as_adam.post(URL, {"card": CARD})
    page = preview.content.decode()
    assert "Nothing has happened yet." in page
    assert "The portal asks for the date as text." in page
    assert Question.objects.count() == 5

    done = as_adam.post(f"{URL}take-over/", {"card": CARD, "seen": preview.context["plan"].seen})

    assert done["Location"] == URL
    assert list(Question.objects.values_list("label", flat=True)) == ["Company", "Born"]
    assert "asks exactly this already" in as_adam.post(URL, {"card": CARD}).content.decode()


def test_what_is_not_understood_is_told_on_the_form(as_adam, programme):  # noqa: F811
    unknown = as_adam.post(URL, {"card": "extra_gated_fields: {A: number}"})
    empty = as_adam.post(URL, {"card": ""})
    late = as_adam.post(f"{URL}take-over/", {"card": CARD, "seen": "another"})

    assert [answer.status_code for answer in (unknown, empty, late)] == [422, 422, 409]
    assert "unknown type “number”" in unknown.content.decode()
    assert "Paste a model card" in empty.content.decode()
    assert "Somebody changed the questions meanwhile." in late.content.decode()


def test_reviewers_and_strangers_stay_outside(as_rosa, client, programme):  # noqa: F811
    assert as_rosa.get(URL).status_code == 403
    assert client.get(URL)["Location"] == f"/accounts/login/?next={URL}"


def test_a_programme_that_is_not_there_is_not_found(as_adam):
    assert as_adam.get("/console/programmes/nothing/gating/").status_code == 404
