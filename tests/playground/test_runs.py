"""Runs: starting one from a table, its tally, cancelling, retrying, its files, and whose it is."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from playground import actions, retention
from playground.actions import Outcome
from playground.actions import runs as run_actions
from playground.filling import Unfillable
from playground.models import Conversation, Generation, GenerationStatus, PromptCase, PromptRun
from playground.tallying import tally_of
from portal.common.refusals import Refusal
from portal.ledger.actions import first_break
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from tests import cast
from tests.conftest import signed_in
from tests.playground.conftest import wish
from tests.playground.stack import wait_for

PAGE = "/playground/runs/"
CASES = [{"name": "Ada", "x": "1"}, {"name": "=Berta", "x": "2"}, {"name": "Cleo", "x": "3"}]
SETTINGS = {"temperature": 0.5, "max_tokens": 20, "system_prompt": ""}


@pytest.fixture
def run(ada, release) -> PromptRun:
    """A run of three cases of Ada's."""
    return start(ada, release)


def start(by, release, cases=CASES, **changes):
    usual = {"prompt": "Hi {{name}}", "settings": SETTINGS, "token": uuid4()}
    return actions.start_run(cases, by=by, release=release, **usual | changes)


def end(answer, status=GenerationStatus.DONE, **outcome):
    ending = {"done": actions.finish, "failed": actions.fail}[status]
    assert ending(actions.begin(answer.pk), Outcome(**{"text": "Hello.", "finish_reason": "stop", **outcome}))


def answers(run):
    return [case.answer for case in tally_of(run).cases]


def form(**changes):
    usual = {"token": str(uuid4()), "release": "tiny", "temperature": "0.5", "max_tokens": "20"}
    return usual | {"prompt": "Hi {{name}}", "table": "name,x\nAda,1\n=Berta,2\n"} | changes


def test_each_case_is_asked_with_its_values(run, ada):
    said = [answer.turn.prompt for answer in answers(run)]

    assert said == ["Hi Ada", "Hi =Berta", "Hi Cleo"]
    assert {answer.params["temperature"] for answer in answers(run)} == {0.5}
    assert len({answer.params["seed"] for answer in answers(run)}) == 3
    assert Conversation.objects.talks().count() == 0
    tally = tally_of(run)
    assert (tally.total, tally.ended, tally.done, tally.failed, tally.is_live) == (3, 0, 0, 0, True)


def test_a_seed_that_is_set_is_every_cases(ada, release):
    made = start(ada, release, settings={**SETTINGS, "seed": 7})

    assert [answer.params["seed"] for answer in answers(made)] == [7, 7, 7]


def test_a_form_sent_twice_starts_one_run(ada, release):
    token = uuid4()

    assert start(ada, release, token=token) == start(ada, release, token=token)
    assert (PromptRun.objects.count(), Generation.objects.count()) == (1, 3)


def test_a_case_without_a_value_starts_nothing(ada, release):
    with pytest.raises(Unfillable, match="“name”"):
        start(ada, release, [{"name": "Ada"}, {"x": "1"}])

    assert (PromptRun.objects.count(), Generation.objects.count()) == (0, 0)


def test_mallory_starts_nothing(mallory, release):
    with pytest.raises(Refusal):
        start(mallory, release)

    assert PromptRun.objects.count() == 0


def test_cases_do_not_keep_ada_from_talking(ada, release, monkeypatch):
    start(ada, release, CASES * 3)

    assert actions.send(wish(), by=ada, release=release).is_live
    monkeypatch.setattr(run_actions, "LIVE_CASES_MAX", 10)
    with pytest.raises(Refusal, match="More than 10 cases"):
        start(ada, release)


def test_the_rest_is_cancelled_and_asked_again(run, ada):
    first, second, third = answers(run)
    end(first)
    end(second, GenerationStatus.FAILED, error_code="x", error_sentence="It broke.", text="")

    actions.cancel_run(run, by=ada)
    tally = tally_of(run)
    assert (tally.done, tally.failed, tally.stopped, tally.is_live) == (1, 1, 1, False)

    entry = Entry.objects.get(verb=Verb.PROMPT_RUN_CANCELLED)
    assert (entry.data["ended"], entry.data["told_to_stop"]) == ([str(third.pk)], [])

    assert actions.retry_failed(run, by=ada) == 2
    assert actions.retry_failed(run, by=ada) == 0
    again = answers(run)
    assert again[0] == first
    assert [one.status for one in again[1:]] == ["queued", "queued"]
    assert [one.params for one in again[1:]] == [second.params, third.params]


