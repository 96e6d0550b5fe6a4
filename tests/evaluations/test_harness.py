"""Importing results of lm-evaluation-harness: what its file says, what is chosen, whose word it rests on."""

import hashlib
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from playground.evaluations import harness
from playground.evaluations.harness import NotResults
from portal.console.evaluations_forms import encoded
from portal.releases.models import Evaluation
from tests.evaluations.conftest import frozen

PAGE = "/console/evaluations/import/"


def results(**changes: Any) -> bytes:
    """A results_*.json in the form of lm_eval 0.4.9."""
    told = {
        "results": {
            "hellaswag": {
                "alias": "hellaswag",
                "acc,none": 0.41,
                "acc_stderr,none": 0.0049,
                "acc_norm,none": 0.5,
                "acc_norm_stderr,none": "N/A",
            },
            "gsm8k": {
                "alias": "gsm8k",
                "exact_match,strict-match": 0.02,
                "exact_match_stderr,strict-match": 0.004,
                "exact_match,flexible-extract": 0.03,
                "exact_match_stderr,flexible-extract": 0.005,
            },
            "mmlu": {" ": " ", "alias": "mmlu"},
        },
        "configs": {"hellaswag": {"task": "hellaswag"}},
        "versions": {"hellaswag": 1.0, "gsm8k": 3.0},
        "n-shot": {"hellaswag": 0, "gsm8k": 5},
        "higher_is_better": {"hellaswag": {"acc": True}},
        "n-samples": {
            "hellaswag": {"original": 10042, "effective": 10042},
            "gsm8k": {"original": 1319, "effective": 100},
        },
        "config": {
            "model": "hf",
            "model_args": "pretrained=open-weights/tiny,dtype=bfloat16",
            "model_sha": "a" * 40,
            "limit": 100.0,
        },
        "git_hash": "abc123",
        "date": 1764000000.5,
        "lm_eval_version": "0.4.9.1",
        "model_name": "open-weights/tiny",
    }
    return json.dumps(told | changes).encode()


def test_file_is_read_as_the_harness_writes_it():
    read = harness.read(results())

    assert (read.model, read.commit) == ("open-weights/tiny", "a" * 40)
    assert read.sha256 == hashlib.sha256(results()).hexdigest()
    assert [(task.name, dict(task.metrics), task.samples, task.version) for task in read.tasks] == [
        ("hellaswag", {"acc,none": 0.41, "acc_norm,none": 0.5}, 10042, "1.0"),
        ("gsm8k", {"exact_match,strict-match": 0.02, "exact_match,flexible-extract": 0.03}, 100, "3.0"),
    ]
    assert read.facts["lm_eval_version"] == "0.4.9.1"


@pytest.mark.parametrize(
    ("config", "model", "commit"),
    [
        ({"model_args": {"pretrained": "o/m", "revision": "b" * 40}}, "o/m", "b" * 40),
        ({"model_args": f"pretrained=o/m,revision={'c' * 40},dtype=auto"}, None, "c" * 40),
        ({"model_args": "pretrained=o/m,revision=main"}, "pretrained=o/m,revision=main", ""),
        ({"model": "local-chat-completions", "model_args": None}, "local-chat-completions", ""),
    ],
)
def test_the_model_is_told_in_several_ways(config, model, commit):
    read = harness.read(results(config=config, model_name=None))

    assert read.commit == commit
    assert model is None or read.model == model


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no", "The file is not JSON."),
        (b"[]", "The file has no “results”."),
        (b'{"results": {"a": 1}}', "The file has no “results”."),
        (b'{"results": {"a": {"acc,none": NaN}}}', "The file has 0 tasks with numbers"),
        (b" " * (harness.FILE_BYTES_MAX + 1), "The file is larger than 1 MiB."),
    ],
)
def test_what_is_no_results_file_is_told_why(content, told):
    with pytest.raises(NotResults, match=told):
        harness.read(content)


@pytest.mark.django_db
def test_eva_chooses_numbers_and_they_are_recorded_for_the_revision(as_eva, revision, eva):
    sent = as_eva.post(PAGE, {"file": SimpleUploadedFile("r.json", results()), "revision": revision.pk})
    assert "hellaswag: acc,none = 0.41 (10,042 samples)" in sent.content.decode()
    form = {"content": encoded(results()), "revision": revision.pk, "is_of_revision": "on"}

    answer = as_eva.post(f"{PAGE}choose/", form | {"metrics": ["hellaswag|acc,none"]})

    assert answer.status_code == 302
    evaluation = Evaluation.objects.get()
    said = json.loads(evaluation.statement)
    assert (evaluation.kind, evaluation.suite) == ("imported", "lm-eval/hellaswag")
    assert evaluation.suite_sha256 == hashlib.sha256(results()).hexdigest()
    assert (said["metrics"], said["samples"], said["commit"]) == ({"acc,none": 0.41}, 10042, "a" * 40)
    assert (said["facts"]["bound_by"], said["facts"]["shots"]) == ("the commit id in the file", "0")


@pytest.mark.django_db
def test_file_without_a_commit_rests_on_a_persons_word(as_eva, revision, eva):
    content = results(config={})
    form = {
        "content": encoded(content),
        "revision": revision.pk,
        "metrics": ["gsm8k|exact_match,strict-match"],
    }

    without = as_eva.post(f"{PAGE}choose/", form)
    as_eva.post(f"{PAGE}choose/", form | {"is_of_revision": "on"})

    assert (without.status_code, "it needs your word" in without.content.decode()) == (422, True)
    assert json.loads(Evaluation.objects.get().statement)["facts"]["bound_by"] == f"the word of {eva}"


@pytest.mark.django_db
def test_file_that_names_another_revision_is_refused(as_eva, revision, release):
    other = frozen(release, commit="b" * 40, name="other")
    form = {"content": encoded(results()), "revision": other.pk, "is_of_revision": "on"}

    answer = as_eva.post(f"{PAGE}choose/", form | {"metrics": ["hellaswag|acc,none"]})

    assert answer.status_code == 422
    assert "which is another revision. Choose that one." in answer.content.decode()
    assert not Evaluation.objects.exists()


@pytest.mark.django_db
def test_wrong_files_and_strangers_are_turned_away(as_eva, as_mallory, revision):
    wrong = as_eva.post(PAGE, {"file": SimpleUploadedFile("r.json", b"no"), "revision": revision.pk})

    assert (wrong.status_code, "The file is not JSON." in wrong.content.decode()) == (422, True)
    assert as_eva.post(f"{PAGE}choose/", {"content": "%"}).url == PAGE
    assert as_mallory.get(PAGE).status_code == 403
    assert as_mallory.post(f"{PAGE}choose/").status_code == 403
