"""Who is in a wave, as properties: never too many, never too many of a country, and the same for anybody."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.admissions import choosing
from portal.admissions.choosing import OLDEST, SCORE, Candidate, Policy

DAY = datetime(2026, 11, 1, tzinfo=UTC)
SEED = bytes(range(32))

# Few scores, countries and times, so that many are level.
scores = st.none() | st.sampled_from([0.0, 1.0, 2.5, 4.0])
people = st.builds(
    Candidate,
    reference=st.integers(0, 10**6).map(lambda number: f"REQ-{number}"),
    score=scores,
    country=st.sampled_from(["", "DE", "FR", "IN"]),
    submitted_at=st.integers(0, 3).map(lambda days: DAY + timedelta(days=days)),
)
crowds = st.lists(people, max_size=40, unique_by=lambda one: one.reference)
policies = st.builds(
    Policy,
    size=st.integers(1, 30),
    order=st.sampled_from([SCORE, OLDEST]),
    country_percent_max=st.none() | st.integers(1, 100),
)
seeds = st.binary(min_size=32, max_size=32)
# A busy machine is slow, and nothing is wrong with that.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def person(reference, *, score=None, country="DE", days=0) -> Candidate:
    return Candidate(reference, score, country, DAY + timedelta(days=days))


def names(chosen) -> list[str]:
    return [one.reference for one in chosen]


def level(one, policy):
    """What the policy orders by; the smaller is first."""
    if policy.order == OLDEST:
        return one.submitted_at.timestamp()
    return float("inf") if one.score is None else -one.score


@patient
@given(crowds, policies, seeds)
def test_never_more_than_the_size_nor_than_a_country_may_have(crowd, policy, seed):
    chosen = choosing.choose(crowd, policy, seed=seed)

    assert len(chosen) <= policy.size
    assert len(set(names(chosen))) == len(chosen)
    assert set(chosen) <= set(crowd)
    if policy.country_max is not None:
        assert all(number <= policy.country_max for number in Counter(one.country for one in chosen).values())


@patient
@given(crowds, policies, seeds)
def test_nobody_is_left_out_without_a_reason(crowd, policy, seed):
    found = choosing.places(crowd, policy, seed=seed)
    chosen = [place.candidate for place in found if place.is_chosen]

    for place in found:
        before = [one.candidate for one in found[: place.rank - 1] if one.is_chosen]
        of_country = sum(one.country == place.candidate.country for one in before)
        is_country_full = policy.country_max is not None and of_country >= policy.country_max
        assert place.is_chosen == (len(before) < policy.size and not is_country_full)
    if policy.country_max is None:
        assert len(chosen) == min(policy.size, len(crowd))


@patient
@given(crowds, policies, seeds)
def test_the_better_are_first_and_lots_decide_among_those_who_are_level(crowd, policy, seed):
    found = choosing.places(crowd, policy, seed=seed)

    keys = [(level(place.candidate, policy), place.lot) for place in found]
    assert keys == sorted(keys)
    assert [place.rank for place in found] == list(range(1, len(crowd) + 1))


@patient
@given(st.data(), crowds, policies, seeds)
def test_the_order_in_which_they_are_read_plays_no_part(data, crowd, policy, seed):
    shuffled = data.draw(st.permutations(crowd))

    assert choosing.places(shuffled, policy, seed=seed) == choosing.places(crowd, policy, seed=seed)
    assert choosing.fingerprint_of(shuffled) == choosing.fingerprint_of(crowd)


@patient
@given(crowds, people, policies, seeds)
def test_one_more_who_stands_below_all_who_are_in_takes_nobodys_place(crowd, another, policy, seed):
    crowd = [one for one in crowd if one.reference != another.reference]
    before = choosing.choose(crowd, policy, seed=seed)
    found = choosing.places([*crowd, another], policy, seed=seed)
    after = [place.candidate for place in found if place.is_chosen]

    [rank] = [place.rank for place in found if place.candidate == another]
    ranks_of_those_in = [place.rank for place in found if place.candidate in before]
    if all(rank > other for other in ranks_of_those_in):
        assert [one for one in after if one != another] == before


@patient
@given(crowds, policies, seeds)
def test_whoever_was_not_chosen_may_as_well_not_have_been_there(crowd, policy, seed):
    chosen = choosing.choose(crowd, policy, seed=seed)

    assert choosing.choose(chosen, policy, seed=seed) == chosen


@patient
@given(crowds, policies, seeds)
def test_the_list_for_everybody_names_nobody_and_ends_with_the_last_one_in(crowd, policy, seed):
    found = choosing.places(crowd, policy, seed=seed)
    shown = choosing.shown_list(found, policy)

    assert sum(row[3] for row in shown) == sum(place.is_chosen for place in found)
    assert not shown or shown[-1][3] is True
    for row, place in zip(shown, found, strict=False):
        assert place.candidate.reference not in str(row)
        assert row[2] == place.lot[:4]
    assert {row[1] for row in shown} == set(range(1, len({row[1] for row in shown}) + 1))


def test_the_next_500_by_score_at_most_40_percent_of_a_country():
    crowd = [person(f"D{number}", score=5.0 - number / 1000) for number in range(600)]
    crowd += [person(f"F{number}", score=1.0, country="FR") for number in range(400)]

    chosen = choosing.choose(crowd, Policy(500, SCORE, 40), seed=SEED)

    assert names(chosen[:200]) == [f"D{number}" for number in range(200)]
    assert Counter(one.country for one in chosen) == {"DE": 200, "FR": 200}
    assert len(choosing.choose(crowd, Policy(500, SCORE), seed=SEED)) == 500


def test_those_without_a_score_come_last_and_those_without_a_country_count_as_one():
    crowd = [
        person("NONE", country=""),
        person("LOW", score=0.0, country=""),
        person("HIGH", score=3.0, country=""),
        person("WRONG", score=float("nan"), country="FR"),
    ]

    assert names(choosing.choose(crowd, Policy(4, SCORE), seed=SEED))[:2] == ["HIGH", "LOW"]
    assert names(choosing.choose(crowd, Policy(4, SCORE, 50), seed=SEED)) == ["HIGH", "LOW", "WRONG"]


def test_another_seed_draws_other_lots_and_the_same_seed_the_same():
    crowd = [person(f"P{number}") for number in range(100)]
    policy = Policy(10, SCORE)

    first, again, other = (choosing.choose(crowd, policy, seed=seed) for seed in (SEED, SEED, bytes(32)))

    assert first == again
    assert first != other


def test_the_lot_is_the_hmac_that_is_promised():
    # From RFC 4231, test case 1: what other programs compute, too.
    assert choosing.lot_of("Hi There", seed=bytes.fromhex("0b" * 20)) == (
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    )
    assert choosing.commitment_to(b"abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


@pytest.mark.parametrize(
    ("policy", "most"),
    [
        (Policy(500, SCORE, 40), 200),
        (Policy(7, SCORE, 50), 3),
        (Policy(3, SCORE, 1), 1),
        (Policy(500, SCORE, 100), 500),
        (Policy(500, SCORE), None),
    ],
)
def test_a_country_has_its_whole_part_of_the_size_and_one_place_at_least(policy, most):
    assert policy.country_max == most
