"""The card on a release's page and as a file: who reads it, what stands in it, and what it leaves out."""

import pytest
from django.utils import timezone
from huggingface_hub import ModelCard, ModelInfo

from portal.console.demo.seeding import TEXTS
from portal.licensing.models import LicenceVersion
from portal.releases import actions, importing
from portal.releases.cards import actions as cards
from portal.releases.cards.measuring import measure
from portal.releases.models import ReleaseStatus, Revision, WeightFile
from portal.releases.safety import evaluations
from tests import cast
from tests.conftest import signed_in
from tests.safety.cleared import evaluate

DEMO = (TEXTS / "card.md").read_text()
API = "/hub/api/models/open-weights/tiny"


@pytest.fixture
def carded(revision):
    """The release with the demonstration's card."""
    cards.save_card(revision.release, text=DEMO, by=None)
    measure(revision)
    return revision.release


def test_the_page_is_a_card_with_its_contents(client, carded, revision):
    page = client.get("/releases/tiny/").content.decode()

    for anchor in (
        "overview", "intended-use", "out-of-scope-use", "run", "memory", "evaluation", "limitations", "risks",
        "training-data", "training", "changes", "licence", "transparency", "citation", "contact",
    ):  # fmt: skip
        assert page.count(f'href="#{anchor}"') >= 1, anchor
        assert page.count(f'id="{anchor}"') == 1, anchor
    assert "vllm serve open-weights/tiny --max-model-len 2048" in page
    assert "HF_ENDPOINT=https://portal.example.org/hub" in page
    assert "pipeline(&quot;text-generation&quot;, model=&quot;open-weights/tiny&quot;)" in page
    assert "llama-server -m tiny.gguf -c 2048" in page
    assert "As published (U8)" in page
    assert "@misc{allal2025smollm2," in page
    assert "No class yet" in page


def test_a_revision_that_is_not_main_is_run_by_its_name(as_ada, carded, revision):
    Revision.objects.filter(pk=revision.pk).update(is_current=False)

    page = as_ada.get(f"/releases/tiny/{revision.commit}/").content.decode()

    assert f"vllm serve open-weights/tiny --revision {revision.commit} --max-model-len 2048" in page


def test_a_gguf_file_is_run_as_it_is(client, release):
    made = Revision.objects.create(release=release, commit="c" * 40, total_bytes=1)
    WeightFile.objects.create(revision=made, path="a b.gguf", size_bytes=1, sha256="0" * 64, git_oid="0" * 40)

    runs = {run.name: run.code for run in client.get("/releases/tiny/").context["runs"]}

    assert runs["llama-cpp"].endswith(
        "hf download open-weights/tiny 'a b.gguf' --local-dir tiny\nllama-server -m 'tiny/a b.gguf' -c 2048"
    )


def test_a_revision_that_was_not_measured_says_so(client, revision):
    assert b"are being counted" in client.get("/releases/tiny/").content


def test_without_a_card_the_description_stands_for_it(client, release):
    release.description = "Old *words*.\n\n## Limits of it\n\nMany."
    release.save()

    page = client.get("/releases/tiny/").content.decode()

    assert "Old <em>words</em>." in page
    assert 'href="#more-1">Limits of it</a>' in page


def test_a_card_cannot_bring_a_script_or_a_picture(client, release):
    text = "<script>alert(1)</script> ![x](https://evil.example/x.png) [a](javascript:alert(1))"
    cards.save_card(release, text=f"## Overview <i>\n\n{text}", by=None)

    page = client.get("/releases/tiny/").content.decode()

    assert "<script>alert" not in page
    assert "evil.example/x.png" not in page
    assert 'href="javascript' not in page


def test_the_demonstrations_card_is_what_the_hubs_parser_reads(client, carded):
    response = client.get("/releases/tiny/README.md")

    card = ModelCard(response.content.decode())
    written = ModelCard(DEMO)
    assert response["Content-Type"] == "text/markdown; charset=utf-8"
    assert card.text == written.text
    known = {name: value for name, value in card.data.to_dict().items() if not name.startswith("license")}
    assert known == written.data.to_dict()
    assert card.data.license_name == "licence-of-tiny"
    assert str(card) == response.content.decode()


def test_the_hubs_clients_are_told_the_cards_metadata(client, carded, bearer):
    said = client.get(API, headers=bearer).json()

    assert said["cardData"]["base_model"] == "HuggingFaceTB/SmolLM2-135M"
    assert said["cardData"]["license_name"] == "licence-of-tiny"
    assert {"chat", "small", "on-device", "license:other"} < set(said["tags"])
    assert (
        client.get("/hub/api/models", {"full": "1"}, headers=bearer).json()[0]["cardData"] == said["cardData"]
    )


