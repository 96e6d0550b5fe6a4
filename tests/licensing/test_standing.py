"""How long an acceptance counts, in Python and in SQL alike."""

import doctest
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.access import gates
from portal.common import differences
from portal.licensing import spdx, standing
from portal.licensing.models import Acceptance, LicenceVersion
from tests import cast

NOW = timezone.now()
DAY = timedelta(days=1)


@pytest.fixture
def licence(db):
    return cast.Licence.objects.create(slug="mild", name="Mild")


@pytest.fixture
def ada(db):
    return cast.person("ada@example.org")


def version(licence, number, *, ago, grace=None, **terms):
    """A version published some days ago, whose grace ends some days from now."""
    made = LicenceVersion(licence=licence, number=number, text=f"Licence {number}", **terms)
    made.sha256 = made.text_sha256()
    made.published_at = NOW - ago * DAY
    made.grace_ends_at = None if grace is None else NOW + grace * DAY
    made.save()
    return made


def accept(person, made):
    return Acceptance.objects.create(user=person, version=made, sha256=made.sha256)


def until(licence, accepted):
    """Until when an acceptance counts, and whether it does now: both ways agree."""
    published = list(licence.versions.published(at=NOW))
    found = standing.standing_of(accepted, published, at=NOW)
    is_counting = Acceptance.objects.counting(at=NOW).filter(version=accepted).exists()
    assert is_counting == found.counts
    return found.until, found.counts


def test_the_version_in_force_counts_for_good(licence, ada):
    first = version(licence, "1", ago=10)
    accept(ada, first)

    assert until(licence, first) == (None, True)


def test_a_version_that_asks_everybody_without_grace_stops_at_once(licence, ada):
    first, second = version(licence, "1", ago=10), version(licence, "2", ago=5)
    accept(ada, first)

    assert until(licence, first) == (second.published_at, False)


@pytest.mark.parametrize(("grace", "counts"), [(3, True), (0, False), (-1, False)])
def test_grace_lets_an_earlier_acceptance_count_until_it_ends(licence, ada, grace, counts):
    first, second = version(licence, "1", ago=10), version(licence, "2", ago=5, grace=grace)
    accept(ada, first)

    assert until(licence, first) == (second.grace_ends_at, counts)


def test_an_editorial_change_asks_nobody(licence, ada):
    first = version(licence, "1", ago=10)
    version(licence, "1.1", ago=5, reacceptance="nobody")
    accept(ada, first)

    assert until(licence, first) == (None, True)


def test_an_editorial_change_after_a_real_one_gives_no_time(licence, ada):
    first, second = version(licence, "1", ago=10), version(licence, "2", ago=5)
    version(licence, "2.1", ago=2, reacceptance="nobody")
    accept(ada, first)

    assert until(licence, first) == (second.published_at, False)


def test_a_later_version_with_more_grace_gives_no_time(licence, ada):
    first, second = version(licence, "1", ago=10), version(licence, "2", ago=5, grace=1)
    version(licence, "3", ago=2, grace=30)
    accept(ada, first)

    assert until(licence, first) == (second.grace_ends_at, True)


def test_only_those_before_the_named_version_are_asked(licence, ada):
    first, second = version(licence, "1", ago=10), version(licence, "2", ago=5, reacceptance="nobody")
    third = version(licence, "3", ago=2, reacceptance="before", reacceptance_before=second)
    accept(ada, first)
    accept(cast.person("ben@example.org"), second)

    assert until(licence, first) == (third.published_at, False)
    assert until(licence, second) == (None, True)


def emails(people):
    return sorted(people.values_list("email", flat=True))


def test_whom_a_version_asks_are_those_whose_newest_acceptance_it_does_not_let_count(licence, ada):
    first, second = version(licence, "1", ago=10), version(licence, "2", ago=5)
    ben, cleo, gone = (cast.person(f"{name}@example.org") for name in ("ben", "cleo", "gone"))
    gone.is_active = False
    gone.save()
    for person in (ada, ben, cleo, gone):
        accept(person, first)
    accept(ben, second)
    third = version(licence, "3", ago=2, reacceptance="before", reacceptance_before=second)
    accept(cleo, third)

    assert emails(standing.holders_of(third)) == ["ada@example.org", "ben@example.org", "cleo@example.org"]
    assert emails(standing.asked_by(third)) == ["ada@example.org"]
    assert [(row.version.number, row.people_count, row.is_asked) for row in standing.breakdown(third)] == [
        ("2", 1, False),
        ("1", 2, True),
    ]


@pytest.mark.parametrize("module", [differences, gates, spdx, standing])
def test_the_examples_in_the_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0
