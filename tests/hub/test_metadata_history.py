"""The names of a model's revisions, and what each name has meant."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.hub.metadata import history
from tests.hub.freezing import freeze, yank

MODEL = "/hub/api/models/open-weights/tiny"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def model(release):
    """Three revisions that were `main` one after the other, and one of another name."""
    freeze(release, {"a": b""}, name="v1.0", frozen_at=NOON)
    return [
        freeze(release, {"a": b""}, frozen_at=NOON + timedelta(days=number), is_current=number == 2)
        for number in range(3)
    ]


def test_every_name_has_its_current_commit(client, bearer, model, release):
    said = client.get(f"{MODEL}/refs", headers=bearer).json()

    tagged = release.revisions.get(name="v1.0")
    assert said == {
        "branches": [
            {"name": "main", "ref": "refs/heads/main", "targetCommit": model[2].commit},
            {"name": "v1.0", "ref": "refs/heads/v1.0", "targetCommit": tagged.commit},
        ],
        "converts": [],
        "tags": [],
    }


def test_there_are_no_pull_requests(client, bearer, model):
    said = client.get(f"{MODEL}/refs", {"include_prs": "1"}, headers=bearer).json()

    assert said["pullRequests"] == []


def test_a_name_has_all_that_it_meant_the_newest_first(client, bearer, model):
    yank(model[1], "The <b>tokenizer</b> was wrong", at=NOON)

    said = client.get(f"{MODEL}/commits/main", headers=bearer).json()

    assert [one["id"] for one in said] == [model[2].commit, model[1].commit, model[0].commit]
    assert said[0] == {
        "id": model[2].commit,
        "title": "main",
        "message": "",
        "authors": [{"user": "open-weights"}],
        "date": "2026-11-22T12:00:00.000Z",
    }
    assert said[1]["title"] == "main (yanked: The <b>tokenizer</b> was wrong)"
    assert said[1]["message"] == "The <b>tokenizer</b> was wrong"


def test_what_is_formatted_is_escaped(client, bearer, model):
    yank(model[2], "<b>", at=NOON)

    said = client.get(f"{MODEL}/commits/main", {"expand[]": "formatted"}, headers=bearer).json()

    assert said[0]["formatted"] == {"title": "main (yanked: &lt;b&gt;)", "message": "&lt;b&gt;"}


def test_a_name_that_was_set_back_still_has_what_was_yanked(client, bearer, model, release):
    yank(model[2], "Broken", at=NOON)
    release.revisions.filter(pk=model[2].pk).update(is_current=False)
    release.revisions.filter(pk=model[1].pk).update(is_current=True)

    said = client.get(f"{MODEL}/commits/main", headers=bearer).json()

    assert [one["id"] for one in said] == [model[2].commit, model[1].commit, model[0].commit]


def test_a_commit_has_what_came_before_it(client, bearer, model):
    said = client.get(f"{MODEL}/commits/{model[1].commit}", headers=bearer).json()

    assert [one["id"] for one in said] == [model[1].commit, model[0].commit]


def test_a_long_history_is_paged(client, bearer, model, monkeypatch):
    monkeypatch.setattr(history, "COMMITS_PAGE_SIZE", 2)

    first = client.get(f"{MODEL}/commits/main", headers=bearer)
    second = client.get(f"{MODEL}/commits/main", {"cursor": "2"}, headers=bearer)

    assert [len(first.json()), len(second.json())] == [2, 1]
    assert first["Link"] == f'<https://portal.example.org{MODEL}/commits/main?cursor=2>; rel="next"'
    assert "Link" not in second


@pytest.mark.parametrize("count", [1, 3])
def test_the_queries_are_as_many_for_every_history(client, bearer, release, count, django_assert_num_queries):
    for number in range(count):
        freeze(release, {}, name=f"v{number}")
        freeze(release, {}, is_current=number == count - 1)
    client.get(f"{MODEL}/refs", headers=bearer)

    with django_assert_num_queries(6):
        said = client.get(f"{MODEL}/refs", headers=bearer).json()
    assert len(said["branches"]) == count + 1
    with django_assert_num_queries(9):
        assert len(client.get(f"{MODEL}/commits/main", headers=bearer).json()) == count
