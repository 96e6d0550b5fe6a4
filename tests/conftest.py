"""Fixtures that every test may use; the services come from `tests.services`."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.core.cache import caches
from django.test import Client

from portal.accounts.models import User
from portal.celery import app
from portal.releases.models import Release
from tests import cast, emptying, migrated
from tests.browsing import browser  # noqa: F401 - a fixture
from tests.door import DoorHandler


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    """A password costs a third of a second by design; the tests make thousands."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _a_cache_of_its_own():
    """Each test sees an empty cache in the real Valkey, whatever ran before it or runs beside it."""
    caches["default"].key_prefix = f"test-{uuid4().hex}"


@pytest.fixture(autouse=True)
def _the_door_before_django(monkeypatch):
    """Every test client meets what portal/asgi.py has: the door answers for files, Django for the rest."""
    monkeypatch.setattr("django.test.client.ClientHandler", DoorHandler)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings) -> None:
    """Begin with what the migrations have made before."""
    migrated.begin()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker) -> Iterator[None]:
    """The tests' database, which is emptied at once behind each test that commits."""
    with django_db_blocker.unblock():
        migrated.keep()
        emptying.prepare()
    with emptying.at_once():
        yield


@pytest.fixture
def release(db) -> Release:
    """An open release."""
    return cast.release()


@pytest.fixture
def ada(release: Release) -> User:
    """An approved developer to whom every gate of `release` is open."""
    return cast.developer("ada@example.org", release)


@pytest.fixture
def zephyr(release: Release, ada: User) -> Release:
    """Another open release that Ada may try as well."""
    made = cast.release("zephyr", under=release.licence)
    release.programmes.get().releases.add(made)
    return made


@pytest.fixture
def mallory(db) -> User:
    """An outsider: signed up and verified, and nothing else."""
    return cast.person("mallory@example.org")


@pytest.fixture
def rosa(db) -> User:
    """A reviewer."""
    return cast.staff("rosa@example.org", "Reviewers")


@pytest.fixture
def as_ada(ada: User) -> Client:
    """A browser in which Ada is signed in."""
    return signed_in(ada)


@pytest.fixture
def as_mallory(mallory: User) -> Client:
    """A browser in which Mallory is signed in."""
    return signed_in(mallory)


@pytest.fixture
def as_rosa(rosa: User) -> Client:
    """A browser in which Rosa is signed in."""
    return signed_in(rosa)


def signed_in(user: User) -> Client:
    """A browser in which `user` is signed in."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def post_office(mailoutbox, django_capture_on_commit_callbacks) -> Iterator:
    """Make blocks (`as mails`) at whose end what was committed inside is delivered."""
    app.conf.task_always_eager = True

    class Block:
        def __enter__(self):
            self._commit = django_capture_on_commit_callbacks(execute=True)
            self._commit.__enter__()
            return mailoutbox

        def __exit__(self, *error):
            return self._commit.__exit__(*error)

    yield Block
    app.conf.task_always_eager = False
