"""The mails about a report: to its reporter at each step, and to whoever of the staff has it."""

from dataclasses import dataclass

from playground.reporting.models import Report
from portal.accounts import unsubscribing
from portal.accounts.models import User
from portal.accounts.roles import TRIAGE, holders_of
from portal.common import mail
from portal.ledger.verbs import Verb


@dataclass(frozen=True)
class _Letter:
    """What the mail about a step says; a receipt may be done without."""

    subject: str
    heading: str
    text: str
    call: str = "See where it stands"
    is_receipt: bool = False


_LETTERS: dict[Verb, _Letter] = {
    Verb.REPORT_FILED: _Letter(
        "We have your report {reference}",
        "We have your report",
        "Your report {reference} about {release} has arrived. A person will read it, and we write to you at "
        "each step. Until then there is nothing that you need to do.",
        is_receipt=True,
    ),
    Verb.REPORT_TRIAGE_STARTED: _Letter(
        "Staff look into {reference}",
        "We look into it",
        "Somebody looks into your report {reference} about {release} now. There is nothing that you need "
        "to do.",
        is_receipt=True,
    ),
    Verb.REPORT_ACCEPTED: _Letter(
        "Your report {reference} is accepted",
        "Your report is accepted",
        "We found what you reported in {reference} about {release} to be so. We tell you in which revision "
        "it is fixed.",
    ),
    Verb.REPORT_DISMISSED: _Letter(
        "Your report {reference} is closed",
        "Your report is closed",
        "We looked into your report {reference} about {release} and will not act on it. {why} {next_step}",
    ),
    Verb.REPORT_FIXED: _Letter(
        "What you reported in {reference} is fixed",
        "It is fixed",
        "What you reported in {reference} about {release} is fixed in revision {fixed}. Thank you: without "
        "your report we would not have known.",
        call="See the report",
    ),
    Verb.REPORT_MESSAGED: _Letter(
        "A message about your report {reference}",
        "A message about your report",
        "Somebody of the staff writes about your report {reference} about {release}:",
        call="Read it and answer",
    ),
}


def tell(report: Report, *, verb: Verb, message: str = "") -> None:
    """Mail the reporter about the step `verb` once it is committed; a receipt only to whoever wants receipts.

    Steps without a letter send none. What a person wrote always arrives.
    """
    letter, person = _LETTERS.get(verb), report.reporter
    if letter is None:
        return
    is_receipt = letter.is_receipt and not message
    if is_receipt and not person.wants_receipts:
        return
    names = {
        "reference": report.reference,
        "release": report.release.name,
        "why": report.dismiss_sentence,
        "next_step": report.next_step,
        "fixed": report.fixed_commit[:12],
    }
    # Where the message alone tells why, there are two blanks in a row.
    sentences = " ".join(letter.text.format(**names).split())
    mail.send(
        "report_step",
        to=person.email,
        subject=letter.subject.format(**names),
        context={
            "person": person,
            "heading": letter.heading,
            "sentences": sentences,
            "message": message,
            "call": letter.call,
            "path": report.get_absolute_url(),
        },
        unsubscribe_path=unsubscribing.path_for(person) if is_receipt else "",
    )


def tell_assignee(report: Report, *, sentence: str, by: User) -> None:
    """Mail whoever has the report, unless they did it themselves. The words stay in the portal."""
    if report.assignee is None or report.assignee_id == by.pk:
        return
    _tell_staff(report, report.assignee, sentence)


def tell_triagers(report: Report) -> None:
    """Mail everybody who triages that a report cannot wait. The words stay in the portal."""
    sentence = f"A report of {report.severity_word.lower()} severity"
    for person in holders_of(TRIAGE):
        if person.pk != report.reporter_id:
            _tell_staff(report, person, sentence)


def _tell_staff(report: Report, person: User, sentence: str) -> None:
    mail.send(
        "report_staff",
        to=person.email,
        subject=f"{sentence}: {report.reference}",
        context={"person": person, "sentence": sentence, "report": report, "path": staff_path(report)},
    )


def staff_path(report: Report) -> str:
    """Where staff read the report; the console is above this package, so its address is written."""
    return f"/console/reports/{report.reference}/"
