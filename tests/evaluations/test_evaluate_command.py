"""`manage.py evaluate`: starting runs from the command line."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from playground.evaluations.models import EvaluationRun
from tests.evaluations.conftest import case, frozen, serve, suite

pytestmark = pytest.mark.django_db

NOWHERE = "http://127.0.0.1:1"


def evaluate(*arguments: str) -> list[str]:
    said = StringIO()
    call_command("evaluate", *arguments, stdout=said)
    return said.getvalue().splitlines()


def test_shipped_suites_are_run_on_the_current_revision(revision, settings):
    serve(revision, NOWHERE)

    said = evaluate("tiny", "--max-tokens", "32")

    runs = {run.version.suite.slug: run for run in EvaluationRun.objects.with_story()}
    assert sorted(runs) == ["over-refusal", "refusal"]
    assert said == [
        f"{slug}: {settings.PORTAL_URL}{run.get_absolute_url()}" for slug, run in sorted(runs.items())
    ]
    assert {run.commit for run in runs.values()} == {revision.commit}
    assert runs["refusal"].params == {"temperature": 0, "max_tokens": 32, "seed": 0}


def test_named_suite_is_run_in_its_newest_version_on_a_named_revision(revision, release):
    other = serve(frozen(release, commit="b" * 40, name="next"), NOWHERE)
    suite()
    newest = suite(case("a"), case("b"))

    evaluate("tiny", "--suite", "kindness", "--commit", other.commit)

    run = EvaluationRun.objects.get()
    assert (run.version, run.revision) == (newest, other)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nothing",), "There is no release nothing."),
        (("tiny", "--commit", "c"), "tiny has no such revision."),
        (("tiny", "--suite", "nothing"), "There is no suite nothing."),
        (("tiny", "--suite", "kindness"), "kindness was not started: No model server is configured"),
    ],
)
def test_what_cannot_be_run_is_told_why(revision, settings, arguments, told):
    settings.VLLM_BASE_URL = ""
    suite()

    with pytest.raises(CommandError, match=f"(?i){told}"):
        evaluate(*arguments)

    assert not EvaluationRun.objects.exists()
