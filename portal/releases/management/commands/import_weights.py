"""`manage.py import_weights RELEASE_SLUG SOURCE`: register a source's files as a new frozen revision."""

import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from portal.common.refusals import Refusal
from portal.releases import actions, importing, imports, sources
from portal.releases.models import ImportStatus, Release, Revision, SourceKind, WeightImport

LOOK_EVERY_SECONDS = 0.3
# A worker that is up takes an import within a second; so long means that none is.
WORKER_EXPECTED_WITHIN_SECONDS = 8
NO_WORKER = (
    "No worker has taken the import yet. Is one running for the queue “default”? It stays queued; "
    "you can wait, or stop with Ctrl-C and run this again with --here."
)


class Command(BaseCommand):
    """Queue an import and follow it on the terminal until it has ended."""

    help = "Register the weights of a source as a new frozen revision of a release, and follow its progress."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the release, the source, the revision's name, and where the work is done."""
        parser.add_argument("release", metavar="RELEASE_SLUG")
        parser.add_argument(
            "source",
            metavar="SOURCE",
            help="a directory, a snapshot of the Hub's cache (or its models--… folder), or s3://bucket/prefix",
        )
        parser.add_argument("--revision", default="main", help="the revision's name (default: main)")
        parser.add_argument(
            "--here", action="store_true", help="do the work in this process, not in a worker"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Import; exit 0 when the revision is there, else 1 with one sentence."""
        release = Release.objects.filter(slug=options["release"]).first()
        if release is None:
            known = ", ".join(Release.objects.values_list("slug", flat=True)) or "none"
            raise CommandError(f"There is no release “{options['release']}”. There are: {known}.")
        try:
            wishes = {"source": _whole(options["source"]), "revision_name": options["revision"]}
            # Who stopped waiting for a worker does the import that is queued already.
            queued = release.imports.filter(status=ImportStatus.QUEUED, **wishes).first()
            work = queued or actions.request_import(release, **wishes, by=None, dispatch=not options["here"])
        except Refusal as refusal:
            raise CommandError(refusal.sentence) from refusal
        self._end(self._do_here(work) if options["here"] else self._follow(work))

    def _do_here(self, work: WeightImport) -> WeightImport:
        what = sources.described(work.source)
        self.stdout.write(f"Reading {work.source}{', ' if what else ''}{what} …")
        try:
            importing.run(work.pk)
        except KeyboardInterrupt:
            work.refresh_from_db()
            imports.fail(
                work, worker=work.worker, sentence="Stopped at the terminal. Start the import again."
            )
        work.refresh_from_db()
        return work

    def _follow(self, work: WeightImport) -> WeightImport:
        started, has_warned, shown = time.monotonic(), False, ""
        while work.is_live:
            line = _line(work)
            if line != shown:
                self._show(line)
                shown = line
            is_late = time.monotonic() - started > WORKER_EXPECTED_WITHIN_SECONDS
            if work.status == ImportStatus.QUEUED and is_late and not has_warned:
                self.stderr.write(self.style.WARNING(NO_WORKER))
                has_warned = True
            try:
                time.sleep(LOOK_EVERY_SECONDS)
            except KeyboardInterrupt as stop:
                raise CommandError(
                    "Stopped watching. The import itself goes on, or waits for a worker."
                ) from stop
            work.refresh_from_db()
        return work

    def _show(self, line: str) -> None:
        """Write over the line before on a terminal; one line each in a file."""
        if self.stdout.isatty():
            self.stdout.write(f"\r\x1b[K{line}", ending="")
            self.stdout.flush()
        else:
            self.stdout.write(line)

    def _end(self, work: WeightImport) -> None:
        if self.stdout.isatty():
            self.stdout.write("\r\x1b[K", ending="")
        if work.status != ImportStatus.DONE or work.revision is None:
            raise CommandError(work.error)
        revision = work.revision
        if work.is_duplicate:
            self.stdout.write(f"The same files were imported before; nothing was stored twice: {revision}")
        elif known_bytes := imports.known_bytes([work]).get(work.pk, 0):
            self.stdout.write(
                f"{_size(known_bytes)} of it were in the store already; nothing was stored twice."
            )
        size = _size(revision.total_bytes)
        files = revision.files.count()
        self.stdout.write(
            self.style.SUCCESS(f"{revision.release.hub_id}@{revision.name}: {files} files, {size}")
        )
        if not Revision.objects.filter(pk=revision.pk, is_current=True).exists():
            place = (
                f"{settings.PORTAL_URL}/console/releases/{revision.release.slug}/safety/{revision.commit}/"
            )
            self.stdout.write(
                self.style.WARNING(
                    f"It waits: {revision.release} is open, and “{revision.name}” goes on giving out what "
                    f"was signed for. Have it evaluated, signed and promoted: {place}"
                )
            )
        self.stdout.write(f"commit {revision.commit}")


def _line(work: WeightImport) -> str:
    if work.status == ImportStatus.QUEUED:
        return "Waiting for a worker …"
    return f"{work.percent:3} %  {', '.join(work.current_paths)}"


def _size(size_bytes: int) -> str:
    return filesizeformat(size_bytes).replace("\xa0", " ")


def _whole(source: str) -> str:
    """The source as it is kept, from wherever in the file system the command was called. Raises Refusal."""
    is_bucket = sources.detect(source) == SourceKind.BUCKET
    return sources.pinned(source if is_bucket else str(Path(source).resolve()))
