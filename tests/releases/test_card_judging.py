"""What is computed from a card and from what is served: disclosures, openness, the documentation form."""

import doctest
import json
from datetime import date

import pytest
from django.utils import timezone

from portal.licensing.models import Licence
from portal.releases.cards import (
    citation,
    components,
    disclosures,
    documentation,
    fields,
    memory,
    openness,
    readme,
)
from portal.releases.cards.components import CODES, COMPONENTS
from portal.releases.cards.exporting import EvaluationRow
from portal.releases.cards.facts import Facts
from portal.releases.cards.fields import FIELDS, Audience
from portal.releases.models import Release, ReleaseStatus, Revision
from tests import cast

LINK = {"url": "https://example.org/x", "license": "Apache-2.0"}
BODY = """\
# Tiny

A small model.

## Intended use

Chat.

## Out-of-scope use

Medicine.

## Limitations

It errs.

## Risks

Few.

## Training data

Web pages.

## Training

Slowly.

## Evaluation

By hand.

## Changes

None.

## Contact

ada@example.org
"""
ROW = EvaluationRow("Refusal", "rate", 0.9, date(2026, 11, 1))


def facts(*, body=BODY, metadata=None, licence="Apache-2.0", **others):
    release = Release(
        slug="tiny", name="Tiny", hub_id="open-weights/tiny", licence=Licence(slug="l", name=licence)
    )
    revision = Revision(
        release=release, name="main", commit="c" * 40, total_bytes=5, frozen_at=timezone.now()
    )
    known = {
        "revision": revision, "counts": {"BF16": 600},
        "paths": frozenset({"model.safetensors", "config.json"}),
        "config": {"architectures": ["LlamaForCausalLM"], "num_hidden_layers": 2}, "is_measured": True,
    }  # fmt: skip
    return Facts(release, **(known | others)).with_card(readme.Readme(metadata or {}, body))


def linked(*codes, **others):
    return {"openness": dict.fromkeys(codes, LINK) | others}


def lacking(found):
    return [one.component.code for one in found.lacking]


@pytest.mark.parametrize("module", [components, fields, memory, readme], ids=lambda module: module.__name__)
def test_examples_in_the_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0
    assert doctest.testmod(module).attempted


def test_an_empty_release_lacks_everything_that_it_does_not_say():
    checklist = disclosures.check(facts(body="", paths=frozenset(), counts={}, config={}, revision=None))

    assert checklist.note == f"0 of {len(disclosures.DISCLOSURES)}"


def test_each_disclosure_is_given_by_what_is_there():
    metadata = {
        "base_model": "org/base", "pipeline_tag": "text-generation", "datasets": ["org/data"],
        "language": "en", "co2_eq_emissions": {"emissions": 3}, "model-index": [{"name": "x"}],
    }  # fmt: skip
    answers = dict.fromkeys(
        ("data_points", "data_provenance", "data_curation", "training_computation", "training_time"), "Said."
    )
    whole = facts(metadata=metadata, answers=answers, key_id="k", version=object())

    assert disclosures.check(whole).missing == ()
    bare = disclosures.check(facts(counts={}))
    assert [item.code for item in bare.missing] == [
        "size", "base_model", "task", "authenticity", "datasets", "languages", "data_size", "provenance",
        "curation", "computation", "duration", "energy", "results", "licence",
    ]  # fmt: skip


def test_disclosures_name_sources_and_fields_that_there_are():
    codes = [item.code for item in disclosures.DISCLOSURES]
    known = {field.code for field in FIELDS}

    assert len(set(codes)) == len(codes)
    for item in disclosures.DISCLOSURES:
        assert item.source, item.code
        assert (item.place == disclosures.Place.FORM) == bool(item.field), item.code
        assert item.field in known | {""}, item.code


def test_the_framework_has_seventeen_components():
    assert len(set(CODES)) == len(COMPONENTS) == 17


def test_open_weights_with_a_card_and_results_are_class_three():
    links = linked("model_architecture", "technical_report")

    found = openness.classify(facts(metadata=links, rows=(ROW,)))

    assert (found.openness_class, found.class_name) == (3, "Class III, Open Model")
    assert found.next_name == "Class II, Open Tooling"
    assert lacking(found) == ["training_code", "inference_code", "evaluation_code", "evaluation_data"]


