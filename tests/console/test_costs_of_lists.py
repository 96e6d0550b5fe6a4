"""Lists of the review's side pages: as many queries for three rows as for one."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.admissions import actions
from portal.admissions.bulk import actions as bulk
from portal.admissions.bulk import decision_imports
from portal.admissions.models import Application, Criterion, ReplyTemplate, SavedView
from tests import cast
from tests.admissions.conftest import ANSWERS, programme  # noqa: F401 - a fixture
from tests.conftest import signed_in


@pytest.fixture
def as_paul(rosa):
    """A browser of a programme manager."""
    return signed_in(cast.staff("paul@example.org", "Programme managers"))


def row(number, programme, by) -> None:  # noqa: F811
    """One more of everything."""
    person = cast.person(f"p{number}@example.org")
    made = actions.submit(actions.start(programme, by=person), answers=ANSWERS, by=person)
    ReplyTemplate.objects.create(name=f"R{number}", text="T")
    Criterion.objects.create(programme=programme, label=f"C{number}")
    SavedView.objects.create(by=cast.staff(f"r{number}@example.org", "Reviewers"), name="V", is_shared=True)
    content = f"reference,decision\n{made.reference},approve\n".encode()
    decision_imports.read(content, file_name="a.csv", by=by)
    bulk.prepare(Application.objects.all(), verb="waitlist", by=by)


@pytest.mark.parametrize(
    "address",
    [
        "/console/replies/",
        "/console/applications/",
        "/console/applications/import/",
        "/console/applications/bulk/",
        "/console/programmes/early-access/",
        "/console/rules/",
    ],
)
@pytest.mark.parametrize("is_blind", [False, True])
def test_a_list_costs_the_same_for_one_and_three(as_paul, programme, address, is_blind):  # noqa: F811
    programme.is_blind = is_blind
    programme.save()
    paul = cast.User.objects.get(email="paul@example.org")
    costs = []
    for numbers in ([0], [1, 2]):
        for number in numbers:
            row(number, programme, paul)
        as_paul.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert as_paul.get(address).status_code == 200
        costs.append(len(queries))

    assert costs[0] == costs[1]
