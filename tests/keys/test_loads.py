"""The load that more developers bring, from what a programme's own use."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.admissions.models import Application, ApplicationStatus
from portal.keys import actions, usage_writing
from portal.keys.loads import load_of
from portal.keys.models import Scope
from portal.keys.usage_writing import Sums
from tests import cast

NOW = datetime.now(UTC)
TODAY = NOW.date()


@pytest.fixture
def programme(release):
    return cast.programme(release)


def developer(programme, name, *, days=60):
    """One who was approved so many days ago."""
    user = cast.person(f"{name}@example.org")
    made = cast.application(user, programme, ApplicationStatus.APPROVED)
    at = NOW - timedelta(days=days)
    Application.objects.filter(pk=made.pk).update(decided_at=at)
    return user


def use(user, release, *, tokens, days_ago=1):
    key = actions.create(user, name="calls", scopes=[Scope.INFERENCE], by=user).key
    sums = Sums(requests=tokens // 100, failures=0, prompt_tokens=tokens // 2, completion_tokens=tokens // 2)
    usage_writing.write({(key.pk, release.pk, TODAY - timedelta(days=days_ago)): sums}, {})


def test_without_developers_or_usage_there_is_no_data(programme):
    assert load_of(programme, people=5, today=TODAY) is None
    developer(programme, "idle")
    assert load_of(programme, people=5, today=TODAY) is None


def test_the_one_in_the_middle_and_the_mean_times_the_people(programme, release):
    idle, little, much = (developer(programme, name) for name in ("idle", "little", "much"))
    use(little, release, tokens=2_800)
    use(little, release, tokens=2_800, days_ago=28)
    use(much, release, tokens=280_000, days_ago=2)

    load = load_of(programme, people=6, today=TODAY)

    # 0, 200 and 10,000 tokens a day of 28.
    assert (load.developers, load.typical_tokens, load.expected_tokens) == (3, 1_200, 20_400)
    assert (load.expected_requests, load.percent_more) == (204, 200)
    assert idle.api_keys.count() == 0


def test_only_whole_days_of_access_count(programme, release):
    use(developer(programme, "new", days=5), release, tokens=400)
    use(developer(programme, "newest", days=0), release, tokens=10_000, days_ago=1)

    load = load_of(programme, people=1, today=TODAY)

    # Approved five days ago, so four whole days; whoever was approved today has none.
    assert (load.developers, load.expected_tokens) == (1, 100)


def test_what_others_use_and_other_models_and_other_times_do_not_count(programme, release, mallory):
    ada = developer(programme, "ada")
    use(ada, release, tokens=2_800)
    use(ada, release, tokens=280_000, days_ago=0)
    use(ada, release, tokens=280_000, days_ago=29)
    use(ada, cast.release("other"), tokens=280_000)
    use(mallory, release, tokens=280_000)
    cast.application(mallory, programme)

    assert load_of(programme, people=10, today=TODAY).expected_tokens == 1_000
