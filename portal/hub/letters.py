"""What holders of a revision are written: a subject and a body with placeholders, filled in for each."""

import re
import string

from portal.accounts.models import User
from portal.common import mail, markdown
from portal.releases.models import ReleaseStatus, Revision

PLACEHOLDERS = ("name", "release", "revision", "commit", "reason")
_PLACEHOLDER = re.compile(r"\{\{\s*(\w*)\s*\}\}")
_MARKS = str.maketrans({mark: f"\\{mark}" for mark in string.punctuation})

_YANKED = """Hello {{name}},

You have downloaded files of **{{release}}**, revision {{revision}} (commit `{{commit}}`).

That revision has been taken back. {{reason}}

Please stop using it, and download the current revision in its place. Copies that you passed on need the same.
"""
_WITHDRAWN = """Hello {{name}},

You have downloaded files of **{{release}}**, revision {{revision}} (commit `{{commit}}`).

{{release}} has been withdrawn. {{reason}}

Please stop using it and delete your copies. Copies that you passed on need the same.
"""
_NEWS = """Hello {{name}},

You have downloaded files of **{{release}}**, revision {{revision}} (commit `{{commit}}`).

{{reason}}
"""


def unknown_placeholders(text: str) -> list[str]:
    """The names in double braces that stand for nothing.

    >>> unknown_placeholders("Hello {{name}} of {{ house }}")
    ['house']
    """
    return sorted({name for name in _PLACEHOLDER.findall(text) if name not in PLACEHOLDERS})


def draft(revision: Revision) -> dict[str, str]:
    """The subject, body and reason to begin with: what happened to `revision` says which."""
    release = revision.release
    if release.status == ReleaseStatus.WITHDRAWN:
        subject, body, reason = "{{release}} is withdrawn", _WITHDRAWN, release.withdrawal_reason
    elif revision.yanked_at is not None:
        subject, body, reason = (
            "{{release}}: revision {{revision}} is taken back",
            _YANKED,
            revision.yank_reason,
        )
    else:
        subject, body, reason = "About {{release}}, revision {{revision}}", _NEWS, ""
    return {"subject": subject, "body": body, "reason": reason[:500]}


def compose(
    revision: Revision, *, person: User, to: str, subject: str, body: str, reason: str
) -> mail.Letter:
    """The mail as `person` gets it at the address `to`; `body` is Markdown.

    What people typed about themselves is text in it, never Markdown: a name cannot become a link.
    """
    values = {
        "name": _on_one_line(person.name),
        "release": _on_one_line(revision.release.name),
        "revision": revision.name,
        "commit": revision.commit[:12],
        "reason": reason.strip(),
    }
    context = {
        "release": revision.release,
        "text": _filled(body, values),
        "body": markdown.render(_filled(body, {name: _escaped(name, text) for name, text in values.items()})),
    }
    headline = _on_one_line(_filled(subject, values))
    return mail.compose("holders", to=to, subject=headline, context=context)


def _filled(text: str, values: dict[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def _escaped(name: str, text: str) -> str:
    """The commit stands in a code span by custom, where a backslash would be seen; it has no marks."""
    return text if name in ("commit", "reason") else text.translate(_MARKS)


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
