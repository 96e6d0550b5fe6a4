"""Mailing the holders of a revision: one click fixes who is mailed, and a worker sends."""

import hashlib
from functools import partial
from uuid import UUID

from django.db import transaction

from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.hub import holders
from portal.hub.models import HolderMail, HolderMailing, MailStatus, Scope
from portal.hub.tasks import send_mailing
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.models import Revision

# Those that only a person can decide to send once more.
FAILED = (MailStatus.REFUSED, MailStatus.UNSURE)


@transaction.atomic
def mail_holders(
    revision: Revision,
    *,
    by: User,
    token: UUID,
    subject: str,
    body: str,
    reason: str = "",
    scope: str = Scope.ASKED,
    address: str | None = None,
) -> HolderMailing:
    """Mail everybody who holds `revision` now; `token` makes a second click the same mailing.

    Deactivated accounts are listed and not mailed. `body` is Markdown with placeholders.

    Raises Refusal when there is nobody to mail.
    """
    facts = {"revision": revision, "scope": scope, "subject": subject, "body": body, "reason": reason}
    mailing, is_new = HolderMailing.objects.get_or_create(token=token, defaults=facts | {"sent_by": by})
    if not is_new:
        return mailing
    mails = [
        HolderMail(
            mailing=mailing,
            user=holder.user,
            email=holder.user.email,
            status=MailStatus.WAITING if holder.user.is_active else MailStatus.SKIPPED,
        )
        for holder in holders.every(revision, scope=scope)
    ]
    count = sum(mail.status == MailStatus.WAITING for mail in mails)
    if not count:
        raise Refusal("nobody_holds_it", "Nobody who holds this revision can be mailed.", status=409)
    HolderMail.objects.bulk_create(mails, batch_size=1_000)
    data = {
        "mailing": mailing.pk,
        "release": revision.release.slug,
        "commit": revision.commit,
        "scope": scope,
        "recipients": count,
        "skipped": len(mails) - count,
        "subject": subject,
        "body_sha256": hashlib.sha256(body.encode()).hexdigest(),
        "reason": reason,
    }
    record(Verb.HOLDERS_MAILED, subject=revision, by=by, data=data, address=address)
    transaction.on_commit(partial(send_mailing.delay, mailing_id=mailing.pk), robust=True)
    return mailing


@transaction.atomic
def mail_again(mailing: HolderMailing, *, by: User, address: str | None = None) -> int:
    """Send once more what was refused or may not have arrived; return how many mails."""
    failed = mailing.mails.filter(status__in=FAILED)
    count = failed.update(status=MailStatus.WAITING, tried_at=None, attempts=0, error="")
    if count:
        data = {"mailing": mailing.pk, "commit": mailing.revision.commit, "sent_again": count}
        record(Verb.HOLDERS_MAILED, subject=mailing.revision, by=by, data=data, address=address)
        transaction.on_commit(partial(send_mailing.delay, mailing_id=mailing.pk), robust=True)
    return count
