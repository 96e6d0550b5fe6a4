"""The mails that tell applicants where they stand, so that nobody waits in silence."""

from portal.admissions.models import Application
from portal.common import mail
from portal.ledger.verbs import Verb

# The verb of the step -> the mail's template and its subject.
LETTERS: dict[Verb, tuple[str, str]] = {
    Verb.APPLICATION_SUBMITTED: ("application_submitted", "We have your application {reference}"),
    Verb.APPLICATION_INFORMATION_REQUESTED: (
        "application_information_requested",
        "A question about your application {reference}",
    ),
    Verb.APPLICATION_APPROVED: ("application_approved", "Your application {reference} is approved"),
    Verb.APPLICATION_WAITLISTED: (
        "application_waitlisted",
        "Your application {reference} is on the waiting list",
    ),
    Verb.APPLICATION_DECLINED: ("application_declined", "Your application {reference} was declined"),
    Verb.APPLICATION_REVOKED: ("application_revoked", "The approval of {reference} has been revoked"),
}


def tell(application: Application, *, verb: Verb, message: str = "") -> None:
    """Mail the applicant about the step `verb` once it is committed; steps without a letter send none."""
    if verb not in LETTERS:
        return
    template, subject = LETTERS[verb]
    mail.send(
        template,
        to=application.applicant.email,
        subject=subject.format(reference=application.reference),
        context={
            "application": application,
            "programme": application.programme,
            "person": application.applicant,
            "message": message,
            "path": application.get_absolute_url(),
        },
    )
