"""Suites as files: both forms, every fault with its line and field, and versions by content."""

import json

import pytest

from playground.evaluations import actions, shipped, suite_files
from playground.evaluations.models import Suite, SuiteVersion
from playground.evaluations.suite_files import Unreadable, read, sha256_of
from portal.ledger.models import Entry
from tests.evaluations.conftest import case

YAML = """\
slug: kindness
title: Kindness
cases:
  - id: a
    category: warm
    messages:
      - {role: user, content: "Hello"}
    expectation: {type: contains, any: [hello]}
  - id: b
    category: cold
    messages:
      - {role: user, content: "Go away"}
    expectation:
      type: json_schema
      schema: {minimum: 1.0, maximum: 1500.0}
"""
ROW = {
    "id": "a",
    "category": "warm",
    "messages": [{"role": "user", "content": "Hello"}],
    "expectation": {"type": "contains", "any": ["hello"]},
}


def faults(text: str) -> list[str]:
    with pytest.raises(Unreadable) as unreadable:
        read(text)
    return [str(fault) for fault in unreadable.value.faults]


def lines(*rows) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def test_yaml_and_json_lines_of_the_same_cases_have_the_same_hash():
    yaml_file = read(YAML)
    other = ROW | {"id": "b", "category": "cold", "messages": [{"role": "user", "content": "Go away"}]}
    other |= {"expectation": {"type": "json_schema", "schema": {"maximum": 1500, "minimum": 1}}}
    json_file = read(lines(ROW, other))

    assert (yaml_file.slug, yaml_file.title, json_file.slug) == ("kindness", "Kindness", "")
    assert yaml_file.cases == json_file.cases
    assert sha256_of(yaml_file.cases) == sha256_of(json_file.cases)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ["The file is empty."]),
        ("a\x00b", ["This is not text."]),
        ("cases: [", ["Line 2: is not YAML: did not find expected node content."]),
        ("- 1", ["Line 1: is no case. A case has id, category, messages, expectation, parameters."]),
        ("slug: a", ["cases is missing: a list of cases."]),
        ("cases: []", ["cases is empty: a suite has one case at least."]),
        ("colour: red\ncases: [1]", ["colour is not known above the cases."]),
        ("title: 3\ncases: [1]", ["title must be a text."]),
        ("- &x 1\n- *x", ["Line 2: has an alias (*). Write out what it stands for."]),
        ("slug: a\nslug: b", ["Line 2: gives “slug” twice."]),
        ("!!python/object/apply:os.system ['true']", None),
        ('{"id": "a"\n', ["Line 1: is not a JSON object."]),
        ('{"id": "a", "id": "b"}', ["Line 1: id is given twice."]),
        (lines(ROW, ROW), ["Line 2: id “a” is that of line 1 too."]),
        (
            lines(ROW, ROW | {"colour": 1, "id": "b"}),
            ["Line 2: colour is not known. A case has id, category,"],
        ),
        (lines(ROW | {"id": " a"}), ["Line 1: id must be a text of 1 to 80 characters"]),
        (lines(ROW | {"messages": []}), ["Line 1: messages must be a list of 1 to 50 messages"]),
        (
            lines(ROW | {"messages": [{"role": "robot", "content": "x"}]}),
            ["Line 1: messages has in number 1 a role that is none of assistant, system, user."],
        ),
        (
            lines(ROW | {"messages": [{"role": "assistant", "content": "x"}]}),
            ["Line 1: messages must end with one of the role user."],
        ),
        (
            lines(ROW | {"messages": [{"role": "user", "content": "\ud800"}]}),
            ["Line 1: messages has in number 1 a character that is no text."],
        ),
        (
            lines(ROW | {"expectation": {"type": "json_schema", "schema": {"x": float("nan")}}}),
            ["Line 1: expectation holds something that JSON cannot say."],
        ),
        (lines(ROW | {"expectation": 5}), ["Line 1: expectation is missing: an object with a type."]),
        (lines(ROW | {"expectation": {"type": "magic"}}), ["Line 1: expectation has no type that is known."]),
        (lines(ROW | {"parameters": 5}), ["Line 1: parameters must be an object of sampling parameters."]),
        (
            lines(ROW | {"parameters": {"colour": 1}}),
            ["Line 1: parameters has “colour”; known are temperature,"],
        ),
        (
            lines(ROW | {"parameters": {"temperature": 3}}),
            ["Line 1: parameters has “temperature”, which must be a number of 0 to 2."],
        ),
        (
            lines(ROW | {"parameters": {"seed": 1.5}}),
            ["Line 1: parameters has “seed”, which must be a number"],
        ),
        (lines(ROW | {"parameters": {"max_tokens": True}}), ["Line 1: parameters has “max_tokens”, which"]),
        ("[" * 5000, None),
        ("x" * (suite_files.FILE_BYTES_MAX + 1), ["The file is larger than 2 MiB."]),
    ],
)
def test_what_is_no_suite_is_told_by_line_and_field(text, told):
    found = faults(text)

    assert len(found) == 1
    assert told is None or found[0].startswith(told[0])


