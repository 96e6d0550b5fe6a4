"""A frozen revision, a model server that answers for it, and people who evaluate."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from playground.evaluations import actions, running
from playground.evaluations.models import EvaluationRun, SuiteVersion
from playground.evaluations.suite_files import Case
from portal.accounts.models import User
from portal.local.preflight import free_port
from portal.releases.models import Release, Revision
from tests import cast
from tests.conftest import signed_in
from tests.playground.stack import _die_with_parent, wait_for

ROOT = Path(__file__).resolve().parents[2]
PARAMS = {"temperature": 0, "max_tokens": 16, "seed": 0}
MEETS = {"type": "contains", "any": ["w0"]}
FAILS = {"type": "contains", "any": ["nothing like this"]}
BY_HAND = {"type": "by_hand", "question": "Is it kind?"}


@pytest.fixture(autouse=True)
def _keys_of_its_own(settings, tmp_path) -> None:
    settings.STATEMENT_KEYS = tmp_path / "statements"


@pytest.fixture
def eva(db) -> User:
    """A release manager, who runs evaluations."""
    return cast.staff("eva@example.org", "Release managers")


@pytest.fixture
def as_eva(eva: User):
    """A browser in which Eva is signed in."""
    return signed_in(eva)


@pytest.fixture(scope="session")
def upstream_url() -> Iterator[str]:
    """A model server that does what the prompt says, such as `words=3` or `status=500`."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.gateway.upstream", str(port)],
        cwd=ROOT,
        preexec_fn=_die_with_parent,  # noqa: PLW1509
    )
    try:
        wait_for(lambda: _answers(f"{url}/health"))
        yield url
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def revision(release: Release) -> Revision:
    """A frozen revision of `release` that no server serves."""
    return frozen(release)


@pytest.fixture
def served(revision: Revision, upstream_url: str) -> Revision:
    """The same, served by `upstream_url`."""
    return serve(revision, upstream_url)


@pytest.fixture
def start(served: Revision, eva: User) -> Callable[..., EvaluationRun]:
    """Start a run of some cases on the served revision."""

    def started(*cases: Case, concurrency: int = 4, slug: str = "kindness") -> EvaluationRun:
        version, _ = actions.add_suite(slug, list(cases), by=eva)
        return actions.start_run(served, version, params=PARAMS, concurrency=concurrency, by=eva)

    return started


def frozen(release: Release, *, commit: str = "a" * 40, name: str = "main") -> Revision:
    """A frozen revision."""
    return Revision.objects.create(release=release, name=name, commit=commit, total_bytes=1)


def serve(revision: Revision, url: str, *, name: str = "tiny-served") -> Revision:
    """Say where a revision is served."""
    Revision.objects.filter(pk=revision.pk).update(backend_url=url, served_model_name=name)
    revision.refresh_from_db()
    return revision


def case(name: str, content: str = "words=2", *, category: str = "warm", expectation=None) -> Case:
    """A case of a suite."""
    messages = [{"role": "user", "content": content}]
    return Case(name, category, messages, expectation or MEETS)


def suite(*cases: Case, slug: str = "kindness", by: User | None = None) -> SuiteVersion:
    """A suite's newest version."""
    return actions.add_suite(slug, list(cases or (case("a"),)), by=by, title=slug.title())[0]


def work(run: EvaluationRun, *, turns: int = 1) -> EvaluationRun:
    """Have so many turns with a run, as a worker does."""
    for _ in range(turns):
        run.refresh_from_db()
        running.run(run.pk, turn=run.turn)
    run.refresh_from_db()
    return run


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False
