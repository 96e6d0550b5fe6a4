"""Conditions: the table for people and the JSON for programs; identifiers of SPDX."""

import pytest
from django.core.exceptions import ValidationError

from portal.common.refusals import Refusal
from portal.licensing import actions
from portal.licensing.conditions import condition_changes, conditions_of
from portal.licensing.spdx import COMMON_IDS, require_spdx
from tests import cast

TERMS = {
    "commercial_use_note": "For any purpose.",
    "monthly_users_max": 700_000_000,
    "derivative_prefix": "Mild-",
    "derivative_suffix": "-open",
    "use_limits": ["No weapons.", "No <spying>."],
    "spdx": "LicenseRef-Mild-2.0",
    "grace_days": 7,
}
WORDS = [
    ("Commercial use", "Allowed", ("For any purpose.",)),
    (
        "Services with many users",
        "With conditions",
        ("A service that more than 700,000,000 people use a month needs a separate licence.",),
    ),
    ("Redistribution", "With conditions", ()),
    ("Modification", "Allowed", ()),
    ("Attribution", "Required", ()),
    (
        "Names of derived models",
        "A part is given",
        ("The name of a model made from this one must begin with “Mild-” and end with “-open”.",),
    ),
    ("Uses that are not allowed", "Not allowed", ("No weapons.", "No <spying>.")),
]


@pytest.fixture
def licence(db):
    return cast.licence("mild")


@pytest.fixture
def version(licence, publish):
    return publish(licence, "2.0", **TERMS)


def test_the_table_says_each_condition_in_plain_words(version):
    assert [(row.label, row.word, row.notes) for row in conditions_of(version)] == WORDS


def test_a_version_without_limits_says_so(licence):
    rows = {row.label: row.word for row in conditions_of(licence.current_version())}

    assert rows["Services with many users"] == "No limit"
    assert rows["Names of derived models"] == "Free to choose"
    assert rows["Uses that are not allowed"] == "None named"


@pytest.mark.parametrize("address", ["/licences/mild/", "/licences/mild/2.0/", "/releases/tiny/"])
def test_the_table_stands_on_the_pages_of_licence_version_and_release(client, licence, version, address):
    cast.release("tiny", under=licence)

    content = client.get(address).content.decode()

    assert "Names of derived models" in content
    assert "must begin with “Mild-” and end with “-open”." in content
    assert "<li>No &lt;spying&gt;.</li>" in content


def test_programs_read_all_of_it_without_signing_in(client, version, settings, django_assert_num_queries):
    with django_assert_num_queries(1):
        response = client.get("/licences/mild/2.0.json")

    assert response["Access-Control-Allow-Origin"] == "*"
    assert response.json() == {
        "type": "licence-conditions/v1",
        "licence": {
            "slug": "mild",
            "name": "Open Weights Licence",
            "url": f"{settings.PORTAL_URL}/licences/mild/",
        },
        "version": "2.0",
        "url": f"{settings.PORTAL_URL}/licences/mild/2.0/",
        "spdx": "LicenseRef-Mild-2.0",
        "text_sha256": version.sha256,
        "is_published": True,
        "published_at": response.json()["published_at"],
        "conditions": {
            "commercial_use": {"permission": "allowed", "note": "For any purpose."},
            "redistribution": {"permission": "conditions", "note": ""},
            "modification": {"permission": "allowed", "note": ""},
            "attribution": {"permission": "required", "note": ""},
            "separate_licence_above_monthly_users": 700_000_000,
            "derivative_name": {"prefix": "Mild-", "suffix": "-open"},
            "forbidden_uses": ["No weapons.", "No <spying>."],
        },
        "acceptance": {
            "asked_again": "everybody",
            "unless_accepted_since": None,
            "grace_days": 7,
            "grace_ends_at": f"{version.grace_ends_at:%Y-%m-%dT%H:%M:%SZ}",
        },
    }


def test_a_version_without_an_identifier_has_one_of_its_own(client, licence):
    assert client.get("/licences/mild/1.0.json").json()["spdx"] == "LicenseRef-mild-1.0"


def test_programs_do_not_read_drafts(client, licence):
    actions.draft_version(licence, number="3.0", text="New.")

    assert client.get("/licences/mild/3.0.json").status_code == 404


def test_what_changed_in_the_conditions_is_told_by_row(licence, version):
    changes = condition_changes(licence.versions.get(number="1.0"), version)

    assert [(one.label, one.older.word, one.newer.word) for one in changes] == [
        ("Commercial use", "Allowed", "Allowed"),
        ("Services with many users", "No limit", "With conditions"),
        ("Names of derived models", "Free to choose", "A part is given"),
        ("Uses that are not allowed", "None named", "Not allowed"),
    ]


@pytest.mark.parametrize("identifier", ["MIT", "Apache-2.0", "LicenseRef-a.B-3"])
def test_identifiers_that_spdx_knows_or_ours_are_taken(identifier):
    assert require_spdx(identifier) is None


@pytest.mark.parametrize("identifier", ["mit", "GPL", "LicenseRef-", "LicenseRef-a b", "MIT OR ISC", "MIT\n"])
def test_other_identifiers_are_refused_in_form_and_verb(licence, identifier):
    with pytest.raises(ValidationError):
        require_spdx(identifier)
    with pytest.raises(Refusal, match="SPDX"):
        actions.draft_version(licence, number="3.0", text="New.", spdx=identifier)


def test_the_list_of_identifiers_is_whole():
    assert len(COMMON_IDS) > 40
    assert all(one.replace("-", "").replace(".", "").isalnum() for one in COMMON_IDS)
