"""Taking a card over from the README.md that lies among the files of a revision."""

from portal.common.refusals import Refusal
from portal.releases.cards import readme
from portal.releases.models import Revision

PATH = "README.md"
BYTES_MAX = 4 * readme.CHARACTERS_MAX


def has_readme(revision: Revision | None) -> bool:
    """Whether the revision brings a README.md. One query."""
    return revision is not None and revision.files.filter(path=PATH).exists()


def readme_of(revision: Revision | None) -> str:
    """The text of the revision's README.md.

    Raises Refusal where there is none, and for one that is too large, no UTF-8 or not in the store.
    """
    file = revision.files.filter(path=PATH).first() if revision is not None else None
    if file is None:
        raise Refusal(
            "no_readme", "The current revision has no README.md. Paste the card instead.", status=422
        )
    if file.size_bytes > BYTES_MAX:
        raise Refusal("card_too_large", "The README.md is too large for a card. Shorten it.", status=422)
    try:
        return readme.normalised(file.stored_at.read_bytes().decode())
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(
            "readme_unreadable", "The README.md cannot be read as text. Paste the card instead.", status=422
        ) from error
