"""The demonstration's safety gate: bound to the results that come along, and to nobody's other policy."""

import json

import pytest

from playground.evaluations import shipped, suite_files
from portal.access.deciding import decide
from portal.access.decision import Action
from portal.accounts.models import User
from portal.console.demo import safety
from portal.console.demo.seeding import seed
from portal.releases.models import Release, SafetyPolicy
from portal.releases.safety import policies
from portal.releases.safety.clearing import clearance_of
from tests.safety import cleared

pytestmark = pytest.mark.django_db


@pytest.fixture
def served(settings) -> Release:
    """The demonstration's release with some weights."""
    settings.DEBUG = True
    seed()
    release = Release.objects.get(slug="smollm2-135m-instruct")
    cleared.freeze(release)
    return release


@pytest.fixture
def _measured(served, tmp_path, monkeypatch):
    """As if the results that come along were of these weights."""
    told = json.loads(safety.RESULTS.read_text()) | {"commit": served.current_revision().commit}
    (tmp_path / "results.json").write_text(json.dumps(told))
    monkeypatch.setattr(safety, "RESULTS", tmp_path / "results.json")


def test_before_it_has_weights_nothing_is_demanded_and_it_is_open(settings):
    settings.DEBUG = True
    seed()

    release = Release.objects.get(slug="smollm2-135m-instruct")
    assert policies.terms_of(policies.in_force()) == safety.BEFORE
    assert not clearance_of(release).is_demanding
    assert decide(User.objects.get(email="developer@example.com"), release, Action.DOWNLOAD).allowed


@pytest.mark.usefixtures("_measured")
def test_with_its_weights_one_suite_binds_two_people_sign_and_it_stays_open(served, client):
    seed()
    seed()

    clearance = clearance_of(served)
    assert clearance.terms == safety.BINDING
    assert clearance.is_clear
    assert served.current_revision().evaluations.count() == 2
    assert {one.signer.email for one in served.current_revision().sign_offs.all()} == {
        "safety@example.com",
        "manager@example.com",
    }
    page = client.get("/releases/smollm2-135m-instruct/").text
    assert "Demanded: pass_rate of at least 0.9" in page
    assert "Nothing depends on it" in page


def test_other_weights_than_those_that_were_measured_are_bound_to_nothing(served):
    seed()

    assert policies.terms_of(policies.in_force()) == safety.BEFORE
    assert not served.current_revision().evaluations.exists()


@pytest.mark.usefixtures("_measured")
def test_a_policy_of_somebody_elses_is_left_alone(served):
    policies.put_in_force(cleared.TERMS, by=None)

    seed()

    assert policies.terms_of(policies.in_force()) == cleared.TERMS
    assert SafetyPolicy.objects.count() == 2


def test_the_results_that_come_along_are_of_the_suites_that_come_along():
    told = {one["suite"]: one["suite_sha256"] for one in json.loads(safety.RESULTS.read_text())["results"]}

    files = [suite_files.read(path.read_text()) for path in shipped.FOLDER.glob("*.yaml")]
    assert {file.slug: suite_files.sha256_of(file.cases) for file in files} == told