def test_the_higher_classes_take_in_the_lower():
    three = ("model_architecture", "technical_report")
    two = ("training_code", "inference_code", "evaluation_code", "evaluation_data")
    one = ("research_paper", "datasets", "preprocessing_code", "intermediate_parameters")

    assert openness.classify(facts(metadata=linked(*three, *two), rows=(ROW,))).openness_class == 2
    highest = openness.classify(facts(metadata=linked(*three, *two, *one), rows=(ROW,)))
    assert (highest.openness_class, highest.next_class, highest.lacking) == (1, None, ())
    skipped = openness.classify(facts(metadata=linked(*two, *one), rows=(ROW,)))
    assert (skipped.openness_class, lacking(skipped)) == (None, list(three))


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"licence": "Ours"}, ["model_parameters"]),
        ({"paths": frozenset({"model.bin"})}, ["model_parameters"]),
        ({"rows": ()}, ["evaluation_results"]),
        ({"body": BODY.replace("It errs.", "[More Information Needed]")}, ["model_card"]),
        ({"body": BODY.replace("Web pages.", "")}, ["data_card"]),
    ],
)
def test_what_is_not_really_served_and_open_does_not_count(changes, missing):
    documents = {"license": "CC-BY-4.0"}
    metadata = linked(
        "model_architecture", "technical_report",
        model_card=documents, data_card=documents, evaluation_results=documents,
    )  # fmt: skip

    found = openness.classify(facts(**({"metadata": metadata, "rows": (ROW,)} | changes)))

    assert (found.openness_class, lacking(found)) == (None, missing)


def test_nobody_declares_the_weights_open_that_stand_under_another_licence():
    metadata = linked("model_architecture", "technical_report", "model_parameters")

    found = openness.classify(facts(metadata=metadata, rows=(ROW,), licence="Ours"))

    assert "model_parameters" in lacking(found)


def test_a_link_without_an_open_licence_does_not_count():
    closed = {"url": "https://example.org/x", "license": "CC-BY-NC-4.0"}

    found = openness.classify(
        facts(metadata={"openness": {"training_code": closed, "datasets": {"url": "x"}}})
    )

    states = {one.component.code: (one.standing, one.licence) for one in found.found}
    assert states["training_code"] == ("closed", "CC-BY-NC-4.0")
    assert states["datasets"] == ("closed", "")
    assert states["research_paper"] == ("missing", "")


def test_the_form_is_filled_from_the_portals_own_facts(db, settings):
    release = cast.release(status=ReleaseStatus.OPEN)
    release.opened_at = timezone.now()
    known = facts(metadata={"pipeline_tag": "text-generation", "base_model": ["org/base"]}, key_id="ab")
    whole = Facts(
        release, version=release.licence.current_version(), revision=known.revision, paths=known.paths,
        key_id="ab", counts={"BF16": 134_515_008}, config=known.config, answers={"provider": "Example Ltd"},
    ).with_card(known.card)  # fmt: skip

    form = documentation.fill(whole)

    stated = {one.field.code: (one.value, one.source) for one in form.filled}
    assert stated["name"] == (f"Tiny (open-weights/tiny, revision main ({'c' * 40}))", "portal")
    assert "c" * 40 in stated["authenticity"][0]
    assert "signed in the OpenSSF Model Signing format by the key ab" in stated["authenticity"][0]
    assert stated["release_date"] == (release.opened_at.date().isoformat(), "portal")
    assert stated["dependencies"] == ("org/base", "portal")
    assert stated["architecture"] == ("LlamaForCausalLM, 2 layers", "portal")
    assert stated["size"] == ("134515008 parameters", "portal")
    assert stated["size_range"] == ("1 to 500M", "portal")
    assert stated["input_modalities"][0].startswith("Text, at most 2048 tokens")
    assert f"{settings.PORTAL_URL}/licences/licence-of-tiny/" in stated["licence"][0]
    assert stated["intended_uses"] == ("Chat.\n\nOut of scope:\n\nMedicine.", "portal")
    assert "0.27 GB of memory" in stated["hardware"][0]
    assert stated["provider"] == ("Example Ltd", "staff")
    assert stated["training_energy"] == ("", "")


def test_what_is_written_out_says_what_is_empty():
    form = documentation.fill(facts(answers={"provider": "Example Ltd"}))

    written, told = documentation.as_markdown(form), documentation.as_json(form)

    assert "### Legal name for the model provider\n\n*For: AIO, NCAs, DPs*\n\nExample Ltd" in written
    assert "### Amount of energy used for training\n\n*For: AIO, NCAs*\n\nNot stated." in written
    said = {one["code"]: one for one in json.loads(json.dumps(told))["fields"]}
    assert said["training_energy"]["value"] is None
    assert len(said) == len(FIELDS)


def test_downstream_providers_are_given_their_fields_alone():
    form = documentation.fill(facts(answers={"rationale": "A secret of the trade."}))

    theirs = form.for_readers(Audience.DOWNSTREAM)

    assert "A secret" in documentation.as_markdown(form)
    assert "A secret" not in documentation.as_markdown(theirs)
    assert {"authenticity", "training_energy"}.isdisjoint(one.field.code for one in theirs.filled)


def test_the_cards_own_bibtex_is_taken_and_else_one_is_made(settings):
    settings.ORGANISATION_NAME = "A & B {x}"
    own = facts(body="## Citation\n\nPlease cite:\n\n```bibtex\n@misc{a,\n}\n```\n\nThank you.")

    made = citation.bibtex(facts())

    assert citation.bibtex(own) == "@misc{a,\n}"
    assert citation.words(own) == "Please cite:\n\n\nThank you."
    assert made.startswith("@misc{tiny,\n  title = {Tiny},\n  author = {{A   B  x}},\n")
    assert f"note = {{Revision {'c' * 12}}}" in made
