"""The one expected error: something was asked that may not be done now, and here is what to do instead."""

from dataclasses import dataclass


@dataclass
class Refusal(Exception):  # noqa: N818 - it is an answer, not a failure
    """A request that is understood and declined.

    `code` is stable and machine-readable, `sentence` is for a person, `status` is the
    HTTP status each door answers with, `remedy` is the URL path of the next step ("" for none),
    and `reference` is what the person may quote to the organisation ("" for nothing).
    """

    code: str
    sentence: str
    status: int = 409
    remedy: str = ""
    reference: str = ""

    def __str__(self) -> str:
        return self.sentence
