"""The staff's pages of cards: writing, previewing and taking one over, and the documentation form."""

import json

import pytest

from portal.ledger.models import Entry
from portal.releases import actions, importing
from portal.releases.cards import actions as cards
from portal.releases.models import Documentation, ModelCard
from tests import cast
from tests.conftest import signed_in

PAGE = "/console/releases/tiny/card/"
FORM = "/console/releases/tiny/documentation/"
HTMX = {"HX-Request": "true"}
TEXT = "---\nlanguage: en\n---\n\n## Overview\n\nA *small* model.\n"


@pytest.fixture(autouse=True)
def store_root(settings, tmp_path):
    settings.WEIGHTS_ROOT = tmp_path / "store"


@pytest.fixture
def manager(db):
    return signed_in(cast.staff("remy@example.org", "Release managers"))


def with_readme(release, tmp_path, content):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "README.md").write_bytes(content)
    work = actions.request_import(release, source=str(folder), by=None, dispatch=False)
    importing.run(work.pk)


def test_remy_writes_a_card_and_it_is_on_the_page(manager, client, release):
    saved = manager.post(PAGE, {"readme": TEXT.replace("\n", "\r\n"), "seen": ""}, follow=True)

    assert "The card is saved" in saved.content.decode()
    assert ModelCard.objects.get().readme == TEXT
    assert Entry.objects.get(verb="release.card_saved").address == "127.0.0.1"
    assert b"A <em>small</em> model." in client.get("/releases/tiny/").content


def test_a_preview_saves_nothing_and_keeps_what_was_typed(manager, release):
    page = manager.post(PAGE, {"readme": TEXT, "seen": "", "preview": "1"}).content.decode()
    part = manager.post(PAGE, {"readme": TEXT, "seen": "", "preview": "1"}, headers=HTMX).content.decode()

    assert "A <em>small</em> model." in page
    assert "A *small* model." in page
    assert part.lstrip().startswith('<div id="card-preview"')
    assert "A <em>small</em> model." in part
    assert not ModelCard.objects.exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("---\nlanguage: [\n---\nMine.", "Line 2 is not understood"),
        ("---\nlanguage: English\n---\nMine.", "is no code of a language"),
        ("", "Write the card"),
    ],
)
@pytest.mark.parametrize("more", [{}, {"preview": "1"}])
def test_a_card_that_is_not_understood_stays_in_the_form(manager, release, text, sentence, more):
    answer = manager.post(PAGE, {"readme": text, "seen": "", **more})

    page = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in page
    assert text.partition("---\nMine")[0] in page
    assert not ModelCard.objects.exists()


def test_a_card_that_somebody_else_saved_meanwhile_is_not_overwritten(manager, release):
    seen = cards.seen_of(release)
    cards.save_card(release, text="Hers.", by=None)

    answer = manager.post(PAGE, {"readme": "Mine.", "seen": seen})

    assert answer.status_code == 409
    assert "Somebody saved this card" in answer.content.decode()
    assert "Mine." in answer.content.decode()
    assert ModelCard.objects.get().readme == "Hers."


def test_a_form_that_was_tampered_with_is_answered_with_a_sentence(manager, release):
    answer = manager.post(PAGE, {"readme": TEXT, "seen": "x" * 65})

    assert answer.status_code == 422
    assert "Copy what you wrote, open the page again" in answer.content.decode()


def test_a_new_card_begins_with_the_description(manager, release):
    release.description = "Old words."
    release.save()

    assert "Old words." in manager.get(PAGE).content.decode()


def test_remy_takes_over_the_readme_of_the_current_revision(manager, release, tmp_path):
    with_readme(release, tmp_path, "\ufeff# Tiny\r\n\r\nFrom the file.".encode())

    page = manager.get(PAGE).content.decode()
    taken = manager.get(f"{PAGE}?from=file")

    assert f'href="{PAGE}?from=file"' in page
    assert taken.context["form"]["readme"].value() == "# Tiny\n\nFrom the file."
    assert not ModelCard.objects.exists()


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"x" * 800_001])
def test_a_readme_that_is_not_there_or_no_text_is_not_taken_over(manager, release, tmp_path, content):
    if content is not None:
        with_readme(release, tmp_path, content)

    answer = manager.get(f"{PAGE}?from=file", follow=True)

    assert answer.redirect_chain == [(PAGE, 302)]
    assert b"README.md" in answer.content


def test_the_page_leads_to_where_what_is_missing_is_filled_in(manager, release):
    page = manager.get(PAGE).content.decode()

    assert f'href="{FORM}#id_data_points"' in page
    assert 'href="/console/releases/tiny/"' in page
    assert "1 of 25" in page


def test_remy_answers_the_form_and_takes_an_answer_back(manager, release):
    manager.post(FORM, {"provider": "Example Ltd", "data_provenance": ["User data", "Web crawling"]})
    page = manager.get(FORM).content.decode()
    manager.post(FORM, {"provider": "", "data_provenance": ["User data"]})

    assert "Example Ltd" in page
    assert Documentation.objects.get().answers == {"data_provenance": "User data"}
    assert [entry.data["changed"] for entry in Entry.objects.filter(verb="release.documentation_saved")] == [
        ["data_provenance", "provider"],
        ["data_provenance", "provider"],
    ]


def test_a_wrong_answer_keeps_the_others(manager, release):
    answer = manager.post(FORM, {"provider": "Example Ltd", "data_types": ["Smells"]})

    assert answer.status_code == 422
    assert "Example Ltd" in answer.content.decode()
    assert not Documentation.objects.exists()


def test_what_the_portal_knows_cannot_be_answered(manager, release):
    page = manager.get(FORM)
    manager.post(FORM, {"name": "Another", "licence": "None"})

    assert "name" not in page.context["form"].fields
    assert "From the portal." in page.content.decode()
    assert Documentation.objects.get().answers == {}


def test_the_whole_form_leaves_as_a_page_json_and_markdown(manager, release):
    cards.save_documentation(release, answers={"training_energy": "12 MWh"}, by=None)

    printed = manager.get(f"{FORM}print/").content.decode()
    told = manager.get("/console/releases/tiny/documentation.json")
    written = manager.get("/console/releases/tiny/documentation.md")

    assert "12 MWh" in printed
    assert "Not stated." in printed
    values = {one["code"]: one["value"] for one in json.loads(told.content)["fields"]}
    assert (values["training_energy"], values["energy_method"]) == ("12 MWh", None)
    assert "12 MWh" in written.content.decode()
    assert written["Content-Disposition"] == 'attachment; filename="tiny-documentation.md"'


@pytest.mark.parametrize(
    "address",
    [
        PAGE,
        FORM,
        f"{FORM}print/",
        "/console/releases/tiny/documentation.json",
        "/console/releases/tiny/documentation.md",
    ],
)
def test_mallory_a_reviewer_and_a_stranger_are_kept_out(as_mallory, as_rosa, client, release, address):
    assert as_mallory.get(address).status_code == 403
    assert as_rosa.get(address).status_code == 403
    assert client.get(address).status_code == 302


def test_mallory_cannot_write_a_card_or_an_answer(as_mallory, release):
    assert as_mallory.post(PAGE, {"readme": TEXT}).status_code == 403
    assert as_mallory.post(FORM, {"provider": "Mallory"}).status_code == 403
    assert not ModelCard.objects.exists()
    assert not Documentation.objects.exists()
