"""Signed links: addresses that give one person one file without a key, until they expire or are used up.

A link's address is `/hub/links/<public id>.<secret>/<file name>`. The public id finds the
row, the secret proves the address (only its keyed hash is stored), and the name is
decoration for the tools that name their copy after it.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from portal.access.deciding import decide
from portal.access.decision import Action
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.hub.callers import reference_of
from portal.hub.models import DownloadLink
from portal.keys import tokens
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.models import WeightFile

# Beyond this a link is a public address in all but name.
USES_MAX = 100
TOKEN = re.compile(rf"([0-9A-Za-z]{{{tokens.PUBLIC_ID_LENGTH}}})\.[0-9A-Za-z]{{{tokens.SECRET_LENGTH}}}")
# What a token is held against where there is no link, so that the answer takes as long.
_NO_DIGEST = "0" * 64


@dataclass(frozen=True)
class CreatedLink:
    """A new link and its address, which is shown once and is nowhere else."""

    link: DownloadLink
    url: str

    def __repr__(self) -> str:
        """Name the link, never the address."""
        return f"<CreatedLink {self.link.public_id}>"


@transaction.atomic
def create(file: WeightFile, *, by: User, uses: int | None = None, address: str | None = None) -> CreatedLink:
    """Make a link with which `by` downloads `file` so many times (None: as the settings say).

    Raises Refusal when a gate is shut, for a number of uses that cannot be, and for one
    live link too many.
    """
    # The row lock makes the count below hold against a second click at the same time.
    owner = User.objects.select_for_update(no_key=True).get(pk=by.pk)
    release = file.revision.release
    decide(owner, release, Action.DOWNLOAD, revision=file.revision).require()
    uses_max = settings.HUB_LINK_USES if uses is None else uses
    _require_sane(uses_max)
    _require_room(owner, remedy=release.get_absolute_url())
    public_id = tokens.new_public_id()
    token = f"{public_id}.{tokens.random_text(tokens.SECRET_LENGTH)}"
    now = timezone.now()
    link = DownloadLink.objects.create(
        user=owner,
        file=file,
        public_id=public_id,
        digest=tokens.digest(token),
        uses_max=uses_max,
        left_bytes=uses_max * max(file.size_bytes, 1),
        created_at=now,
        expires_at=now + timedelta(hours=settings.HUB_LINK_HOURS),
    )
    facts = {
        "public_id": public_id,
        "release": release.slug,
        "commit": file.revision.commit,
        "path": file.path,
        "uses": uses_max,
        "expires_at": link.expires_at,
    }
    record(Verb.LINK_CREATED, subject=link, by=by, data=facts, address=address)
    return CreatedLink(link, _address_of(token, file))


@transaction.atomic
def revoke(link: DownloadLink, *, by: User | None, address: str | None = None) -> bool:
    """End `link` for good, and with it the downloads under way by it; False when it was revoked before."""
    revoked_at = timezone.now()
    if not DownloadLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=revoked_at):
        return False
    link.revoked_at = revoked_at
    record(Verb.LINK_REVOKED, subject=link, by=by, data={"public_id": link.public_id}, address=address)
    return True


def find(token: str, *, visitor: User | None, at: datetime | None = None) -> DownloadLink:
    """The link that `token` proves, with its file, revision, release and owner. One query.

    `visitor` is whoever is signed in where the link was opened: a stranger may use it, since
    download tools know no sessions, but somebody else may not. Whether its owner may still
    download is not asked here.

    Raises Refusal: an altered token is answered as one that never was.
    """
    link = _proven(token)
    if visitor is not None and visitor.pk != link.user_id:
        raise Refusal(
            "link_of_another",
            "This link was made by another person, for themselves. Make your own on the release's page.",
            status=403,
            remedy=link.file.revision.release.get_absolute_url(),
            reference=reference_of(None, link),
        )
    if link.revoked_at is not None:
        raise _over(link, "link_revoked", f"This link was revoked on {_moment(link.revoked_at)}.")
    if link.expires_at <= (at or timezone.now()):
        raise _over(link, "link_expired", f"This link worked until {_moment(link.expires_at)}.")
    if link.left_bytes <= 0:
        raise used_up(link)
    return link


def used_up(link: DownloadLink) -> Refusal:
    """The refusal of a link that has less left than is asked of it."""
    often = "one download" if link.uses_max == 1 else f"{link.uses_max} downloads"
    return _over(link, "link_used_up", f"This link was good for {often} of the file, and is used up.")


def reserve(link: DownloadLink, asked_bytes: int) -> bool:
    """Take `asked_bytes` from what is left of `link`; False when that is less. One UPDATE.

    An empty file costs one, so that its link ends too.
    """
    cost = max(asked_bytes, 1)
    enough = DownloadLink.objects.filter(pk=link.pk, left_bytes__gte=cost)
    return bool(enough.update(left_bytes=F("left_bytes") - cost))


def settle(link_id: int, *, asked_bytes: int, sent_bytes: int) -> None:
    """Give back to a link what was reserved and did not leave, or take what left beyond it. One UPDATE."""
    if unsent_bytes := asked_bytes - sent_bytes:
        DownloadLink.objects.filter(pk=link_id).update(left_bytes=F("left_bytes") + unsent_bytes)


def _proven(token: str) -> DownloadLink:
    found = TOKEN.fullmatch(token)
    public_id = found[1] if found else ""
    links = DownloadLink.objects.select_related("user", "file__revision__release__licence")
    link = links.filter(public_id=public_id).first()
    # A token of another shape may hold what cannot be encoded; it is held against nothing as well.
    is_right = tokens.proves(token if found else "", against=link.digest if link else _NO_DIGEST)
    if link is None or not is_right:
        raise Refusal(
            "link_unknown",
            "There is no such link: it was cut short or changed on its way. Copy it again, "
            "or make a new one on the release's page.",
            status=404,
            remedy="/releases/",
        )
    return link


def _require_sane(uses: int) -> None:
    if not 1 <= uses <= USES_MAX:
        raise Refusal(
            "link_uses", f"A link is good for 1 to {USES_MAX} downloads. Choose a number between.", status=400
        )


def _require_room(owner: User, *, remedy: str) -> None:
    if DownloadLink.objects.filter(user=owner).live().count() >= settings.HUB_LINKS_PER_PERSON:
        raise Refusal(
            "too_many_links",
            f"You have {settings.HUB_LINKS_PER_PERSON} links that work, which is as many as one person "
            "may have. Revoke one that you no longer need, or wait until one expires.",
            remedy=remedy,
        )


def _over(link: DownloadLink, code: str, sentence: str) -> Refusal:
    return Refusal(
        code,
        f"{sentence} Make a new one on the release's page.",
        status=403,
        remedy=link.file.revision.release.get_absolute_url(),
        reference=reference_of(None, link),
    )


def _address_of(token: str, file: WeightFile) -> str:
    name = quote(file.path.rpartition("/")[2], safe="")
    return f"{settings.PORTAL_URL}/hub/links/{token}/{name}"


def _moment(at: datetime) -> str:
    return f"{at:%-d %b %Y, %H:%M} UTC"
