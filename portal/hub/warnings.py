"""What a client is told beside an answer, by way of X-HF-Warning."""

from portal.accounts.models import User
from portal.hub.errors import one_line
from portal.keys.models import ApiKey
from portal.releases.models import Release, Revision


def warnings(*, release: Release, revision: Revision, key: ApiKey | None, user: User) -> list[str]:
    """The warnings for `user` about `revision`, each `topic; sentence` in ASCII. No query."""
    del release, key, user
    if revision.yanked_at is None:
        return []
    sentence = f"This revision was withdrawn on {revision.yanked_at:%-d %B %Y}: {revision.yank_reason}"
    return [f"yanked; {one_line(sentence)}"]
