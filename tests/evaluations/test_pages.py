"""The console's pages of suites and runs: who may, what they show, exports, and what they cost."""

import csv
import io
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from playground.evaluations import actions, ending
from playground.evaluations.models import EvaluationItem, EvaluationRun, ItemStatus, RunStatus, Suite
from portal.ledger.models import Entry
from tests import cast
from tests.conftest import signed_in
from tests.evaluations.conftest import PARAMS, case, frozen, serve, suite

pytestmark = pytest.mark.django_db

PAGE = "/console/evaluations/"
HOSTILE = "<script>alert(1)</script>"


def finished(revision, version, by, *, scores=(1.0,), text="fine") -> EvaluationRun:
    """A run that is done, whose cases have these scores in turn."""
    run = actions.start_run(revision, version, params=PARAMS, concurrency=1, by=by)
    for place, item in enumerate(run.items.order_by("case__number")):
        EvaluationItem.objects.filter(pk=item.pk).update(
            status=ItemStatus.SCORED, score=scores[place % len(scores)], text=text, completion_tokens=7
        )
    EvaluationRun.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING)
    run = EvaluationRun.objects.with_story().get(pk=run.pk)
    with transaction.atomic():
        ending.conclude(run, by=by)
    return run


@pytest.fixture
def here(revision):
    """A revision with a server that nobody asks in these tests."""
    return serve(revision, "http://127.0.0.1:1")


def test_only_who_manages_releases_or_signs_for_them_enters(client, as_mallory, as_rosa, here, eva):
    run = finished(here, suite(), eva)
    sam = signed_in(cast.staff("sam@example.org", "Safety officers"))
    paths = ("", "suites/new/", "suites/kindness/", "suites/kindness/new/", "runs/new/", f"runs/{run.pk}/")
    more = (f"runs/{run.pk}/cases/1/", f"runs/{run.pk}/run.csv", f"runs/{run.pk}/run.json", "import/")

    for path in (*paths, *more):
        assert client.get(PAGE + path).status_code == 302
        assert {as_mallory.get(PAGE + path).status_code, as_rosa.get(PAGE + path).status_code} == {403}
        assert sam.get(PAGE + path).status_code == 200
    for path in ("cancel", "retry", "record"):
        assert as_rosa.post(f"{PAGE}runs/{run.pk}/{path}/").status_code == 403
    assert as_rosa.post(f"{PAGE}suites/shipped/").status_code == 403


def test_eva_adds_a_suite_by_a_file_and_a_version_by_text(as_eva, eva):
    row = json.dumps(case("a").told())
    first = as_eva.post(
        f"{PAGE}suites/new/",
        {"file": SimpleUploadedFile("s.jsonl", row.encode()), "slug": "kindness", "title": "Kindness"},
    )
    second = as_eva.post(f"{PAGE}suites/kindness/new/", {"text": f"{row}\n{json.dumps(case('b').told())}"})
    again = as_eva.post(f"{PAGE}suites/kindness/new/", {"text": row}, follow=True)

    assert [first.url, second.url] == [f"{PAGE}suites/kindness/"] * 2
    assert [(one.number, one.added_by) for one in Suite.objects.get().versions.all()] == [(2, eva), (1, eva)]
    assert "These very cases are version 1 already. Nothing was added." in again.content.decode()


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({}, "Choose a file, or write the cases into the field: one of the two."),
        ({"text": '{"id": "a"}', "slug": "x"}, "Line 1: category must be a text of 1 to 60 characters"),
        ({"text": json.dumps(case("a").told())}, "Give the suite a short name"),
        ({"file": SimpleUploadedFile("s", b"\xff\xfe"), "slug": "x"}, "The file is not UTF-8 text."),
    ],
)
def test_suite_that_is_none_is_shown_again_with_its_faults(as_eva, sent, told):
    answer = as_eva.post(f"{PAGE}suites/new/", sent)

    said = answer.content.decode()
    assert (answer.status_code, told in said) == (422, True)
    assert sent.get("slug", "") in said
    assert not Suite.objects.exists()


def test_eva_begins_with_the_shipped_suites(as_eva):
    assert "Add the two suites" in as_eva.get(PAGE).content.decode()

    as_eva.post(f"{PAGE}suites/shipped/")

    assert Suite.objects.count() == 2


def test_eva_starts_a_run_and_wrong_numbers_are_told(as_eva, here, eva):
    version = suite()
    form = {"revision": here.pk, "version": version.pk, "temperature": "0", "max_tokens": "32", "seed": "1"}

    wrong = as_eva.post(f"{PAGE}runs/new/", form | {"concurrency": "99"})
    right = as_eva.post(f"{PAGE}runs/new/", form | {"concurrency": "2"})
    twice = as_eva.post(f"{PAGE}runs/new/", form | {"concurrency": "2"})

    run = EvaluationRun.objects.get()
    assert (wrong.status_code, "less than or equal to 16" in wrong.content.decode()) == (422, True)
    assert right.url == run.get_absolute_url()
    assert (run.params, run.started_by) == ({"temperature": 0, "max_tokens": 32, "seed": 1}, eva)
    assert twice.status_code == 409
    assert run.get_absolute_url() in twice.content.decode()


