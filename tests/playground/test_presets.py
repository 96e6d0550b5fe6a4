"""Presets: saving, versions and what changed between them, restoring, putting away, and whose they are."""

from uuid import uuid4

import pytest

from playground import actions
from playground.actions import presets as preset_actions
from playground.differences import change_between
from playground.models import Preset, PresetVersion
from portal.common.refusals import Refusal
from tests import cast
from tests.conftest import signed_in

HTMX = {"HX-Request": "true"}
PAGE = "/playground/presets/"
SETTINGS = {"system_prompt": "Be brief.", "temperature": 0.2, "max_tokens": 30, "mode": "chat"}


@pytest.fixture
def version(ada, release) -> PresetVersion:
    """A preset of Ada's."""
    return actions.save_preset("Brief", by=ada, settings=SETTINGS, prompt="Hi {{name}}", release=release)


def typed(**changes):
    usual = {"release": "tiny", "temperature": "0.2", "max_tokens": "30", "prompt": "Hi {{name}}"}
    return {**usual, "system_prompt": "Be brief.", **changes}


def test_ada_saves_what_stands_in_the_composer(as_ada, ada, release):
    asked = as_ada.post(f"{PAGE}save/", typed(token=str(uuid4()), stop="a\nb"))
    saved = as_ada.post(f"{PAGE}save/", typed(name="Brief", note="First", stop="a\nb"))

    assert asked.status_code == 200
    assert "Hi {{name}}" in asked.text
    version = PresetVersion.objects.get()
    assert (saved.status_code, saved["Location"]) == (302, version.preset.get_absolute_url())
    assert version.settings == SETTINGS | {"stop": ["a", "b"]}
    assert (version.prompt, version.release, version.note) == ("Hi {{name}}", release, "First")
    assert (version.number, version.preset.user) == (1, ada)


def test_ada_saves_a_version_of_one_in_place(as_ada, version):
    asked = as_ada.post(f"{PAGE}save/", typed(from_preset=str(version.preset.pk)), headers=HTMX)
    saved = as_ada.post(
        f"{PAGE}save/", typed(prompt="Ho", preset=str(version.preset.pk), name="", note=""), headers=HTMX
    )

    assert f'value="{version.preset.pk}" selected' in asked.text
    assert "<html" not in asked.text
    assert "Saved as version 2 of" in saved.text
    assert [one.prompt for one in version.preset.versions.all()] == ["Ho", "Hi {{name}}"]


def test_what_cannot_be_saved_is_told(as_ada, version):
    nameless = as_ada.post(f"{PAGE}save/", typed(name="", note=""))
    taken = as_ada.post(f"{PAGE}save/", typed(name="Brief", note=""))
    odd = as_ada.post(f"{PAGE}save/", typed(temperature="9"), headers=HTMX)
    unknown = as_ada.post(f"{PAGE}save/", typed(release="nothing"))

    assert (nameless.status_code, "Enter a name for the new preset." in nameless.text) == (422, True)
    assert (taken.status_code, "You have a preset called “Brief” already." in taken.text) == (422, True)
    assert (odd.status_code, "Enter a temperature from 0 to 2." in odd.text) == (422, True)
    assert unknown.status_code == 404
    assert PresetVersion.objects.count() == 1


def test_a_preset_is_loaded_into_the_composer(as_ada, version):
    preset = version.preset
    actions.save_version(
        preset, settings={**SETTINGS, "temperature": 1.5}, prompt="Ho", release=version.release
    )

    newest = as_ada.get(f"/playground/?preset={preset.pk}").text
    first = as_ada.get(f"/playground/?preset={preset.pk}&version=1").text

    assert 'value="1.5"' in newest
    assert "Be brief." in newest
    assert ">\nHo</textarea>" in newest
    assert f'value="{preset.pk}"' in newest.partition('name="from_preset"')[2].partition(">")[0]
    assert ">\nHi {{name}}</textarea>" in first
    assert as_ada.get(f"/playground/?preset={preset.pk}&version=9").status_code == 404
    assert as_ada.get("/playground/?preset=nonsense").status_code == 404


