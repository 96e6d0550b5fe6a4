"""Trying a regular expression of a person on a text of a model, with an end to it.

Python's engine can take for ever on such a pair and cannot be interrupted, so it is tried in a process of its
own that is killed when its time is up.
"""

import json
import subprocess
import sys

SECONDS_MAX = 2
TEXT_CHARACTERS_MAX = 100_000
# A process that starts on a busy machine needs some time before it begins.
STARTING_SECONDS = 8
_PROGRAM = """
import json, re, resource, sys
pattern, text, seconds = json.load(sys.stdin)
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
sys.stdout.write("yes" if re.search(pattern, text) else "no")
"""


class TooSlow(Exception):  # noqa: N818
    """The expression took too long on this text, or the process that tried it ended without an answer."""


def is_found(pattern: str, text: str) -> bool:
    """Whether `pattern` is found in the first TEXT_CHARACTERS_MAX characters of `text`.

    Starts a process. Raises TooSlow after SECONDS_MAX of its processor time.

    >>> is_found("a+b", "caab"), is_found("^a", "ba")
    (True, False)
    """
    asked = json.dumps([pattern, text[:TEXT_CHARACTERS_MAX], SECONDS_MAX])
    try:
        done = subprocess.run(  # noqa: S603 - a constant program, and its input is data
            [sys.executable, "-I", "-S", "-c", _PROGRAM],
            input=asked,
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX + STARTING_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TooSlow from error
    if done.stdout not in {"yes", "no"}:
        raise TooSlow
    return done.stdout == "yes"