def test_run_is_followed_and_its_end_reloads_the_page(as_eva, here, eva):
    run = actions.start_run(here, suite(), params=PARAMS, concurrency=1, by=eva)
    path = f"{PAGE}runs/{run.pk}/"

    page = as_eva.get(path).content.decode()
    part = as_eva.get(f"{path}progress/", headers={"HX-Request": "true"})
    plain = as_eva.get(f"{path}progress/")
    as_eva.post(f"{path}cancel/")
    end = as_eva.get(f"{path}progress/", headers={"HX-Request": "true"})

    assert 'hx-trigger="load delay:2s"' in page
    assert "0 of 1 cases" in part.content.decode()
    assert (plain.url, end.headers["HX-Refresh"]) == (path, "true")
    assert as_eva.post(f"{path}retry/").status_code == 409


def test_result_is_shown_with_its_interval_and_against_the_run_before(as_eva, here, eva, release):
    version = suite(*(case(f"c{number}") for number in range(4)))
    finished(here, version, eva, scores=(1.0, 1.0, 0.0, 0.0))
    newer = serve(frozen(release, commit="b" * 40, name="next"), "http://127.0.0.1:1")
    run = finished(newer, version, eva, scores=(0.0, 1.0, 1.0, 1.0))

    said = " ".join(as_eva.get(run.get_absolute_url()).content.decode().split())

    assert "<strong>75 %</strong>" in said
    assert "30 to 95 %" in said
    assert "met 2 of 4 (50 %). 2 cases are better now, 1 worse." in said
    assert run.evaluation.digest in said


def test_what_a_model_says_is_text(as_eva, here, eva):
    run = finished(here, suite(), eva, text=HOSTILE)

    pages = [as_eva.get(path).content.decode() for path in (run.get_absolute_url(), _answer(run))]

    assert [HOSTILE in page for page in pages] == [False, False]
    assert ["&lt;script&gt;alert(1)&lt;/script&gt;" in page for page in pages] == [True, True]


def test_run_is_exported_for_programs_and_spreadsheets(as_eva, here, eva):
    run = finished(here, suite(case("a"), case("b")), eva, scores=(1.0, 0.0), text="=1+1")

    as_json = json.loads(as_eva.get(f"{run.get_absolute_url()}run.json").getvalue())
    rows = list(
        csv.DictReader(io.StringIO(as_eva.get(f"{run.get_absolute_url()}run.csv").getvalue().decode()))
    )

    assert (as_json["commit"], as_json["suite_sha256"]) == (run.commit, run.version.sha256)
    assert [(one["id"], one["score"], one["answer"]) for one in as_json["cases"]] == [
        ("a", 1, "=1+1"),
        ("b", 0, "=1+1"),
    ]
    assert [(row["Case"], row["Score"], row["Answer"]) for row in rows] == [
        ("a", "1.0", "'=1+1"),
        ("b", "0.0", "'=1+1"),
    ]
    assert as_eva.get(f"{run.get_absolute_url()}run.xml").status_code == 404


def test_answers_are_narrowed_and_strange_questions_do_no_harm(as_eva, here, eva):
    cases = [case("good"), case("bad", category="cold")]
    run = finished(here, suite(*cases), eva, scores=(1.0, 0.0))

    shown = [
        [name for name in ("good", "bad") if f"<code>{name}</code>" in as_eva.get(url).content.decode()]
        for url in (f"{run.get_absolute_url()}{query}" for query in ("", "?outcome=met", "?category=cold"))
    ]

    assert shown == [["good", "bad"], ["good"], ["bad"]]
    for query in ("?outcome=%00", "?category=%00", "?page=x"):
        assert as_eva.get(run.get_absolute_url() + query).status_code == 200
    assert as_eva.get(f"{run.get_absolute_url()}cases/3/").status_code == 404
    assert as_eva.get(f"{PAGE}suites/kindness/?version=9").url == f"{PAGE}suites/kindness/"


@pytest.mark.parametrize("path", ["", "suites/kindness/", "runs/{}/"])
def test_pages_take_as_many_queries_for_three_rows_as_for_one(as_eva, here, eva, release, path):
    def queries(run: EvaluationRun) -> int:
        as_eva.get(PAGE + path.format(run.pk))
        with CaptureQueriesContext(connection) as caught:
            as_eva.get(PAGE + path.format(run.pk))
        return len(caught)

    finished(here, suite(), eva)
    one = queries(finished(here, suite(), eva))
    version = suite(*(case(f"c{number}", category=f"k{number}") for number in range(3)))
    others = [suite(slug=f"other-{number}") for number in range(2)]
    for other in others:
        finished(here, other, eva)
    finished(here, version, eva, scores=(0.0,))

    assert queries(finished(here, version, eva)) == one


def test_every_step_is_in_the_ledger(as_eva, here, eva):
    run = actions.start_run(here, suite(), params=PARAMS, concurrency=1, by=eva)
    as_eva.post(f"{PAGE}runs/{run.pk}/cancel/")

    entry = Entry.objects.get(verb="evaluation_run.cancelled")
    assert (entry.actor_id, entry.subject_id, entry.data) == (eva.pk, str(run.pk), {"commit": run.commit})


def _answer(run: EvaluationRun) -> str:
    return f"{run.get_absolute_url()}cases/1/"
