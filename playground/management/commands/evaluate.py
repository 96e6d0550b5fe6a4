"""`manage.py evaluate RELEASE_SLUG`: starts runs of suites on a revision, for deployments and machines."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from playground.evaluations import actions, shipped
from playground.evaluations.models import CONCURRENCY_MAX, Suite, SuiteVersion
from portal.common.refusals import Refusal
from portal.releases.models import Release, Revision

MAX_TOKENS, AT_ONCE = 256, 4


class Command(BaseCommand):
    """Start runs; the batch worker asks the cases."""

    help = "Run suites on the server of RELEASE_SLUG's current revision and print the addresses of the runs."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the release, the suites (those that the portal brings along by default) and how to ask."""
        parser.add_argument("release", metavar="RELEASE_SLUG")
        parser.add_argument(
            "--suite",
            action="append",
            dest="suites",
            help="A suite's short name; may be given more than once.",
        )
        parser.add_argument("--commit", default="", help="Another revision than the current one.")
        parser.add_argument("--max-tokens", type=int, default=MAX_TOKENS, help="Tokens per answer at most.")
        parser.add_argument(
            "--concurrency",
            type=int,
            default=AT_ONCE,
            choices=range(1, CONCURRENCY_MAX + 1),
            metavar="NUMBER",
            help=f"Prompts at a time, {CONCURRENCY_MAX} at most.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Start one run a suite, or say why not."""
        revision = _revision(options["release"], commit=options["commit"])
        params = {"temperature": 0, "max_tokens": options["max_tokens"], "seed": 0}
        for version in _versions(options["suites"]):
            try:
                run = actions.start_run(
                    revision, version, params=params, concurrency=options["concurrency"], by=None
                )
            except Refusal as refusal:
                raise CommandError(f"{version.suite.title} was not started: {refusal}") from refusal
            self.stdout.write(f"{version.suite.slug}: {settings.PORTAL_URL}{run.get_absolute_url()}")


def _revision(slug: str, *, commit: str) -> Revision:
    release = Release.objects.filter(slug=slug).first()
    if release is None:
        raise CommandError(f"There is no release {slug}. The console lists them under Releases.")
    found = release.revisions.filter(commit=commit).first() if commit else release.current_revision()
    if found is None:
        raise CommandError(f"{slug} has no such revision. Import its weights first, or check the commit id.")
    return found


def _versions(slugs: list[str] | None) -> list[SuiteVersion]:
    """The newest version of each suite; the shipped ones, added if need be, when none is named."""
    if not slugs:
        return shipped.add_shipped(by=None)
    versions = []
    for slug in slugs:
        suite = Suite.objects.filter(slug=slug).first()
        version = suite.versions.first() if suite else None
        if version is None:
            raise CommandError(f"There is no suite {slug}. The console lists them under Evaluations.")
        versions.append(version)
    return versions
