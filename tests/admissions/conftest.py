"""A programme with the usual questions, answers to them, and mail that arrives at once."""

import pytest

from portal.accounts.models import User
from portal.admissions import actions
from portal.admissions.models import Application, Programme, Team
from portal.admissions.programmes import starter
from portal.admissions.teams import actions as teams
from tests import cast
from tests.look.conftest import enter, page  # noqa: F401 - fixtures

ANSWERS = {
    "use_case": "Summarising the minutes of public meetings.",
    "organisation": "Example Institute",
    "country": "DE",
    "intended_use": "Research",
    "use_policy": True,
}


@pytest.fixture
def programme(release) -> Programme:
    """The early-access programme, which opens `release`."""
    made = starter.early_access(by=None)
    made.releases.add(release)
    return made


@pytest.fixture
def ann(db) -> User:
    """A verified person who applies."""
    return cast.person("ann@example.org", name="Ann Applicant")


@pytest.fixture
def rolf(rosa) -> User:
    """A second reviewer."""
    return cast.staff("rolf@example.org", "Reviewers")


@pytest.fixture
def draft(programme, ann) -> Application:
    """Ann's draft, still empty."""
    return actions.start(programme, by=ann)


@pytest.fixture
def submitted(draft, ann) -> Application:
    """Ann's application, handed in."""
    return actions.submit(draft, answers=ANSWERS, by=ann)


def form(client, programme, **changes):
    """What a browser sends: the answers, and the slip of the page that it was shown."""
    shown = client.get(programme.get_absolute_url())
    answers = {f"answer-{code}": answer for code, answer in (ANSWERS | changes).items()}
    if answers["answer-use_policy"] is True:
        answers["answer-use_policy"] = "on"
    else:
        del answers["answer-use_policy"]
    return answers | {"slip": shown.context["slip"]}


@pytest.fixture
def of_teams(programme) -> Programme:
    """The programme, which takes teams of ten at most."""
    programme.takes_teams = True
    programme.save()
    return programme


@pytest.fixture
def team(of_teams, ann, rosa, submitted) -> Team:
    """Ann's team with two seats, approved."""
    teams.ask_for(submitted, name="Example Institute", seats_wanted=2, by=ann)
    actions.approve(submitted, by=rosa)
    return Team.objects.select_related("application__programme").get()


@pytest.fixture
def cleo(db) -> User:
    """A colleague of Ann's."""
    return cast.person("cleo@example.org", name="Cleo Colleague")
