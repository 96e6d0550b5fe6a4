"""The pages of model cards in a real browser: accessible, fitting, and previewed without being saved."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from portal.releases import actions, importing
from portal.releases.cards import actions as cards
from portal.releases.cards.measuring import measure
from portal.releases.models import ModelCard, Release
from tests import cast
from tests.look.test_pages import look_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CARD = (Path(__file__).parents[2] / "portal/console/demo/card.md").read_text()


@pytest.fixture
def tiny(db: None, tmp_path: Path, settings: Any) -> Release:
    settings.WEIGHTS_ROOT = tmp_path / "store"
    folder = tmp_path / "model"
    folder.mkdir()
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": 30,
        "num_attention_heads": 9, "num_key_value_heads": 3, "hidden_size": 576,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "README.md").write_text(CARD)
    shape = [134_515_008 // 1000]
    header = json.dumps({"a": {"dtype": "BF16", "shape": shape, "data_offsets": [0, 2 * shape[0]]}}).encode()
    head = len(header).to_bytes(8, "little") + header
    (folder / "model.safetensors").write_bytes(head + bytes(2 * shape[0]))
    made = cast.release()
    cast.programme(made)
    importing.run(actions.request_import(made, source=str(folder), by=None, dispatch=False).pk)
    measure(made.current_revision())
    cards.save_card(made, text=CARD, by=None)
    cards.save_documentation(made, answers={"provider": "Example Institute"}, by=None)
    return made


@pytest.mark.parametrize("path", ["/releases/tiny/", "/releases/tiny/documentation/"])
def test_visitor_opens_page_and_it_is_accessible_and_fits(page: Page, tiny: Release, path: str) -> None:
    look_at(page, path)


@pytest.mark.parametrize("path", ["card/", "documentation/", "documentation/print/"])
def test_manager_opens_page_and_it_is_accessible_and_fits(
    page: Page, enter: Any, tiny: Release, path: str
) -> None:
    enter(page, cast.staff("remy@example.org", "Release managers"))

    look_at(page, f"/console/releases/tiny/{path}")


def test_manager_previews_a_card_and_what_was_typed_stays(page: Page, enter: Any, tiny: Release) -> None:
    enter(page, cast.staff("remy@example.org", "Release managers"))
    page.goto("/console/releases/tiny/card/")
    field = page.get_by_label("README.md")

    field.fill("## Overview\n\nQuite *another* card.")
    page.get_by_role("button", name="Preview").click()

    expect(page.locator("#card-preview em")).to_have_text("another")
    expect(field).to_have_value("## Overview\n\nQuite *another* card.")
    field.fill("---\nlanguage: [\n---\nText.")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#card-preview [role=alert]")).to_contain_text("Line 2 is not understood")
    assert ModelCard.objects.get().readme == CARD
