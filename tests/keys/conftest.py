"""Keys that every test here may use."""

import pytest
import redis
from django.conf import settings

from portal.accounts.models import User
from portal.keys import actions
from portal.keys.actions import CreatedKey
from portal.keys.models import DEVELOPER_SCOPES


@pytest.fixture
def laptop(ada: User) -> CreatedKey:
    """Ada's key for everything."""
    return actions.create(ada, name="laptop", scopes=DEVELOPER_SCOPES, by=ada)


@pytest.fixture
def valkey():
    """A client of the running Valkey."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        yield client