def test_versions_are_compared_line_by_line_and_setting_by_setting(as_ada, version):
    preset, release = version.preset, version.release
    settings = {"system_prompt": "Be brief.\nBe kind.", "temperature": 0.2, "top_p": 0.5, "mode": "chat"}
    newer = actions.save_version(preset, settings=settings, prompt="Ho {{name}}", release=release)

    change = change_between(version, newer)
    page = as_ada.get(preset.get_absolute_url()).text
    back = as_ada.get(f"{preset.get_absolute_url()}?from=2&to=1").text
    same = as_ada.get(f"{preset.get_absolute_url()}?from=1&to=1").text

    assert [(line.kind, line.text) for line in change.texts[0].lines] == [
        ("removed", "Hi {{name}}"),
        ("added", "Ho {{name}}"),
    ]
    assert [(line.kind, line.text) for line in change.texts[1].lines] == [
        ("same", "Be brief."),
        ("added", "Be kind."),
    ]
    assert [(one.label, one.kind, one.older, one.newer) for one in change.settings] == [
        ("Top p", "added", "", "0.5"),
        ("Longest answer", "removed", "30", ""),
    ]
    assert "What changed from version 1 to 2" in page
    assert "What changed from version 2 to 1" in back
    assert "Nothing: both hold the same." in same


def test_an_old_version_is_restored_as_a_new_one(as_ada, version):
    preset = version.preset
    actions.save_version(preset, settings={"temperature": 1}, prompt="Ho")

    answer = as_ada.post(f"{preset.get_absolute_url()}1/restore/")

    assert answer.status_code == 302
    newest = preset.versions.first()
    assert (newest.number, newest.prompt, newest.settings) == (3, version.prompt, version.settings)
    assert newest.note == "Restored from version 1"


def test_a_name_is_free_again_once_its_preset_is_put_away(as_ada, ada, version):
    page = version.preset.get_absolute_url()
    as_ada.post(f"{page}rename/", {"name": "Short"})
    assert Preset.objects.get().name == "Short"
    as_ada.post(f"{page}archive/")
    assert (Preset.objects.in_use().count(), "Short" in as_ada.get(f"{PAGE}?archived=1").text) == (0, True)

    other = actions.save_preset("Short", by=ada, settings={})
    refused = as_ada.post(f"{page}archive/", follow=True)
    assert "You have a preset called “Short” already." in refused.text
    as_ada.post(f"{other.preset.get_absolute_url()}rename/", {"name": "Other"})
    as_ada.post(f"{page}archive/")

    assert sorted(Preset.objects.in_use().values_list("name", flat=True)) == ["Other", "Short"]


def test_neither_presets_nor_versions_grow_without_end(ada, version, monkeypatch):
    monkeypatch.setattr(preset_actions, "PRESETS_MAX", 1)
    monkeypatch.setattr(preset_actions, "VERSIONS_MAX", 1)

    with pytest.raises(Refusal, match="1 presets already"):
        actions.save_preset("More", by=ada, settings={})
    with pytest.raises(Refusal, match="1 versions at most"):
        actions.save_version(version.preset, settings={})


def test_the_empty_list_says_how_to_begin(as_ada, release):
    assert "No presets yet" in as_ada.get(PAGE).text


def test_nobody_else_reaches_adas_presets(as_mallory, client, release, version):
    berta = signed_in(cast.developer("berta@example.org", release))
    page = version.preset.get_absolute_url()

    for visitor in (berta, as_mallory):
        assert visitor.get(page).status_code == 404
        assert visitor.get(f"/playground/?preset={version.preset.pk}").status_code == 404
        assert visitor.get(f"/playground/runs/new/?preset={version.preset.pk}").status_code == 404
        for path in ("rename/", "archive/", "1/restore/"):
            assert visitor.post(page + path, {"name": "Mine"}).status_code == 404
    assert "Brief" not in berta.get(PAGE).text
    assert as_mallory.post(f"{PAGE}save/", typed(name="Mine", note="")).status_code == 403
    stolen = berta.post(f"{PAGE}save/", typed(preset=str(version.preset.pk), name="", note=""))
    assert stolen.status_code == 422
    assert client.get(page).status_code == 302
    assert PresetVersion.objects.count() == 1


@pytest.mark.parametrize("count", [1, 3])
def test_pages_take_a_fixed_number_of_queries(as_ada, ada, version, count, django_assert_max_num_queries):
    for number in range(count):
        actions.save_preset(f"Preset {number}", by=ada, settings={})
        actions.save_version(version.preset, settings={}, release=version.release)

    with django_assert_max_num_queries(5):
        as_ada.get(PAGE)
    with django_assert_max_num_queries(6):
        as_ada.get(version.preset.get_absolute_url())
