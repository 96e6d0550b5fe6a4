"""The staff's page of feedback: rates, pairs, the list, who may see it, and the file for a trainer."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from playground import actions, preferences
from playground.actions import Outcome
from playground.comparing import answers_of
from playground.models import Feedback, Generation, PreferenceVote, Verdict
from playground.preferences import LeftOut
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from tests import cast
from tests.conftest import signed_in
from tests.playground.conftest import wish
from tests.playground.test_comparing import compare, end_all, vote

PAGE = "/console/feedback/"
EXPORT = f"{PAGE}preferences.jsonl"
PREFERENCES = f"{PAGE}preferences/"
# What the same test leaves out: one of each reason, or as many as it made.
LEFT_OUT = {LeftOut.UNFIT: 2, LeftOut.SAME: 2, LeftOut.OTHER_SYSTEM_PROMPT: 1, LeftOut.OTHER_WORDS: 1}


@pytest.fixture
def as_milo(db):
    return signed_in(cast.staff("milo@example.org", "Release managers"))


def answered(by, release, text="Because.", prompt="Why?", **changes) -> Generation:
    answer = actions.send(wish(prompt, **changes), by=by, release=release)
    actions.finish(actions.begin(answer.pk), Outcome(text=text, finish_reason="stop"))
    return Generation.objects.with_story().get(pk=answer.pk)


def judge(answer, rating=1, **said) -> Feedback:
    return actions.give_feedback(answer, by=answer.turn.conversation.user, rating=rating, **said)


def exported(client, **asked):
    answer = client.post(EXPORT, asked)
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode()
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("path", [PAGE, EXPORT, PREFERENCES])
def test_only_release_managers_come_in(client, as_ada, as_rosa, method, path):
    statuses = [getattr(one, method)(path).status_code for one in (client, as_ada, as_rosa)]

    allowed = method == ("post" if path == EXPORT else "get")
    assert statuses == ([302, 403, 403] if allowed else [405] * 3)
    assert Entry.objects.filter(verb=Verb.PREFERENCES_EXPORTED).count() == 0


def test_nothing_yet(as_milo, db):
    page = as_milo.get(PAGE)

    assert "No feedback yet" in page.text
    assert "Export preferences" not in page.text
    assert "No feedback found" in as_milo.get(f"{PAGE}?tag=wrong").text


def test_rates_by_release_and_revision(as_milo, ada, release, zephyr):
    for rating in (1, 1, -1):
        judge(answered(ada, release), rating)
    judge(answered(ada, zephyr), -1)
    Generation.objects.filter(feedback__rating=-1, turn__conversation__release=release).update(
        params={"revision": "c" * 40}
    )

    found = as_milo.get(PAGE).context["rates"]

    told = [(one["judged"].release_slug, one["judged"].revision, one["rate"]) for one in found]
    assert [(slug, revision, rate.successes, rate.total) for slug, revision, rate in told] == [
        ("tiny", "", 2, 2),
        ("tiny", "c" * 40, 0, 1),
        ("zephyr", "", 0, 1),
    ]
    assert [round(end, 2) for end in told[0][2].interval] == [0.34, 1.0]


def test_pairs_are_counted_once_and_ties_for_neither(as_milo, ada, release, zephyr):
    for winner in (0, 0, 1):
        made = compare(ada, release, zephyr)
        end_all(made)
        vote(made, winner=winner)
    for verdict in (Verdict.TIE, Verdict.ALL_BAD):
        made = compare(ada, release, zephyr)
        end_all(made)
        vote(made, verdict=verdict)

    context = as_milo.get(PAGE).context

    (one,) = context["pairs"]
    pair = one["pair"]
    assert (pair.one.release_name, pair.other.release_name) == ("Tiny", "Zephyr")
    assert (pair.wins, pair.losses, pair.ties) == (2, 1, 1)
    assert (one["rate"].successes, one["rate"].total) == (2, 3)
    assert context["verdicts"] == {"total": 5, "blind": 0, "bad": 1}


def test_a_winner_of_three_beats_each_and_settings_are_told_apart(as_milo, ada, release, zephyr):
    columns = [
        actions.Column(release, None, {"temperature": 0, "max_tokens": 9}),
        actions.Column(release, None, {"temperature": 1, "max_tokens": 9}),
        actions.Column(zephyr, None, {"temperature": 0, "max_tokens": 9}),
    ]
    made = actions.compare(columns, prompt="Why?", token=uuid4(), is_blind=False, by=ada)
    end_all(made)
    vote(made, winner=1)

    found = [one["pair"] for one in as_milo.get(PAGE).context["pairs"]]

    told = {(pair.one.words[0], pair.other.release_name, pair.other.words[0], pair.wins) for pair in found}
    assert told == {
        ("Temperature 1", "Tiny", "Temperature 0", 1),
        ("Temperature 1", "Zephyr", "Temperature 0", 1),
    }


def test_the_same_against_itself_is_no_pair(as_milo, ada, release):
    made = compare(ada, release, release)
    end_all(made)
    vote(made, winner=0)

    page = as_milo.get(PAGE)

    assert page.context["pairs"] == []
    assert "Nobody preferred an answer to one of another release" in page.text


def test_filters_leave_what_was_asked(as_milo, ada, release, zephyr):
    judge(answered(ada, release), -1, tags=["wrong"], comment="About tiny")
    judge(answered(ada, zephyr), 1, tags=["helpful"], comment="About zephyr")
    old = judge(answered(ada, zephyr), 1, comment="Long ago")
    Feedback.objects.filter(pk=old.pk).update(created_at=datetime(2026, 1, 2, tzinfo=UTC))
    made = compare(ada, zephyr, zephyr)
    end_all(made)
    vote(made, verdict=Verdict.TIE)

    def comments(**asked):
        return [row["given"].comment for row in as_milo.get(PAGE, asked).context["rows"]]

    assert comments() == ["Long ago", "About zephyr", "About tiny"]
    assert comments(release="tiny") == ["About tiny"]
    assert comments(tag="helpful") == ["About zephyr"]
    assert comments(until="2026-01-02") == ["Long ago"]
    assert comments(since="2026-01-03") == ["About zephyr", "About tiny"]
    assert comments(revision="abc") == []
    assert as_milo.get(PAGE, {"release": "tiny"}).context["verdicts"]["total"] == 0
    assert as_milo.get(PAGE, {"release": "zephyr"}).context["verdicts"]["total"] == 1


@pytest.mark.parametrize(
    "asked", [{"release": "nothing"}, {"revision": "xyz"}, {"tag": "nice"}, {"since": "yesterday"}]
)
def test_a_filter_that_fits_nothing_is_told(as_milo, asked):
    assert as_milo.get(PAGE, asked).status_code == 422
    assert as_milo.post(EXPORT, asked).status_code == 400
    assert Entry.objects.filter(verb=Verb.PREFERENCES_EXPORTED).count() == 0


def test_the_list_is_read_in_pages(as_milo, ada, release):
    for number in range(45):
        judge(answered(ada, release), comment=f"Said {number}")

    comments, after = [], ""
    while True:
        page = as_milo.get(PAGE, {"after": after} if after else {})
        comments += [row["given"].comment for row in page.context["rows"]]
        if not (after := page.context["following"]):
            break

    assert comments == [f"Said {number}" for number in reversed(range(45))]
    assert as_milo.get(PAGE, {"after": "x"}).status_code == 400


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_takes_a_fixed_number_of_queries(as_milo, ada, zephyr, django_assert_num_queries, count):
    for _ in range(count):
        judge(answered(ada, zephyr), comment="Said")
        made = compare(ada, zephyr, zephyr)
        end_all(made)
        vote(made)
    as_milo.get(PAGE)

    with django_assert_num_queries(9):
        as_milo.get(PAGE)


def test_words_of_people_stay_words(as_milo, ada, release):
    judge(answered(ada, release, text="<img src=x>", prompt="<script>1</script>"), comment="<b>bold</b>")

    page = as_milo.get(PAGE).text

    assert "<img src=x>" not in page
    assert "<script>1" not in page
    assert "<b>bold" not in page


def test_votes_become_lines_as_trl_has_them(as_milo, ada, release, zephyr):
    made = actions.compare(
        [
            actions.Column(one, None, {"temperature": 1, "max_tokens": 9, "system_prompt": "Be brief."})
            for one in (release, zephyr, release)
        ],
        prompt="Why “blue”?",
        token=uuid4(),
        is_blind=True,
        by=ada,
    )
    texts = ["One.", "Two.", "Three."]
    for answer, text in zip(answers_of(made, 0), texts, strict=True):
        actions.finish(actions.begin(answer.pk), Outcome(text=text, finish_reason="stop"))
    vote(made, winner=1)

    lines = exported(as_milo)

    prompt = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why “blue”?"},
    ]
    chosen = [{"role": "assistant", "content": "Two."}]
    assert sorted(lines, key=str) == sorted(
        (
            {"prompt": prompt, "chosen": chosen, "rejected": [{"role": "assistant", "content": text}]}
            for text in ("One.", "Three.")
        ),
        key=str,
    )
    for line in lines:
        assert_preference(line)


def test_corrections_become_lines(as_milo, ada, release):
    first = answered(ada, release, text="Wrong.", prompt="Why?")
    judge(first, -1, correction="Right.")
    judge(answered(ada, release, text="Good."), 1)
    actions.send(wish("And?"), by=ada, release=release, conversation=first.turn.conversation)
    second = Generation.objects.live().get()
    actions.finish(actions.begin(second.pk), Outcome(text="Worse.", finish_reason="stop"))
    judge(Generation.objects.with_story().get(pk=second.pk), -1, correction="Better.")

    lines = exported(as_milo)

    assert [
        (line["prompt"], line["chosen"][0]["content"], line["rejected"][0]["content"]) for line in lines
    ] == [
        ([{"role": "user", "content": "Why?"}], "Right.", "Wrong."),
        (
            [
                {"role": "user", "content": "Why?"},
                {"role": "assistant", "content": "Wrong."},
                {"role": "user", "content": "And?"},
            ],
            "Better.",
            "Worse.",
        ),
    ]
    for line in lines:
        assert_preference(line)


def test_what_trains_nothing_is_left_out(as_milo, ada, release, zephyr):
    for verdict in (Verdict.TIE, Verdict.ALL_BAD):
        made = compare(ada, release, zephyr)
        end_all(made)
        vote(made, verdict=verdict)
    same = compare(ada, release, release)
    end_all(same)
    vote(same, winner=0)
    later = compare(ada, release, zephyr)
    end_all(later)
    actions.ask(later, prompt="More", token=uuid4(), by=ada)
    end_all(later)
    vote(later, 1, winner=0)
    judge(answered(ada, release, mode="raw"), -1, correction="Another end")
    judge(answered(ada, release, text=""), -1, correction="Anything")
    judge(answered(ada, release, text="Same."), 1, correction="Same.")

    briefly = [
        actions.Column(release, None, {"temperature": 1, "max_tokens": 9, "system_prompt": words})
        for words in ("Be brief.", "Be kind.")
    ]
    other = actions.compare(briefly, prompt="Why?", token=uuid4(), is_blind=False, by=ada)
    for answer, text in zip(answers_of(other, 0), ("One.", "Two."), strict=True):
        actions.finish(actions.begin(answer.pk), Outcome(text=text, finish_reason="stop"))
    vote(other, winner=0)

    assert exported(as_milo) == []
    assert PreferenceVote.objects.count() == 5
    tally = as_milo.get(PREFERENCES).context["tally"]
    assert (tally.lines, tally.undecided) == (0, 2)
    assert dict(tally.left_out) == LEFT_OUT


def test_the_page_of_the_file_counts_under_the_filters(as_milo, ada, release, zephyr):
    judge(answered(ada, release, text="A"), -1, correction="B")
    judge(answered(ada, zephyr, text="C", mode="raw"), -1, correction="D")

    page = as_milo.get(PAGE, {"release": "tiny"}).text
    all_of_it, tiny = as_milo.get(PREFERENCES), as_milo.get(PREFERENCES, {"release": "tiny"})

    assert f'href="{PREFERENCES}?release=tiny"' in page
    assert "<strong>1 line</strong>" in all_of_it.text
    assert LeftOut.UNFIT.label in all_of_it.text
    assert "Left out" not in tiny.text
    assert '<input type="hidden" name="release" value="tiny">' in tiny.text
    assert as_milo.get(PREFERENCES, {"release": "nothing"}).status_code == 400
    assert Entry.objects.filter(verb=Verb.PREFERENCES_EXPORTED).count() == 0


def test_the_page_of_a_long_file_counts_its_beginning(as_milo, ada, release, zephyr, monkeypatch):
    monkeypatch.setattr(preferences, "COUNTED_MAX", 2)
    for said in ("A", "B", "C"):
        judge(answered(ada, release, text=said), -1, correction="Better")
    judge(answered(ada, zephyr, text="C", mode="raw"), -1, correction="D")

    long, short = as_milo.get(PREFERENCES), as_milo.get(PREFERENCES, {"release": "zephyr"})

    assert long.context["tally"] == preferences.Tally(2, [], 0, has_more=True)
    assert "There are more pairs than are counted here; the file has them all." in long.text
    assert "Download the file" in long.text
    assert short.context["tally"].has_more is False
    assert len(exported(as_milo)) == 3


def test_the_filters_hold_for_the_file_and_the_ledger_keeps_who_took_it(as_milo, ada, release, zephyr):
    judge(answered(ada, release, text="A"), -1, correction="B", tags=["wrong"])
    judge(answered(ada, zephyr, text="C"), -1, correction="D")

    lines = exported(as_milo, release="zephyr", since="2026-01-01")

    assert [line["chosen"][0]["content"] for line in lines] == ["D"]
    entry = Entry.objects.get(verb=Verb.PREFERENCES_EXPORTED)
    assert entry.actor_label == "milo@example.org"
    assert entry.data == {"release": "zephyr", "since": "2026-01-01"}
    assert exported(as_milo, until=str(datetime.now(UTC).date() - timedelta(days=1))) == []


def assert_preference(line) -> None:
    """What TRL's `dataset_formats` says of a conversational preference with an explicit prompt.

    `trl.data_utils.is_conversational` looks for a list of dicts with "role" and "content" in these columns;
    all lines have the same columns, and completions begin with the assistant's turn.
    """
    assert list(line) == ["prompt", "chosen", "rejected"]
    for messages in line.values():
        assert messages
        assert all(list(one) == ["role", "content"] and isinstance(one["content"], str) for one in messages)
    assert line["prompt"][-1]["role"] == "user"
    assert [one["role"] for one in line["chosen"] + line["rejected"]] == ["assistant", "assistant"]
    assert line["chosen"] != line["rejected"]
