"""What goes wrong on a machine and is told to a person in one sentence."""


class Trouble(Exception):  # noqa: N818 — raised and caught as a word of the house, like Refusal.
    """Something a person can mend; `str()` of it is the sentence that says what and how."""
