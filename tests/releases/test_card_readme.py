"""Cards as text: read, split into sections, checked, and written as the Hub's own library reads them."""

from datetime import date

import pytest
from huggingface_hub import ModelCard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.common.refusals import Refusal
from portal.common.storable import is_storable
from portal.licensing.models import Licence
from portal.licensing.spdx import COMMON_IDS
from portal.releases.cards import metadata, readme, sections
from portal.releases.cards.exporting import EvaluationRow, exported, licence_id, licence_metadata
from portal.releases.models import Release
from tests import cast

# Those of the Hub's list that have something in common with SPDX's.
HUB_LICENCES = frozenset({
    "apache-2.0", "mit", "afl-3.0", "artistic-2.0", "bsl-1.0", "bsd-2-clause", "bsd-3-clause",
    "bsd-3-clause-clear", "cc0-1.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0",
    "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-4.0", "cdla-sharing-1.0",
    "cdla-permissive-1.0", "cdla-permissive-2.0", "ecl-2.0", "epl-2.0", "eupl-1.2", "agpl-3.0",
    "gfdl", "gpl-2.0", "gpl-3.0", "lgpl-2.1", "lgpl-3.0", "isc", "ms-pl", "mpl-2.0", "odc-by",
    "odbl", "osl-3.0", "postgresql", "ofl-1.1", "ncsa", "unlicense", "zlib", "pddl", "other",
})  # fmt: skip

CARD = """\
---
language:
- en
license: mit
license_link: https://example.org/mit
base_model: org/base
pipeline_tag: text-generation
library_name: transformers
tags: [small, chat]
datasets:
- org/data
co2_eq_emissions:
  emissions: 12.5
released: 2026-11-01
openness:
  training_code: {url: "https://example.org/code", license: Apache-2.0}
---

# Tiny

A small model. It says “grüezi” 🙂.

## Uses

### Direct Use

Chat.

### Out-of-Scope Use

Medical advice.

## Bias, Risks, and Limitations

<!-- Say more. -->
It errs.

## Origin

```
## Citation
not a heading
```
"""


def test_the_hubs_own_parser_reads_what_is_exported(db):
    licence = cast.licence()
    release = Release(slug="tiny", name="Tiny", hub_id="open-weights/tiny", licence=licence)
    rows = [
        EvaluationRow("Refusal of harmful requests", "refusal rate", 0.97, date(2026, 11, 28)),
        EvaluationRow("Refusal of harmful requests", "answer rate", 0.03, date(2026, 11, 28)),
        EvaluationRow("Over-refusal", "refusal rate", 0.02, date(2026, 11, 29)),
    ]

    card = ModelCard(exported(release, readme.parse(CARD), rows=rows))

    data = card.data.to_dict()
    assert data["license"] == "other"
    assert data["license_name"] == "open-weights-licence"
    assert data["license_link"].endswith("/licences/open-weights-licence/")
    assert (data["language"], data["base_model"], data["tags"]) == (["en"], "org/base", ["small", "chat"])
    assert data["co2_eq_emissions"] == {"emissions": 12.5}
    assert data["released"] == date(2026, 11, 1)
    results = [(one.dataset_name, one.metric_type, one.metric_value) for one in card.data.eval_results]
    assert results == [(row.dataset, row.metric, row.value) for row in rows]
    assert card.data.model_name == "Tiny"
    assert card.text == readme.parse(CARD).body


def test_what_the_hub_writes_is_read_again_as_it_was(db):
    release = Release(slug="tiny", name="Tiny", hub_id="open-weights/tiny", licence=cast.licence())
    once = exported(release, readme.parse(CARD))

    again = exported(release, readme.parse(str(ModelCard(once))))

    assert readme.parse(again) == readme.parse(once)
    assert exported(release, readme.parse(once)) == once


def test_a_card_without_metadata_is_exported_with_the_licence(db):
    release = Release(slug="tiny", name="Tiny", hub_id="open-weights/tiny", licence=cast.licence())

    card = ModelCard(exported(release, readme.parse("Just words.")))

    assert card.text == "\nJust words.\n"
    assert set(card.data.to_dict()) == {"license", "license_name", "license_link"}


@pytest.mark.parametrize(
    ("slug", "name", "known"),
    [("apache", "Apache-2.0", "Apache-2.0"), ("mit", "Ours", "MIT"), ("ours", "Ours", "")],
)
def test_an_open_licence_is_known_by_its_name(db, slug, name, known):
    licence = cast.licence(slug)
    licence.name = name

    assert licence_id(licence) == known


@pytest.mark.parametrize(
    ("spdx", "known", "told"),
    [
        ("Apache-2.0", "Apache-2.0", {"license": "apache-2.0"}),
        ("CC-BY-NC-4.0", "CC-BY-NC-4.0", {"license": "cc-by-nc-4.0"}),
        ("GPL-3.0-or-later", "GPL-3.0-or-later", {"license": "gpl-3.0"}),
        ("LGPL-2.1-only", "LGPL-2.1-only", {"license": "lgpl-2.1"}),
        ("ODbL-1.0", "ODbL-1.0", {"license": "odbl"}),
        ("MIT-0", "MIT-0", {"license": "other", "license_name": "mit-0"}),
        ("LicenseRef-Ours-1.0", "", {"license": "other", "license_name": "apache-2.0"}),
    ],
)
def test_the_identifier_of_the_version_goes_before_the_licences_name(db, spdx, known, told):
    licence = cast.licence("apache-2.0")

    said = licence_metadata(licence, spdx=spdx)

    assert licence_id(licence, spdx=spdx) == known
    if "license_name" in told:
        assert said.pop("license_link").endswith("/licences/apache-2.0/")
    assert said == told


