"""Records of downloads as the door leaves them, and revisions without bytes to record them of."""

import hashlib
from datetime import timedelta
from typing import Any

from django.utils import timezone

from portal.accounts.models import User
from portal.hub.models import Carrier, Download
from portal.licensing.models import Acceptance
from portal.releases.models import Release, Revision, WeightFile


def revision(release: Release, name: str = "main", /, **files: int | tuple[str, int]) -> Revision:
    """A frozen revision of files by name: a size, or the word that its bytes are made from and a size."""
    words = {
        path: size if isinstance(size, tuple) else (f"{name} {path}", size) for path, size in files.items()
    }
    made = Revision.objects.create(
        release=release,
        name=name,
        commit=hashlib.sha1(f"{release.slug} {name}".encode()).hexdigest(),
        total_bytes=sum(size for _, size in words.values()),
    )
    for path, (word, size) in words.items():
        sha256 = hashlib.sha256(word.encode()).hexdigest()
        WeightFile.objects.create(
            revision=made, path=path, size_bytes=size, sha256=sha256, git_oid=sha256[:40]
        )
    return made


def take(
    user: User,
    made: Revision,
    path: str,
    *spans: tuple[int, int],
    sent: int | None = None,
    ended: bool = True,
    **facts: Any,
) -> Download:
    """`user` is answered with `spans` (none: all of the file), of which `sent` bytes leave (None: all)."""
    file = made.files.get(path=path)
    listed = list(spans) or [(0, file.size_bytes - 1)]
    asked = sum(last - first + 1 for first, last in listed)
    started_at = facts.pop("started_at", timezone.now() - timedelta(minutes=1))
    return Download.objects.create(
        user=user,
        file=file,
        acceptance=Acceptance.objects.filter(user=user).first(),
        spans=[list(span) for span in listed],
        asked_bytes=asked,
        sent_bytes=asked if sent is None else sent,
        carrier=facts.pop("carrier", Carrier.PORTAL),
        client=facts.pop("client", "hf/1.2.0; hf_hub/1.2.0; python/3.11.7"),
        address=facts.pop("address", "192.0.2.7"),
        started_at=started_at,
        alive_at=facts.pop("alive_at", started_at),
        ended_at=started_at if ended else None,
        **facts,
    )