def test_the_hubs_client_reads_the_results_of_evaluations(client, carded, revision, bearer):
    evaluate(revision, 0.95)
    withdrawn = evaluate(revision, 0.1, suite="over-refusal")
    evaluations.withdraw(withdrawn, reason="It asked another revision.", by=None)

    (listed,) = client.get("/hub/api/models", {"full": "1"}, headers=bearer).json()
    asked = [client.get(API, headers=bearer).json(), listed]
    plain = client.get("/hub/api/models", headers=bearer).json()

    for one in asked:
        results = ModelInfo(**one).card_data.eval_results
        assert [(of.dataset_name, of.metric_type, of.metric_value) for of in results] == [
            ("refusal", "pass_rate", 0.95)
        ]
        assert one["cardData"]["model-index"][0]["name"] == "Tiny"
    assert ModelInfo(**asked[0]).model_index == asked[0]["cardData"]["model-index"]
    readme = ModelCard(client.get("/releases/tiny/README.md").content.decode())
    assert readme.data.eval_results == ModelInfo(**asked[0]).card_data.eval_results
    assert "cardData" not in plain[0]


def test_the_licence_in_force_is_told_by_its_spdx_identifier(client, carded, bearer):
    version = LicenceVersion(licence=carded.licence, number="2.0", text="Do as you like.", spdx="MIT")
    version.sha256, version.published_at = version.text_sha256(), timezone.now()
    version.save()

    asked = client.get(API, headers=bearer).json()
    (listed,) = client.get("/hub/api/models", {"full": "1"}, headers=bearer).json()
    readme = ModelCard(client.get("/releases/tiny/README.md").content.decode())

    for one in (asked, listed):
        assert one["cardData"]["license"] == "mit"
        assert {"license_name", "license_link"}.isdisjoint(one["cardData"])
        assert "license:mit" in one["tags"]
    assert readme.data.license == "mit"


@pytest.mark.parametrize("path", ["README.md", "documentation/", "documentation.json", "documentation.md"])
def test_mallory_cannot_read_the_card_of_a_draft(client, as_mallory, carded, path):
    carded.status = ReleaseStatus.DRAFT
    carded.save()
    remy = signed_in(cast.staff("remy@example.org", "Release managers"))

    assert client.get(f"/releases/tiny/{path}").status_code == 404
    assert as_mallory.get(f"/releases/tiny/{path}").status_code == 404
    assert remy.get(f"/releases/tiny/{path}").status_code == 200


def test_everybody_reads_the_fields_for_downstream_providers_and_no_others(client, carded):
    cards.save_documentation(
        carded,
        answers={"provider": "Example Ltd", "training_energy": "12 MWh", "rationale": "Ours."},
        by=None,
    )

    page = client.get("/releases/tiny/documentation/").content.decode()
    told = client.get("/releases/tiny/documentation.json").json()
    written = client.get("/releases/tiny/documentation.md").content.decode()

    for text in (page, str(told), written):
        assert "Example Ltd" in text
        assert "12 MWh" not in text
        assert "Ours." not in text
    assert {"provider", "size_range"} < {field["code"] for field in told["fields"]}
    assert "training_energy" not in {field["code"] for field in told["fields"]}
    assert "Not stated." in page


def test_a_withdrawn_release_keeps_its_words_and_shows_no_files(client, carded, revision):
    carded.opened_at = revision.frozen_at
    carded.save()
    actions.withdraw(carded, reason="It leaked.", by=None)

    page = client.get("/releases/tiny/").content.decode()
    told = client.get("/releases/tiny/documentation.json").content.decode()

    assert "SmolLM2-135M-Instruct is a compact language model" in page
    assert "vllm serve" not in page
    assert revision.commit not in page + told


def test_the_page_says_by_the_files_what_changed_since_the_revision_before(client, revision, directory):
    first = client.get("/releases/tiny/").content.decode()
    (directory / "config.json").write_bytes(b"{}")
    (directory / "empty.txt").unlink()
    for number in range(12):
        (directory / f"more-{number:02}.txt").write_text(str(number))
    work = actions.request_import(revision.release, source=str(directory), by=None, dispatch=False)
    importing.run(work.pk)

    page = client.get("/releases/tiny/")

    groups = {group.label: (group.count, group.paths) for group in page.context["changes"].groups}
    assert groups["Changed"] == (1, ("config.json",))
    assert groups["Removed"] == (1, ("empty.txt",))
    assert groups["Added"] == (12, tuple(f"more-{number:02}.txt" for number in range(10)))
    assert "and 2 more" in page.content.decode()
    assert f'href="/releases/tiny/{revision.commit}/"' in page.content.decode()
    assert "By the files" not in first
    assert "By the files" not in client.get(f"/releases/tiny/{revision.commit}/").content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_the_files_of_a_card_cost_the_same_for_any_release(client, release, count, django_assert_num_queries):
    made = Revision.objects.create(release=release, commit="c" * 40, total_bytes=count)
    for number in range(count):
        WeightFile.objects.create(
            revision=made, path=f"{number}", size_bytes=1, sha256=f"{number:064x}", git_oid="0" * 40
        )

    for path in ("README.md", "documentation/"):
        with django_assert_num_queries(7):
            client.get(f"/releases/tiny/{path}")