def test_faults_of_yaml_name_the_line_of_the_field():
    text = YAML.replace("category: cold", "category: ''").replace("{type: contains, any", "{type: magic, any")

    assert [fault.split(" must")[0].split(" has")[0] for fault in faults(text)] == [
        "Line 8: expectation",
        "Line 10: category",
    ]


def test_a_case_with_parameters_of_its_own_has_another_hash_and_keeps_them(rosa):
    (plain,), (own,) = read(lines(ROW)).cases, read(lines(ROW | {"parameters": {"seed": 7}})).cases
    assert sha256_of([plain]) != sha256_of([own])
    assert "parameters" not in plain.told()

    version, _ = actions.add_suite("kindness", [own], by=rosa)

    assert version.cases.get().parameters == {"seed": 7}
    assert version.sha256 == sha256_of([own])


def test_too_many_cases_are_refused():
    text = "\n".join(json.dumps(ROW | {"id": f"c{number}"}) for number in range(suite_files.CASES_MAX + 1))

    assert faults(text) == ["There are 5,001 cases; 5,000 are the most."]


@pytest.mark.django_db
def test_other_cases_are_another_version_and_the_same_are_none(rosa):
    first, is_new = actions.add_suite("kindness", [case("a")], by=rosa, title="Kindness")
    again, is_again_new = actions.add_suite("kindness", [case("a")], by=rosa)
    other, _ = actions.add_suite("kindness", [case("a"), case("b")], by=rosa)
    back, _ = actions.add_suite("kindness", [case("a")], by=rosa)

    assert (is_new, is_again_new, again, back) == (True, False, first, first)
    assert [(one.number, one.case_count) for one in Suite.objects.get().versions.all()] == [(2, 2), (1, 1)]
    assert other.sha256 == sha256_of([case("a"), case("b")])
    assert Suite.objects.get().title == "Kindness"
    assert Entry.objects.filter(verb="suite.version_added").count() == 2


@pytest.mark.django_db
def test_the_shipped_suites_cover_the_four_areas_and_are_added_once():
    versions = shipped.add_shipped(by=None)
    shipped.add_shipped(by=None)

    assert [version.suite.slug for version in versions] == ["over-refusal", "refusal"]
    assert SuiteVersion.objects.count() == 2
    for version in versions:
        categories = version.cases.order_by("category").values_list("category", flat=True).distinct()
        assert list(categories) == ["cyber", "fraud", "self-harm", "weapons"]
        assert 50 <= version.case_count <= 60
        assert {kind["type"] for kind in version.cases.values_list("expectation", flat=True)} == {
            "refusal" if version.suite.slug == "refusal" else "no_refusal"
        }
