"""Rules as pure functions: what a condition means, and that its opposites are opposites."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.admissions import matching
from portal.admissions.matching import Facts, first_match, holds
from portal.admissions.models import Rule

FACTS = Facts(
    answers={
        "use": " Academic  Research ",
        "gpus": "1,200",
        "agreed": True,
        "refused": False,
        "none": None,
        "uses": ["Research", "Defence, armament"],
        "no uses": [],
    },
    signals=frozenset({"disposable_address"}),
    country="DE",
    account_age_days=30,
)
OPPOSITES = (("is", "is_not"), ("in", "not_in"), ("present", "absent"))


@pytest.mark.parametrize(
    ("subject", "operator", "value", "expected"),
    [
        ("answer:use", "is", "academic research", True),
        ("answer:use", "is_not", "academic research", False),
        ("answer:use", "contains", "RESEARCH", True),
        ("answer:use", "contains", " ", False),
        ("answer:use", "in", "Commerce\nAcademic research", True),
        ("answer:use", "in", "commerce, hobby", False),
        ("answer:use", "not_in", "commerce, hobby", True),
        ("answer:use", "at_least", "1", False),
        ("answer:use", "at_most", "1", False),
        ("answer:gpus", "at_least", "1200", True),
        ("answer:gpus", "at_most", "1199.5", False),
        ("answer:agreed", "present", "", True),
        ("answer:refused", "present", "", False),
        ("answer:none", "absent", "", True),
        ("answer:missing", "absent", "", True),
        ("answer:missing", "is_not", "anything", True),
        ("answer:uses", "is", "research", True),
        ("answer:uses", "is_not", "research", False),
        ("answer:uses", "is_not", "Teaching", True),
        ("answer:uses", "in", "Teaching\nDefence, armament", True),
        ("answer:uses", "not_in", "Defence, armament\nTeaching", False),
        ("answer:uses", "contains", "armament", True),
        ("answer:uses", "absent", "", False),
        ("answer:no uses", "is", "research", False),
        ("answer:no uses", "is_not", "research", True),
        ("answer:no uses", "present", "", False),
        ("signal:disposable_address", "present", "", True),
        ("signal:declined_before", "present", "", False),
        ("signal:declined_before", "absent", "", True),
        ("country", "is", "de", True),
        ("country", "in", "FR, DE", True),
        ("account_age_days", "at_least", "30", True),
        ("account_age_days", "at_most", "29", False),
        ("account_age_days", "at_least", "a month", False),
    ],
)
def test_a_condition_means_what_it_says(subject, operator, value, expected):
    assert holds({"subject": subject, "operator": operator, "value": value}, FACTS) is expected


words = st.text(max_size=12)
facts = st.builds(
    Facts,
    answers=st.dictionaries(st.sampled_from(["a", "b"]), words | st.booleans() | st.none() | st.lists(words)),
    signals=st.frozensets(st.sampled_from(["x", "y"])),
    country=st.sampled_from(["", "DE", "FR"]),
    account_age_days=st.integers(0, 4_000),
)
subjects = st.sampled_from(["answer:a", "answer:b", "answer:c", "signal:x", "country", "account_age_days"])
operators = st.sampled_from(sorted(matching.OPERATORS[matching.ANSWER]))
conditions = st.fixed_dictionaries({"subject": subjects, "operator": operators, "value": words})


@given(facts, subjects, words, st.sampled_from(OPPOSITES))
def test_of_two_opposites_exactly_one_holds(known, subject, value, opposites):
    told = [holds({"subject": subject, "operator": one, "value": value}, known) for one in opposites]

    assert sorted(told) == [False, True]


@given(facts, subjects, st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_always_one_of_more_and_less_and_other_text_neither(known, subject, number):
    told = [
        holds({"subject": subject, "operator": one, "value": str(number)}, known)
        for one in ("at_least", "at_most")
    ]

    assert any(told) == (matching.number_in(known.text_of(subject)) is not None)


@given(facts, st.lists(st.lists(conditions, max_size=3), max_size=5))
def test_the_first_rule_of_which_everything_holds_counts(known, sets):
    rules = [Rule(name=str(number), conditions=one) for number, one in enumerate(sets)]

    found = first_match(rules, known)

    before = rules[: rules.index(found)] if found else rules
    assert not any(one.conditions and all(holds(c, known) for c in one.conditions) for one in before)
    assert found is None or (found.conditions and all(holds(one, known) for one in found.conditions))


@given(st.lists(st.lists(conditions, max_size=2), min_size=1, max_size=3))
def test_a_set_is_told_from_another_by_its_wording_alone(sets):
    rules = [Rule(name=str(number), effect="flag", conditions=one) for number, one in enumerate(sets)]
    same = [Rule(pk=9, name=one.name, effect="flag", conditions=one.conditions) for one in rules]
    other = [Rule(name=one.name, effect="approve", conditions=one.conditions) for one in rules]

    assert matching.sha256_of(rules) == matching.sha256_of(same)
    assert matching.sha256_of(rules) != matching.sha256_of(other)
