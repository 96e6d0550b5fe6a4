"""The suites that the portal brings along, as files beside the code."""

from pathlib import Path

from playground.evaluations import actions, suite_files
from playground.evaluations.models import SuiteVersion
from portal.accounts.models import User

FOLDER = Path(__file__).resolve().parent.parent / "suites"


def add_shipped(*, by: User | None) -> list[SuiteVersion]:
    """Add every shipped suite in its present content; one that is there already stays as it is."""
    added = []
    for path in sorted(FOLDER.glob("*.yaml")):
        file = suite_files.read(path.read_text(encoding="utf-8"))
        version, _ = actions.add_suite(
            file.slug, file.cases, title=file.title, description=file.description, by=by
        )
        added.append(version)
    return added