@pytest.mark.parametrize("count", [1, 30])
def test_a_run_is_cancelled_with_one_entry_for_all_its_cases(ada, release, count):
    run = start(ada, release, [{"name": str(number)} for number in range(count + 1)])
    writing = actions.begin(answers(run)[0].pk)
    before = Entry.objects.count()

    actions.cancel_run(run, by=ada)
    actions.cancel_run(run, by=ada)

    entry = Entry.objects.order_by("-number").first()
    assert Entry.objects.count() == before + 1
    assert (entry.verb, entry.subject_id) == (Verb.PROMPT_RUN_CANCELLED, str(run.pk))
    assert set(entry.data["ended"]) == {str(one.pk) for one in answers(run)[1:]}
    assert entry.data["told_to_stop"] == [str(writing.pk)]
    assert [one.status for one in answers(run)] == ["running", *["cancelled"] * count]
    assert first_break() is None


def test_ada_starts_a_run_by_its_form(as_ada, ada, release):
    version = actions.save_preset("Hi", by=ada, settings=SETTINGS, prompt="Hi {{name}}", release=release)
    preset = version.preset
    blank = as_ada.get(f"{PAGE}new/?preset={preset.pk}").text
    preview = as_ada.post(f"{PAGE}new/?preview=1&preset={preset.pk}", form())
    started = as_ada.post(f"{PAGE}new/?preset={preset.pk}", form())

    assert "Hi {{name}}" in blank
    assert "name\n</textarea>" in blank
    assert "The first of 2 cases" in preview.text
    assert ">Hi Ada</pre>" in preview.text
    assert "The prompt has no place for: x." in preview.text
    made = PromptRun.objects.get()
    assert (started.status_code, started["Location"]) == (302, made.get_absolute_url())
    assert (made.preset_version, made.title) == (version, "Hi {{name}}")
    assert [case.variables for case in made.cases.all()] == [
        {"name": "Ada", "x": "1"},
        {"name": "=Berta", "x": "2"},
    ]
    assert made.get_absolute_url() in as_ada.get(PAGE).text
    assert made.get_absolute_url() in as_ada.get(preset.get_absolute_url()).text


def test_a_file_counts_before_what_was_typed_and_is_kept_behind_a_preview(as_ada, release):
    file = SimpleUploadedFile("cases.jsonl", b'{"name": "Zo\xc3\xab"}\n')

    preview = as_ada.post(f"{PAGE}new/?preview=1", form(file=file)).text

    assert ">Hi Zoë</pre>" in preview
    assert "{&quot;name&quot;: &quot;Zoë&quot;}" in preview
    assert "=Berta" not in preview


def test_what_is_wrong_is_told_by_line(as_ada, release):
    odd = as_ada.post(f"{PAGE}new/", form(table="name,x\nAda\n\nBerta,2,3"))
    missing = as_ada.post(f"{PAGE}new/", form(table="x\n1\n2"))
    latin = as_ada.post(f"{PAGE}new/", form(file=SimpleUploadedFile("a.csv", b"name\nAda\nZo\xeb")))
    empty = as_ada.post(f"{PAGE}new/", form(prompt=" ", table="", temperature="9"))

    assert {one.status_code for one in (odd, missing, latin, empty)} == {422}
    assert "Line 2: has 1 cell; the first line names 2." in odd.text
    assert "Line 4: has 3 cells; the first line names 2." in odd.text
    assert "Case 1: No value is given for “name”." in missing.text
    assert "Line 3: is not UTF-8." in latin.text
    for words in ("Write the prompt.", "The table is empty.", "Enter a temperature from 0 to 2."):
        assert words in empty.text
    assert PromptRun.objects.count() == 0


def test_the_page_asks_again_only_while_it_is_live(as_ada, run):
    live = as_ada.get(run.get_absolute_url()).text
    for answer in answers(run):
        end(answer, text="**Hi**", completion_tokens=4, prompt_tokens=3)
    ended = as_ada.get(run.get_absolute_url(), headers={"HX-Request": "true"}).text

    assert 'hx-trigger="every 2s"' in live
    assert "0 of 3" in live
    assert ended.lstrip().startswith('<div id="results"')
    assert "hx-trigger" not in ended
    assert "3 of 3" in ended
    assert "<strong>Hi</strong>" in ended


def test_two_runs_stand_side_by_side(as_ada, ada, release, run):
    other = start(ada, release, CASES[::-1], title="Another")
    end(answers(run)[0], text="From the first.")
    end(answers(other)[2], text="From the other.")

    page = as_ada.get(f"{run.get_absolute_url()}?with={other.pk}").text

    row = page[page.index('id="case-1"') : page.index('id="case-2"')]
    assert "From the first." in row
    assert "From the other." in row
    short = start(ada, release, CASES[:1])
    beside = as_ada.get(f"{run.get_absolute_url()}?with={short.pk}").text
    assert beside.count("Not asked there") == 2


