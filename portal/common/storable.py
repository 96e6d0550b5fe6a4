"""Which text of a client the database takes."""

import re
from typing import TypeGuard

UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def is_storable(text: object) -> TypeGuard[str]:
    r"""Whether the database takes `text`: a string without NUL and without half of a surrogate pair.

    >>> is_storable("a"), is_storable("\0"), is_storable("\ud800"), is_storable(1)
    (True, False, False, False)
    """
    return isinstance(text, str) and UNSTORABLE.search(text) is None
