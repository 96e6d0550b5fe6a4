"""The playground's own fixtures: its live processes, and the people who use them."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from playground import actions
from playground.actions import Wish
from playground.models import Generation
from portal.accounts.models import User
from portal.releases.models import Release
from tests.playground.stack import Stack, Visitor


@pytest.fixture(scope="session")
def running_stack(django_db_setup: None, django_db_blocker: Any) -> Iterator[Stack]:
    """Web, worker, model server and Valkey, started once."""
    with django_db_blocker.unblock():
        stack = Stack()
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


@pytest.fixture
def stack(running_stack: Stack, transactional_db: None) -> Iterator[Stack]:
    """The live processes; what the test writes is committed, so that they see it."""
    running_stack.mend()
    yield running_stack
    running_stack.calm()


@pytest.fixture
def visit(stack: Stack) -> Callable[[User], Visitor]:
    """A browser on the live web server in which somebody is signed in."""
    return lambda user: Visitor(stack, user)


@pytest.fixture
def ada_visits(stack: Stack, ada: User) -> Visitor:
    """Ada's browser on the live web server."""
    return Visitor(stack, ada)


def wish(prompt: str = "Hello", **changes: Any) -> Wish:
    """What a person might ask; `changes` are settings, or the wish's own."""
    usual = {"system_prompt": "", "temperature": 0.7, "max_tokens": 100}
    named = {
        name: changes.pop(name)
        for name in ("token", "follows", "tool_results", "is_unkept")
        if name in changes
    }
    return Wish(prompt=prompt, settings=usual | changes, **{"token": uuid4(), **named})


@pytest.fixture
def asked(ada: User, release: Release) -> Generation:
    """A queued generation of Ada's."""
    return actions.send(wish(), by=ada, release=release)
