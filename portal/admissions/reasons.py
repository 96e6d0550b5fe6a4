"""Why an application is declined: a code for each reason, what it says, and the applicant's next step."""

from django.db import models


class DeclineReason(models.TextChoices):
    """The reasons, as staff choose them."""

    INCOMPLETE = "incomplete", "The answers are not complete"
    USE_NOT_COVERED = "use_not_covered", "The programme is not for this use"
    USE_NOT_ALLOWED = "use_not_allowed", "The use policy does not allow this use"
    NOT_VERIFIED = "not_verified", "The person or organisation could not be verified"
    COUNTRY = "country", "The models are not offered in this country"
    NO_ROOM = "no_room", "The programme has no room left"
    DUPLICATE = "duplicate", "The same person has applied elsewhere"
    OTHER = "other", "Another reason, told in the message"


_R = DeclineReason
# What is told to the applicant: why, and the next step.
_TOLD: dict[str, tuple[str, str]] = {
    _R.INCOMPLETE: (
        "Your answers leave open what we need to know.",
        "Apply again and fill in what is missing; your answers are kept.",
    ),
    _R.USE_NOT_COVERED: (
        "What you want to use the models for is not what this programme is for.",
        "Look whether another programme fits, or apply again when your plans have changed.",
    ),
    _R.USE_NOT_ALLOWED: (
        "Our use policy does not allow what you want to use the models for.",
        "Read the use policy again before you decide what to do.",
    ),
    _R.NOT_VERIFIED: (
        "We could not verify who you are, or that you belong to the organisation that you named.",
        "Apply again from an address of that organisation, or link to a page that names you.",
    ),
    _R.COUNTRY: (
        "We cannot offer these models in the country that you named.",
        "If that is not where you work, apply again with the right country.",
    ),
    _R.NO_ROOM: (
        "The programme has no room left.",
        "Apply again when it takes applications; your answers are kept.",
    ),
    _R.DUPLICATE: (
        "You have applied with another account, or to a programme that opens the same models.",
        "Follow the other application; this one is not needed.",
    ),
    _R.OTHER: ("", "Read the reviewer's message: it tells why, and what you can do."),
}


def sentence(reason: str) -> str:
    """Why, in a sentence to the applicant; "" where only the reviewer's message tells."""
    return _TOLD.get(reason, ("", ""))[0]


def next_step(reason: str) -> str:
    """What the applicant can do next, in a sentence."""
    return _TOLD.get(reason, _TOLD[_R.OTHER])[1]
