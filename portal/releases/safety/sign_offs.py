"""Signing for a revision: a named person, in a role, for exactly these bytes and these evaluations."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.common import statements
from portal.common.refusals import Refusal
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.models import Release, Revision, SignOff
from portal.releases.reasons import required_line
from portal.releases.safety.clearing import Clearance, clearance_of
from portal.releases.safety.judging import SIGN_OFF_TYPE, Evidence
from portal.releases.safety.policies import RoleDemand, Terms

SIGN = "releases.sign_off"
RENEWED = "Signed anew."


def roles_for(user: User, release: Release, terms: Terms | None) -> tuple[RoleDemand, ...]:
    """The demanded roles in which `user` may sign for `release`: none for its author. Two queries at most."""
    if terms is None or user.pk == release.author_id or not (user.is_active and user.has_perm(SIGN)):
        return ()
    held = set(user.groups.values_list("name", flat=True))
    return tuple(one for one in terms.sign_offs if one.role in held)


@transaction.atomic
def sign(
    revision: Revision,
    *,
    role: str,
    by: User,
    seen: Collection[str] | None = None,
    days: int | None = None,
    address: str | None = None,
) -> SignOff:
    """Sign as `role` for `revision` and the evaluations that count for it now; an older own one is replaced.

    `seen` holds the digests of the evaluations that the signer was shown (None: whatever there is); `days` is
    how long it shall hold, at most as long as the policy has it.

    Raises Refusal for whoever may not, and while anything but signatures is missing.
    """
    # Two who sign at once, and an evaluation that comes in between, wait for one another.
    release = Release.objects.select_for_update(no_key=True).get(pk=revision.release_id)
    clearance = clearance_of(release, revision)
    demand = _require_role(by, release, clearance, role)
    evidence = _require_ready(clearance)
    digests = counted(clearance)
    if seen is not None and set(seen) != set(digests):
        raise Refusal("evaluations_changed", "The evaluations have changed since you read them. Read again.")
    if days is not None and not 1 <= days <= demand.days:
        raise Refusal("sign_off_days", f"It may hold for 1 to {demand.days} days.", status=422)
    _retire(revision, by=by, role=role)
    at = timezone.now()
    made = _signed(revision, role, by, digests, at=at, until=at + timedelta(days=days or demand.days))
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError as error:
        raise Refusal("signed_already", "You have signed for this revision in another role.") from error
    data = {
        "commit": evidence.commit,
        "role": role,
        "digest": made.digest,
        "evaluations": digests,
        "expires_at": made.expires_at,
    }
    record(Verb.REVISION_SIGNED_OFF, subject=made, by=by, data=data, address=address)
    return made


@transaction.atomic
def withdraw(sign_off: SignOff, *, reason: str, by: User, address: str | None = None) -> SignOff:
    """Take a sign-off back; the signer may, and whoever may set the policy.

    Raises Refusal for anybody else, without a reason, and when it was taken back already.
    """
    text = required_line(reason)
    if by.pk != sign_off.signer_id and not by.has_perm("releases.set_safety_policy"):
        raise Refusal("not_yours", "Only who signed, or who sets the policy, takes this back.", status=403)
    row = SignOff.objects.select_for_update(of=("self",)).select_related("revision").get(pk=sign_off.pk)
    if row.withdrawn_at is not None:
        raise Refusal("sign_off_withdrawn", "Somebody has taken this sign-off back already.")
    row.withdrawn_at, row.withdrawal_reason = timezone.now(), text
    row.save(update_fields=["withdrawn_at", "withdrawal_reason"])
    data = {"commit": row.revision.commit, "role": row.role, "digest": row.digest, "reason": text}
    record(Verb.SIGN_OFF_WITHDRAWN, subject=row, by=by, data=data, address=address)
    return row


def counted(clearance: Clearance) -> list[str]:
    """The digests of the evaluations on which a signature given now would rest."""
    evidence = clearance.evidence
    if evidence is None:
        return []
    found = [evidence.newest(demand) for demand in clearance.demands]
    if clearance.terms is not None and clearance.terms.needs_report:
        found.append(evidence.report())
    return sorted({one.row["digest"] for one in found if one is not None})


def _require_role(by: User, release: Release, clearance: Clearance, role: str) -> RoleDemand:
    if by.pk == release.author_id:
        raise Refusal("own_release", f"You made {release}. Two other people sign for it.", status=403)
    for one in roles_for(by, release, clearance.terms):
        if one.role == role:
            return one
    raise Refusal("not_your_role", f"The policy does not ask you to sign as {role or 'nobody'}.", status=403)


def _require_ready(clearance: Clearance) -> Evidence:
    if clearance.evidence is None or not clearance.may_be_signed:
        first = next((one.sentence for one in clearance.hindrances), "Nothing is there to sign for.")
        raise Refusal("not_ready", f"Nobody can sign for this revision yet. {first}")
    return clearance.evidence


def _retire(revision: Revision, *, by: User, role: str) -> None:
    old = SignOff.objects.filter(revision=revision, signer=by, role=role, withdrawn_at=None)
    old.update(withdrawn_at=timezone.now(), withdrawal_reason=RENEWED)


def _signed(
    revision: Revision, role: str, by: User, digests: list[str], *, at: datetime, until: datetime
) -> SignOff:
    signed = statements.sign(
        {
            "type": SIGN_OFF_TYPE,
            "portal": settings.PORTAL_URL,
            "release": revision.release.hub_id,
            "commit": revision.commit,
            "role": role,
            "signer": {"id": by.pk, "name": str(by.name)},
            "evaluations": digests,
            "signed_at": at,
            "expires_at": until,
        }
    )
    return SignOff(
        revision=revision,
        role=role,
        signer=by,
        signed_at=at,
        expires_at=until,
        statement=signed.statement,
        digest=statements.digest(signed.statement),
        signature=signed.signature,
        key_id=signed.key_id,
    )
