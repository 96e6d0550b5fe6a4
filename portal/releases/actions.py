"""What is done to releases: they are made, evaluated, cleared, opened and withdrawn, and given weights."""

import re
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.common.transitions import move
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.licensing.models import Licence
from portal.releases import sources
from portal.releases.models import (
    RELEASE_MOVES,
    REVISION_NAME_PATTERN,
    ImportedFile,
    Release,
    ReleaseStatus,
    WeightImport,
)
from portal.releases.reasons import WHY_AND_WHAT_INSTEAD, required_reason
from portal.releases.safety.clearing import clearance_of
from portal.releases.safety.promoting import require_clear
from portal.releases.tasks import import_weights

COMMIT_ID = re.compile(r"[0-9a-f]{40}")


@transaction.atomic
def create_release(
    *,
    slug: str,
    name: str,
    hub_id: str,
    summary: str,
    licence: Licence,
    by: User | None,
    address: str | None = None,
    **others: Any,
) -> Release:
    """Make a draft of a release; `others` are any further fields of Release but its state.

    Raises Refusal naming what is wrong: a slug or Hub id that is taken or malformed.
    """
    release = Release(
        slug=slug, name=name, hub_id=hub_id, summary=summary, licence=licence, author=by, **others
    )
    try:
        release.full_clean()
    except ValidationError as error:
        raise Refusal("invalid_release", " ".join(error.messages), status=422) from error
    release.save(force_insert=True)
    facts = {"slug": slug, "hub_id": hub_id, "licence": licence.slug}
    record(Verb.RELEASE_CREATED, subject=release, by=by, data=facts, address=address)
    return release


@transaction.atomic
def send_to_evaluation(release: Release, *, by: User | None, address: str | None = None) -> None:
    """From draft, or back from cleared when something came up, into evaluation."""
    left = move(release, ReleaseStatus.EVALUATING, moves=RELEASE_MOVES)
    record(Verb.RELEASE_EVALUATING, subject=release, by=by, data={"from": left}, address=address)


@transaction.atomic
def clear(release: Release, *, by: User | None, address: str | None = None) -> None:
    """The evaluations are done and signed off; nobody outside can use the release yet.

    Raises NotClear while the safety policy is not met.
    """
    require_clear(clearance_of(release), noun=str(release))
    left = move(release, ReleaseStatus.CLEARED, moves=RELEASE_MOVES)
    record(Verb.RELEASE_CLEARED, subject=release, by=by, data={"from": left}, address=address)


@transaction.atomic
def open_release(release: Release, *, by: User | None, address: str | None = None) -> None:
    """Open a cleared release to everybody whose other gates are open, and its page to the world.

    Raises NotClear while what it would give out does not meet the safety policy, and Refusal while its
    licence has no version in force, since nobody could accept it.
    """
    require_clear(clearance_of(release), noun=str(release))
    if release.licence.current_version() is None:
        raise Refusal(
            "licence_unpublished",
            f"{release.licence} has no published version that people could accept. Publish one first.",
            remedy=f"/console/licences/{release.licence.slug}/",
        )
    revision = release.current_revision()
    left = move(release, ReleaseStatus.OPEN, moves=RELEASE_MOVES, opened_at=timezone.now())
    facts = {"from": left, "commit": revision.commit if revision else None}
    record(Verb.RELEASE_OPENED, subject=release, by=by, data=facts, address=address)


@transaction.atomic
def withdraw(release: Release, *, reason: str, by: User | None, address: str | None = None) -> None:
    """Shut every door of a release, for good; `reason` is shown on its page.

    Raises Refusal without a reason.
    """
    text = required_reason(reason, asked=WHY_AND_WHAT_INSTEAD)
    left = move(
        release,
        ReleaseStatus.WITHDRAWN,
        moves=RELEASE_MOVES,
        withdrawn_at=timezone.now(),
        withdrawal_reason=text,
    )
    facts = {"from": left, "reason": text}
    record(Verb.RELEASE_WITHDRAWN, subject=release, by=by, data=facts, address=address)


@transaction.atomic
def request_import(
    release: Release,
    *,
    source: str,
    by: User | None,
    revision_name: str = "main",
    address: str | None = None,
    dispatch: bool = True,
) -> WeightImport:
    """Queue the import of `source` (an absolute path, or s3://…) as a revision of `release`.

    What a failed import of the same source had read whole is not read again. With
    `dispatch`, a worker is told after the commit; when the broker is away, the sweep tells
    one later.

    Raises Refusal for a withdrawn release, a bad name or source, and a release with an import under way.
    """
    _require_importable(release, revision_name=revision_name)
    source = sources.pinned(source)
    kind = sources.detect(source)
    work = WeightImport(
        release=release, source=source, kind=kind, revision_name=revision_name, requested_by=by
    )
    try:
        with transaction.atomic():
            work.save(force_insert=True)
    except IntegrityError as error:
        raise Refusal(
            "import_running", f"An import into {release} is under way. Wait until it has ended."
        ) from error
    before = ImportedFile.objects.filter(weight_import__release=release, weight_import__source=source)
    before.update(weight_import=work)
    facts = {"source": source, "kind": kind, "revision": revision_name}
    record(Verb.WEIGHTS_IMPORT_REQUESTED, subject=work, by=by, data=facts, address=address)
    if dispatch:
        transaction.on_commit(partial(import_weights.delay, import_id=work.pk), robust=True)
    return work


def _require_importable(release: Release, *, revision_name: str) -> None:
    if release.status == ReleaseStatus.WITHDRAWN:
        raise Refusal("release_withdrawn", f"{release} has been withdrawn and takes no more weights.")
    if not re.fullmatch(REVISION_NAME_PATTERN, revision_name) or COMMIT_ID.fullmatch(revision_name):
        raise Refusal(
            "revision_name",
            "Name the revision with letters, digits, dots and dashes, such as main or v1.1; "
            "40 hexadecimal digits are taken for commit ids.",
            status=422,
        )
