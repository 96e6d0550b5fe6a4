"""What goes wrong on a machine and is told to a person in one sentence."""


class Trouble(Exception):
    """Something a person can mend; `str()` of it is the sentence that says what and how."""