def test_every_identifier_that_staff_may_write_is_one_of_the_hubs_or_other(db):
    licence = cast.licence("ours")

    told = {licence_metadata(licence, spdx=spdx)["license"] for spdx in COMMON_IDS}

    assert told - HUB_LICENCES == set()


def test_sections_are_found_under_the_names_of_the_field():
    found = {section.title: section.text for section in sections.split(readme.parse(CARD).body)}

    assert found == {
        "Overview": "A small model. It says “grüezi” 🙂.",
        "Intended use": "Chat.",
        "Out-of-scope use": "Medical advice.",
        "Limitations": "It errs.",
        "Origin": "```\n## Citation\nnot a heading\n```",
    }


def test_the_hubs_empty_template_says_nothing():
    body = (
        "# Model Card for X\n\n## Uses\n\n### Direct Use\n\n<!-- explain -->\n\n[More Information Needed]\n\n"
        "## Training Details\n\n### Training Data\n\n[More Information Needed]\n"
    )

    assert [(one.code, one.is_filled) for one in sections.split(body)] == [
        ("intended_use", False),
        ("training_data", False),
    ]


def test_two_headings_for_one_section_stay_told_apart():
    found = sections.split("## Direct use\n\nChat.\n\n## Downstream use\n\nTune it.\n\n# Later part\n\nText.")

    assert [(one.title, one.text) for one in found] == [
        ("Intended use", "Chat.\n\n### Downstream use\n\nTune it."),
        ("Later part", "Text."),
    ]


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        ("a: &x [1]\nb: *x", "an alias (*) is not allowed here"),
        ("a: 1\na: 2", "“a” is no name, or stands there twice"),
        ("1: a", "“1” is no name, or stands there twice"),
        ("a: [", "Line 2 is not understood"),
        ("- a", "no list of names and values"),
        ("a: 2024-13-45", "The metadata is not understood"),
        ("a: " + "[" * 60 + "]" * 60, "nested too deep"),
        ("a: !!python/object/apply:os.system [ls]", "is not understood"),
    ],
)
def test_metadata_that_is_not_understood_is_refused_with_its_place(block, sentence):
    with pytest.raises(Refusal) as refused:
        readme.parse(f"---\n{block}\n---\nText.")

    assert sentence in refused.value.sentence
    assert refused.value.status == 422


@given(
    body=st.text(max_size=300),
    names=st.dictionaries(
        st.text(min_size=1, max_size=20),
        st.none() | st.booleans() | st.integers() | st.text(max_size=60),
        max_size=5,
    ),
)
@example(body="", names={"\xa0": False})
@settings(max_examples=80, deadline=None)
def test_whatever_is_written_comes_back_from_the_hubs_parser(body, names):
    known = {name: value for name, value in names.items() if is_storable(name) and is_storable(str(value))}
    text = readme.normalised(readme.dump(readme.Readme(known, body if is_storable(body) else "")))
    try:
        read = readme.parse(text)
        metadata.check(read.metadata)
    except Refusal:
        return
    sections.split(read.body)
    release = Release(slug="tiny", name="Tiny", hub_id="o/tiny", licence=Licence(slug="l", name="L"))

    once = exported(release, read)

    card = ModelCard(once)
    assert readme.parse(str(card)) == readme.parse(once)
    assert readme.normalised(card.text).strip() == read.body.strip()


@pytest.mark.parametrize("text", ["a\0b", "x" * (readme.CHARACTERS_MAX + 1)])
def test_text_that_cannot_be_kept_is_refused(text):
    with pytest.raises(Refusal):
        readme.parse(text)


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        ("language: no", "“language” must be a text or a list of texts"),
        ("language: English", "“English” is no code of a language"),
        ("license: 1.0", "“license” must be a text"),
        ("a: .nan", "is not finite"),
        ("a: {b: [!!binary aGVsbG8=]}", "neither text nor number"),
        ("a: !!set {b, c}", "neither text nor number"),
        ("tags: chat", "“tags” must be a list"),
        ("tags: [1]", "“tags” must be a text or a list"),
        ("base_model: {a: b}", "“base_model” must be a text or a list"),
        ("eval_results: []", "“eval_results” is no metadata"),
        ('"tags ": []', "begins or ends with a space"),
        ("\u00a0: 1", "begins or ends with a space"),
        ("model-index: []", "“model-index” must name one model"),
        ("model-index: [{name: x}]", "“model-index” must name one model"),
        ("openness: yes", "“openness” must name components"),
        ("openness: {code: {url: x}}", "“code” is no component"),
        ("openness: {datasets: {url: 'javascript:alert(1)'}}", "no address that begins with https"),
        ("openness: {datasets: {link: 'https://example.org'}}", "takes url and license"),
        ("openness: {datasets: {license: 1}}", "must be texts"),
    ],
)
def test_metadata_that_the_hub_would_not_take_is_refused(block, sentence):
    read = readme.parse(f"---\n{block}\n---\nText.")

    with pytest.raises(Refusal) as refused:
        metadata.check(read.metadata)

    assert sentence in refused.value.sentence


def test_metadata_of_a_real_card_is_taken():
    read = readme.parse(CARD.replace("\n", "\r\n"))

    metadata.check(read.metadata)

    assert metadata.named(read.metadata, "base_model") == ["org/base"]
    assert metadata.named(read.metadata, "metrics") == []
    assert "\r" not in read.body
