"""Why a report is dismissed: a code for each reason, what it says, and the reporter's next step."""

from django.db import models


class DismissReason(models.TextChoices):
    """The reasons, as staff choose them."""

    NOT_UNSAFE = "not_unsafe", "The use policy allows what it describes"
    NOT_SEEN_AGAIN = "not_seen_again", "The model does not do it when asked again"
    DUPLICATE = "duplicate", "Another report says the same"
    NOT_OURS = "not_ours", "It is not about a model of this portal"
    TOO_LITTLE = "too_little", "It says too little to look into"
    OTHER = "other", "Another reason, told in the message"


_R = DismissReason
# What is told to the reporter: why, and the next step.
_TOLD: dict[str, tuple[str, str]] = {
    _R.NOT_UNSAFE: (
        "What you describe is within our use policy.",
        "Write to us on this page if you read the policy differently, and say why.",
    ),
    _R.NOT_SEEN_AGAIN: (
        "We asked the model the same and it did not do it again.",
        "Report it again if you see it once more, from the answer itself if you can: the seed is kept then.",
    ),
    _R.DUPLICATE: (
        "Somebody reported the same before you, and we work on it.",
        "There is nothing that you need to do.",
    ),
    _R.NOT_OURS: (
        "This is not about a model that we release.",
        "Report it to whoever runs the model that you used.",
    ),
    _R.TOO_LITTLE: (
        "We could not find out from the report what happened.",
        "Report it again with the words that you sent and those that came back.",
    ),
    _R.OTHER: ("", "Read the message from staff: it tells why, and what you can do."),
}


def sentence(reason: str) -> str:
    """Why, in a sentence to the reporter; "" where only the message tells, and for no reason."""
    return _TOLD.get(reason, ("", ""))[0]


def next_step(reason: str) -> str:
    """What the reporter can do next, in a sentence."""
    return _TOLD.get(reason, _TOLD[_R.OTHER])[1]
