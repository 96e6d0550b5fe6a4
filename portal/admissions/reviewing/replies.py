"""Reply templates: words with placeholders, filled in for one application."""

import re

from django.db import transaction

from portal.accounts.models import User
from portal.admissions.models import Application, ReplyTemplate
from portal.common.refusals import Refusal
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

# What each placeholder stands for, as the form explains it.
PLACEHOLDERS = {
    "name": "name of the applicant",
    "reference": "reference of the application",
    "programme": "name of the programme",
    "status": "where the application stands",
}
_PLACEHOLDER = re.compile(r"{(\w+)}")


def filled_in(text: str, application: Application) -> str:
    """`text` for one application; in a blind programme nobody is named before the first decision."""
    values = {
        "name": "applicant" if application.is_blind else application.applicant.name,
        "reference": application.reference,
        "programme": application.programme.name,
        "status": application.get_status_display().lower(),
    }
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def unknown_in(text: str) -> list[str]:
    """The placeholders in `text` that stand for nothing.

    >>> unknown_in("Dear {name}, {reviewer} and {foo} have read {reference}.")
    ['reviewer', 'foo']
    """
    return [name for name in _PLACEHOLDER.findall(text) if name not in PLACEHOLDERS]


@transaction.atomic
def save_template(
    template: ReplyTemplate | None, *, name: str, text: str, by: User, address: str | None = None
) -> ReplyTemplate:
    """Make a template (None), or change one. Raises Refusal for placeholders that stand for nothing."""
    if unknown := unknown_in(text):
        raise Refusal("unknown_placeholder", f"Nothing stands for {{{unknown[0]}}}.", status=422)
    saved = template or ReplyTemplate()
    saved.name, saved.text = name, text
    saved.full_clean()
    saved.save()
    record(Verb.REPLY_TEMPLATE_SAVED, subject=saved, by=by, address=address)
    return saved


@transaction.atomic
def remove_template(template: ReplyTemplate, *, by: User, address: str | None = None) -> None:
    """Remove it; messages that were written with it stay."""
    record(Verb.REPLY_TEMPLATE_REMOVED, subject=template, by=by, address=address)
    template.delete()
