"""What holders of a revision are written: a subject and a body with placeholders, filled in for each."""

import re
import string

from django.utils.safestring import SafeString

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


def placeholders(text: str) -> set[str]:
    """The names in double braces.

    >>> sorted(placeholders("Hello {{name}} of {{ house }}"))
    ['house', 'name']
    """
    return set(_PLACEHOLDER.findall(text))


def unknown_placeholders(text: str) -> list[str]:
    """The names in double braces that stand for nothing.

    >>> unknown_placeholders("Hello {{name}} of {{ house }}")
    ['house']
    """
    return sorted(placeholders(text).difference(PLACEHOLDERS))


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
    """The mail as `person` gets it at the address `to`; `body` is Markdown."""
    values = _values(revision, person, reason)
    context = {
        "release": revision.release,
        "text": _filled(body, values),
        "body": shown(revision, person=person, body=body, reason=reason),
    }
    headline = _on_one_line(_filled(subject, values))
    return mail.compose("holders", to=to, subject=headline, context=context)


def headline(revision: Revision, *, subject: str, reason: str) -> str:
    """The subject as everybody gets it; a name, which each has their own, stays a placeholder."""
    values = {"release": revision.release.name, "revision": revision.name, "commit": revision.commit[:12]}
    return _on_one_line(_filled(subject, values | {"reason": reason}))


def shown(revision: Revision, *, person: User, body: str, reason: str) -> SafeString:
    """The body as HTML, as `person` sees it.

    What people typed about themselves is text in it, never Markdown: a name cannot become a link.
    """
    values = _values(revision, person, reason)
    return markdown.render(_filled(body, {name: _escaped(name, text) for name, text in values.items()}))


def _values(revision: Revision, person: User, reason: str) -> dict[str, str]:
    return {
        "name": _on_one_line(person.name),
        "release": _on_one_line(revision.release.name),
        "revision": revision.name,
        "commit": revision.commit[:12],
        "reason": reason.strip(),
    }


def _filled(text: str, values: dict[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def _escaped(name: str, text: str) -> str:
    """Only what others typed; a backslash before a mark would be seen in a code span."""
    return text.translate(_MARKS) if name in ("name", "release") else text


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
