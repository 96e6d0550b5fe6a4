"""Who holds a revision: what left, in whatever pieces, against what there is."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.hub import counting, holders
from portal.hub.models import Carrier, Download, Holding, Scope, Tally
from tests import cast
from tests.hub.taking import revision, take


@pytest.fixture(params=["fresh", "counted"])
def count(request):
    """Reads the downloads before and after they were added up: the answer must be the same."""
    return counting.count_ended if request.param == "counted" else (lambda: 0)


@pytest.fixture
def weights(release):
    return revision(release, model=1000, config=10)


def only(made, **question):
    (holder,) = holders.page_of(made, **question)
    return holder


def test_ada_who_took_every_file_in_one_request_each_holds_it_whole(ada, weights, count):
    take(ada, weights, "model")
    last = take(ada, weights, "config", client="curl/8.5.0", address="192.0.2.9")
    count()

    holder = only(weights)

    assert (holder.kept, holder.begun_files, holder.held_files, holder.total_files) == ("whole", 2, 2, 2)
    assert (holder.held_bytes, holder.total_bytes, holder.sent_bytes) == (1010, 1010, 1010)
    assert (holder.last, holder.request_count) == (last, 2)
    assert str(holder.last.acceptance.version) == "Open Weights Licence 1.0"
    assert holders.headcount(weights) == holders.Headcount(whole=1, part=0)


@pytest.mark.parametrize(
    ("pieces", "held"),
    [
        ([((0, 499), 500), ((500, 999), 500)], 1000),
        ([((500, 999), 500), ((0, 499), 500)], 1000),
        ([((0, 599), 600), ((400, 999), 600)], 1000),
        ([((0, 499), 500), ((501, 999), 499)], 999),
        # Asked for twice and sent in halves that leave one byte out.
        ([((0, 999), 500), ((501, 999), 499)], 999),
        ([((0, 999), 500), ((500, 999), 500)], 1000),
        # As many bytes as the file has, and the same half twice.
        ([((0, 499), 500), ((0, 499), 500)], 500),
        ([((0, 999), 0)], 0),
        ([((999, 999), 1)], 1),
    ],
)
def test_file_is_held_only_when_the_union_of_what_left_covers_it(ada, weights, count, pieces, held):
    take(ada, weights, "config")
    for span, sent in pieces:
        take(ada, weights, "model", span, sent=sent)
    count()

    holder = only(weights)

    assert holder.held_bytes == held + 10
    assert (holder.held_files, holder.kept) == ((2, "whole") if held == 1000 else (1, "part"))


def test_several_ranges_of_one_request_leave_in_their_order(ada, weights, count):
    take(ada, weights, "model", (900, 999), (0, 99), (50, 149), sent=220)
    count()

    assert only(weights).held_bytes == 200
    if Holding.objects.exists():
        spans = [(span.lower, span.upper) for span in Holding.objects.get().spans]
        assert spans == [(0, 100), (900, 1000)]


def test_people_do_not_fill_each_others_gaps(ada, release, weights, count):
    grace = cast.developer("grace@example.org", release)
    take(ada, weights, "model", (0, 499))
    take(grace, weights, "model", (500, 999))
    count()

    assert [(one.user, one.held_bytes) for one in holders.page_of(weights)] == [(grace, 500), (ada, 500)]
    assert holders.headcount(weights) == holders.Headcount(whole=0, part=2)


def test_empty_file_is_held_once_it_was_asked_for(ada, release, count):
    weights = revision(release, empty=0)
    take(ada, weights, "empty")
    count()

    assert only(weights).kept == "whole"


def test_nobody_holds_what_never_left(ada, weights, count):
    take(ada, weights, "model", sent=0)
    count()

    assert holders.page_of(weights) == []
    assert holders.headcount(weights).all == 0


def test_download_under_way_counts_with_what_has_left_so_far(ada, weights):
    take(ada, weights, "model", sent=300, ended=False)
    counting.count_ended()

    holder = only(weights)

    assert (holder.held_bytes, holder.is_running) == (300, True)
    assert not Holding.objects.exists()


def test_download_under_way_of_which_nothing_is_known_makes_a_holder(ada, weights):
    take(ada, weights, "model", sent=0, ended=False, carrier=Carrier.NGINX)

    assert (only(weights).held_bytes, only(weights).is_running) == (0, True)


def test_half_counted_and_half_fresh_make_a_whole(ada, weights):
    take(ada, weights, "config")
    take(ada, weights, "model", (0, 499))
    counting.count_ended()
    take(ada, weights, "model", (500, 999), ended=False)

    holder = only(weights)

    assert (holder.kept, holder.request_count, holder.sent_bytes) == ("whole", 3, 1010)


def test_bytes_that_an_earlier_revision_gave_count_too(ada, release, count):
    first = revision(release, "v1", model=("same", 1000), config=10)
    second = revision(release, "v2", model=("same", 1000), config=12)
    took = timezone.now() - timedelta(days=2)
    take(ada, first, "model", (0, 499), started_at=took)
    take(ada, second, "model", (500, 999))
    take(ada, second, "config")
    count()

    holder = only(second)

    assert (holder.kept, holder.sent_bytes, holder.request_count) == ("whole", 512, 2)
    assert holder.first_at > took
    assert only(first).kept == "part"


def test_holder_through_another_revision_is_named_on_demand_only(ada, release, count):
    first = revision(release, "v1", model=("same", 1000))
    second = revision(release, "v2", model=("same", 1000), config=12)
    take(ada, first, "model")
    count()

    assert holders.page_of(second) == []
    assert only(second, scope=Scope.BYTES).held_bytes == 1000
    assert holders.headcount(second, scope=Scope.BYTES).part == 1


def test_same_bytes_in_another_release_are_another_matter(ada, release):
    other = revision(cast.release("other", under=release.licence), model=("same", 1000))
    take(ada, other, "model")

    assert holders.page_of(revision(release, model=("same", 1000)), scope=Scope.BYTES) == []


def test_list_is_filtered_and_goes_on_behind_a_place(release, weights):
    people = [cast.person(f"p{number}@example.org") for number in range(5)]
    moment = timezone.now()
    for number, person in enumerate(people):
        take(person, weights, "model", started_at=moment)
        if number % 2:
            take(person, weights, "config", started_at=moment)
    counting.count_ended()

    first = holders.page_of(weights, limit=2)
    place = holders.Place(first[-1].last_at, first[-1].user.pk)
    rest = holders.page_of(weights, after=place)

    assert [one.user for one in first + rest] == people[::-1]
    assert [one.user for one in holders.page_of(weights, kept="whole")] == [people[3], people[1]]
    assert [one.user for one in holders.page_of(weights, people=[people[0].pk])] == [people[0]]
    assert [one.user for one in holders.every(weights)] == people[::-1]
    assert holders.headcount(weights) == holders.Headcount(whole=2, part=3)


def test_counting_again_changes_nothing_and_later_bytes_are_added(ada, weights):
    late = take(ada, weights, "model", sent=400)
    take(ada, weights, "model", (0, 399))
    assert counting.count_ended(batch=1) == 2
    before = list(Holding.objects.values()), list(Tally.objects.values())

    assert counting.count_ended() == 0
    assert (list(Holding.objects.values()), list(Tally.objects.values())) == before
    # Its server was taken for dead, and tells now that all of it left.
    Download.objects.filter(pk=late.pk).update(sent_bytes=1000)
    fresh = only(weights)
    counting.count_ended()

    assert (fresh.held_bytes, fresh.sent_bytes, fresh.request_count) == (1000, 1400, 2)
    assert (only(weights).held_bytes, only(weights).sent_bytes, only(weights).request_count) == (
        1000,
        1400,
        2,
    )
    assert Tally.objects.values_list("request_count", "sent_bytes").get() == (2, 1400)


@given(
    pieces=st.lists(
        st.tuples(
            st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)).map(sorted), min_size=1, max_size=3),
            st.integers(0, 130),
            st.booleans(),
        ),
        max_size=6,
    )
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_union_agrees_with_counting_byte_by_byte(ada, release, pieces):
    Holding.objects.all().delete()
    Download.objects.all().delete()
    weights = release.revisions.first() or revision(release, model=40)
    left = set()
    for spans, limit, is_counted in pieces:
        asked = [byte for first, last in spans for byte in range(first, last + 1)]
        sent = min(limit, len(asked))
        left.update(asked[:sent])
        take(ada, weights, "model", *map(tuple, spans), sent=sent)
        if is_counted:
            counting.count_ended(batch=2)

    found = holders.page_of(weights)

    assert [(one.held_bytes, one.kept) for one in found] == (
        [(len(left), "whole" if len(left) == 40 else "part")] if left else []
    )


@pytest.mark.parametrize("number", [1, 3])
def test_page_costs_the_same_for_one_and_three(release, weights, number, django_assert_num_queries):
    for index in range(number):
        take(cast.person(f"p{index}@example.org"), weights, "model")

    with django_assert_num_queries(3):
        assert len(holders.page_of(weights)) == number
