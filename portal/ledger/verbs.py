"""The full vocabulary of the ledger: every change of state that the portal records."""

from django.db import models


class Verb(models.TextChoices):
    """What was done, as `<noun>.<past participle>`."""

    ACCOUNT_CREATED = "account.created", "Account created"
    ACCOUNT_CHANGED = "account.changed", "Account changed by staff"
    ROLE_CREATED = "role.created", "Role created"
    ROLE_CHANGED = "role.changed", "Role changed"
    EMAIL_VERIFIED = "account.email_verified", "E-mail address verified"
    PASSWORD_CHANGED = "account.password_changed", "Password changed"
    ACCOUNT_DEACTIVATED = "account.deactivated", "Account deactivated"
    ACCOUNT_REACTIVATED = "account.reactivated", "Account reactivated"

    LICENCE_CREATED = "licence.created", "Licence created"
    LICENCE_CHANGED = "licence.changed", "Licence renamed"
    LICENCE_VERSION_PUBLISHED = "licence.version_published", "Licence version published"
    LICENCE_ACCEPTED = "licence.accepted", "Licence accepted"

    RELEASE_CREATED = "release.created", "Release created"
    RELEASE_CHANGED = "release.changed", "Release changed"
    RELEASE_EVALUATING = "release.evaluating", "Release sent to evaluation"
    RELEASE_CLEARED = "release.cleared", "Release cleared"
    RELEASE_OPENED = "release.opened", "Release opened"
    RELEASE_WITHDRAWN = "release.withdrawn", "Release withdrawn"
    WEIGHTS_IMPORT_REQUESTED = "weights.import_requested", "Weight import requested"
    WEIGHTS_IMPORT_FAILED = "weights.import_failed", "Weight import failed"
    REVISION_FROZEN = "weights.revision_frozen", "Revision frozen"

    PROGRAMME_CREATED = "programme.created", "Programme created"
    PROGRAMME_CHANGED = "programme.changed", "Programme changed"
    PROGRAMME_OPENED = "programme.opened", "Programme opened"
    PROGRAMME_CLOSED = "programme.closed", "Programme closed"
    APPLICATION_STARTED = "application.started", "Application started"
    APPLICATION_SUBMITTED = "application.submitted", "Application submitted"
    APPLICATION_REVIEW_STARTED = "application.review_started", "Review started"
    APPLICATION_INFORMATION_REQUESTED = "application.information_requested", "Information requested"
    APPLICATION_INFORMATION_GIVEN = "application.information_given", "Information given"
    APPLICATION_APPROVED = "application.approved", "Application approved"
    APPLICATION_WAITLISTED = "application.waitlisted", "Application waitlisted"
    APPLICATION_DECLINED = "application.declined", "Application declined"
    APPLICATION_WITHDRAWN = "application.withdrawn", "Application withdrawn"
    APPLICATION_REVOKED = "application.revoked", "Approval revoked"

    EVENT_CREATED = "event.created", "Event created"
    EVENT_CHANGED = "event.changed", "Event changed"
    EVENT_PUBLISHED = "event.published", "Event published"
    EVENT_CANCELLED = "event.cancelled", "Event cancelled"
    REGISTRATION_MADE = "registration.made", "Registered for an event"
    REGISTRATION_WAITLISTED = "registration.waitlisted", "Put on an event's waiting list"
    REGISTRATION_PROMOTED = "registration.promoted", "Moved up from the waiting list"
    REGISTRATION_CANCELLED = "registration.cancelled", "Registration cancelled"
    REGISTRATION_CHECKED_IN = "registration.checked_in", "Checked in"

    KEY_CREATED = "key.created", "API key created"
    KEY_REVOKED = "key.revoked", "API key revoked"

    GENERATION_REQUESTED = "generation.requested", "Generation requested"
    GENERATION_ENDED = "generation.ended", "Generation ended"
    WEIGHTS_DOWNLOADED = "weights.downloaded", "Weights downloaded"
