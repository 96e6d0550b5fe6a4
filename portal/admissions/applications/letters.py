"""The mails that tell applicants where they stand, so that nobody waits in silence."""

from portal.accounts import unsubscribing
from portal.admissions.models import Application
from portal.common import mail
from portal.ledger.verbs import Verb

# The verb of the step -> the mail's template and its subject.
LETTERS: dict[Verb, tuple[str, str]] = {
    Verb.APPLICATION_SUBMITTED: ("application_submitted", "We have your application {reference}"),
    Verb.APPLICATION_REVIEW_STARTED: ("application_review_started", "A reviewer reads {reference}"),
    Verb.APPLICATION_INFORMATION_GIVEN: (
        "application_information_given",
        "We have your answer about {reference}",
    ),
    Verb.APPLICATION_CORRECTED: ("application_corrected", "Your answers in {reference} are corrected"),
    Verb.APPLICATION_WITHDRAWN: ("application_withdrawn", "Your application {reference} is withdrawn"),
    Verb.APPLICATION_ERASED: ("application_erased", "What you wrote in {reference} is deleted"),
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
    Verb.APPLICATION_APPEALED: ("application_appealed", "We have your appeal about {reference}"),
    Verb.APPLICATION_MESSAGED: ("application_message", "A message about your application {reference}"),
    Verb.APPLICATION_REVOKED: ("application_revoked", "The approval of {reference} has been revoked"),
}


# They confirm what the applicant did, or tell of a step that asks for nothing.
RECEIPTS = frozenset(
    {
        Verb.APPLICATION_SUBMITTED,
        Verb.APPLICATION_REVIEW_STARTED,
        Verb.APPLICATION_INFORMATION_GIVEN,
        Verb.APPLICATION_CORRECTED,
        Verb.APPLICATION_APPEALED,
        Verb.APPLICATION_WITHDRAWN,
        Verb.APPLICATION_ERASED,
    }
)


def tell(application: Application, *, verb: Verb, message: str = "") -> None:
    """Mail the applicant about the step `verb` once it is committed.

    Steps without a letter send none, nor do those of a draft; a receipt goes to whoever wants receipts.
    """
    person = application.applicant
    # What a person wrote always arrives.
    is_receipt = verb in RECEIPTS and not (verb == Verb.APPLICATION_REVIEW_STARTED and message)
    if verb not in LETTERS or application.submitted_at is None or (is_receipt and not person.wants_receipts):
        return
    template, subject = LETTERS[verb]
    mail.send(
        template,
        to=person.email,
        subject=subject.format(reference=application.reference),
        context={
            "application": application,
            "programme": application.programme,
            "person": person,
            "message": message,
            "path": application.get_absolute_url(),
        },
        unsubscribe_path=unsubscribing.path_for(person) if is_receipt else "",
    )