def test_files_hold_all_and_no_formula(as_ada, run):
    end(answers(run)[1], text="=1+1", prompt_tokens=3, completion_tokens=2)

    table = as_ada.get(f"{run.get_absolute_url()}run.csv").getvalue().decode().splitlines()
    lines = as_ada.get(f"{run.get_absolute_url()}run.jsonl").getvalue().decode().splitlines()

    assert table[0].startswith("case,name,x,status,answer,error,finish_reason,prompt_tokens")
    assert table[2].startswith("2,'=Berta,2,done,'=1+1,,stop,3,2")
    assert json.loads(lines[1])["answer"] == "=1+1"
    assert [json.loads(line)["variables"] for line in lines] == CASES


def test_a_run_is_deleted_with_all_its_words(as_ada, ada, run):
    assert "Delete this run?" in as_ada.get(f"{run.get_absolute_url()}delete/").text

    as_ada.post(f"{run.get_absolute_url()}delete/")

    assert (PromptRun.objects.count(), PromptCase.objects.count(), Conversation.objects.count()) == (0, 0, 0)


def test_a_run_goes_with_the_last_of_its_cases(ada, run):
    actions.prefer(ada, retention_days=7)

    retention.sweep(at=timezone.now() + timedelta(days=6))
    assert PromptRun.objects.count() == 1
    retention.sweep(at=timezone.now() + timedelta(days=8))

    assert (PromptRun.objects.count(), Conversation.objects.count()) == (0, 0)


def test_a_case_whose_talk_was_deleted_says_so(as_ada, ada, run):
    actions.delete(answers(run)[0].turn.conversation, by=ada)

    assert "Not there any more" in as_ada.get(run.get_absolute_url()).text
    assert '"status": "deleted"' in as_ada.get(f"{run.get_absolute_url()}run.jsonl").getvalue().decode()


def test_nobody_else_reaches_adas_run(as_mallory, client, release, run):
    berta = signed_in(cast.developer("berta@example.org", release))
    hers = start(cast.developer("cleo@example.org", release), release)
    page = run.get_absolute_url()

    for visitor in (berta, as_mallory):
        for path in ("", "run.csv", "run.jsonl", "delete/"):
            assert visitor.get(page + path).status_code == 404
        for path in ("cancel/", "retry/", "delete/"):
            assert visitor.post(page + path).status_code == 404
    assert as_mallory.get(f"{PAGE}new/").status_code == 403
    assert client.get(page).status_code == 302
    assert berta.get(f"{hers.get_absolute_url()}?with={run.pk}").status_code == 404
    assert Generation.objects.live().count() == 6


@pytest.mark.parametrize("count", [1, 3])
def test_a_run_takes_a_fixed_number_of_queries(as_ada, ada, release, count, django_assert_num_queries):
    run = start(ada, release, CASES[:count])

    with django_assert_num_queries(3):
        tally_of(run)
    with django_assert_num_queries(7):
        as_ada.get(run.get_absolute_url())


@pytest.mark.parametrize("count", [3, 30])
def test_many_cases_are_asked_by_as_many_queries_and_messages_as_few(
    ada, release, count, django_assert_num_queries, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks() as sent, django_assert_num_queries(19):
        run = start(ada, release, [{"name": str(number)} for number in range(count)])
    actions.cancel_run(run, by=ada)
    with django_capture_on_commit_callbacks() as sent_again, django_assert_num_queries(14):
        assert actions.retry_failed(run, by=ada) == count

    assert (len(sent), len(sent_again)) == (1, 1)
    requested = Entry.objects.filter(verb=Verb.GENERATION_REQUESTED).order_by("number")
    asked = Generation.objects.order_by("queued_at")
    assert [entry.subject_id for entry in requested] == [str(one.pk) for one in asked]
    assert [one.turn.prompt for one in asked[count:]] == [f"Hi {number}" for number in range(count)]
    assert requested[0].data["prompt_characters"] == len("Hi 0")
    assert first_break() is None


@pytest.mark.live
def test_all_cases_of_adas_run_are_answered(stack, ada_visits, release):
    ada_visits.get(f"{PAGE}new/")
    table = "name\n" + "".join(f"{number}\n" for number in range(12))

    ada_visits.post(f"{PAGE}new/", form(prompt="words=2 for {{name}}", table=table))

    wait_for(lambda: Generation.objects.filter(status=GenerationStatus.DONE).count() == 12)
