"""Comparisons through the live processes: what a blind one's streams tell, and where a revision is asked."""

import re
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from playground.comparing import answers_of
from playground.models import Comparison
from portal.releases.models import Revision
from portal.releases.serving import serve_revision
from tests.playground.stack import ended, text_of
from tests.playground.test_comparing_doors import form
from tests.playground.test_streaming import words

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]


def start(visitor, *models, **changes) -> Comparison:
    visitor.get("/playground/compare/")
    answer = visitor.post("/playground/compare/", form(*models, **changes))
    assert answer.status_code == 302, answer.text[:500]
    return Comparison.objects.get(pk=answer.headers["Location"].rstrip("/").rpartition("/")[2])


def test_the_streams_of_a_blind_comparison_tell_text_and_state_alone(ada_visits, release, zephyr):
    made = start(ada_visits, "tiny", "zephyr", is_blind="on", prompt="words=30 pause=0.05")

    answers = answers_of(made, 0)
    with ThreadPoolExecutor(len(answers)) as readers:
        told = list(readers.map(lambda one: list(ada_visits.events(one)), answers))

    for events in told:
        assert {name for event in events for name in event} == {"id", "event", "data"}
        assert {name for event in events for name in event["data"]} <= {"text", "status", "place"}
        assert text_of(events) == words(30)
        states = {event["data"]["status"] for event in events if "status" in event["data"]}
        assert states <= {"running", "done"}
        assert all(re.fullmatch(r"\d+-\d+", event["id"]) for event in events)


def test_a_revision_is_asked_at_its_own_server(stack, ada_visits, release):
    revision = Revision.objects.create(
        release=release, name="next", commit="a" * 40, total_bytes=1, is_current=False
    )
    # The stack has one model server; under this address it is that of the revision alone.
    address = stack.upstream_url.replace("127.0.0.1", "localhost")
    serve_revision(revision, backend_url=address, served_model_name="tiny-next", by=None)
    said = f"words=2 {uuid4()}"

    made = start(ada_visits, "tiny", f"tiny@{'a' * 40}", prompt=said)

    assert [ended(one).status for one in answers_of(made, 0)] == ["done", "done"]
    bodies = [one for one in stack.upstream_state()["bodies"] if one["messages"][-1]["content"] == said]
    assert sorted(one["model"] for one in bodies) == ["tiny", "tiny-next"]
