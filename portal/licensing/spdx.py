"""Identifiers of licences in SPDX's notation, by which programs tell them apart.

https://spdx.github.io/spdx-spec/v3.0.1/annexes/spdx-license-expressions/ says what an identifier is. Only a
single one is taken, no AND, OR or WITH: a version is one text. spdx_ids.txt has those that weights, code and
data sets are commonly under; anything else is a `LicenseRef-` of the organisation's own.
"""

import re
from pathlib import Path

from django.core.exceptions import ValidationError

LICENCE_REF = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")
COMMON_IDS = frozenset(Path(__file__).with_name("spdx_ids.txt").read_text().split())


def require_spdx(value: str) -> None:
    """Let pass an identifier in the list or of the organisation's own, in the case that SPDX writes it in.

    Raises ValidationError for any other.
    """
    if LICENCE_REF.fullmatch(value) or value in COMMON_IDS:
        return
    near = next((known for known in sorted(COMMON_IDS) if known.lower() == value.lower()), "")
    if near:
        raise ValidationError(f"SPDX writes it {near}.")
    raise ValidationError(
        "Write an SPDX identifier such as Apache-2.0, or one of your own: LicenseRef- and then letters, "
        "digits, dots and hyphens."
    )


def own_identifier(*parts: str) -> str:
    """A `LicenseRef-` made of `parts`.

    >>> own_identifier("open_weights", "1.0")
    'LicenseRef-open-weights-1.0'
    """
    return "LicenseRef-" + "-".join(re.sub(r"[^A-Za-z0-9.-]", "-", part) for part in parts)
