"""Identifiers of licences in SPDX's notation, by which programs tell them apart.

https://spdx.github.io/spdx-spec/v3.0.1/annexes/spdx-license-expressions/ says what an identifier is. Only a
single one is taken, no AND, OR or WITH: a version is one text. The list has those that weights, code and data
sets are commonly under; anything else is a `LicenseRef-` of the organisation's own.
"""

import re

from django.core.exceptions import ValidationError

LICENCE_REF = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")
COMMON_IDS = frozenset(
    """
    0BSD AFL-3.0 AGPL-3.0-only AGPL-3.0-or-later Apache-2.0 Artistic-2.0 BSD-2-Clause BSD-3-Clause
    BSD-3-Clause-Clear BSL-1.0 CC-BY-3.0 CC-BY-4.0 CC-BY-NC-4.0 CC-BY-NC-ND-4.0 CC-BY-NC-SA-4.0 CC-BY-ND-4.0
    CC-BY-SA-3.0 CC-BY-SA-4.0 CC0-1.0 CDLA-Permissive-1.0 CDLA-Permissive-2.0 CDLA-Sharing-1.0 ECL-2.0
    EPL-2.0 EUPL-1.2 GFDL-1.3-only GFDL-1.3-or-later GPL-2.0-only GPL-2.0-or-later GPL-3.0-only
    GPL-3.0-or-later ISC LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-only LGPL-3.0-or-later MIT MIT-0 MPL-2.0
    MS-PL NCSA ODbL-1.0 ODC-By-1.0 OFL-1.1 OLDAP-2.8 OSL-3.0 PDDL-1.0 PostgreSQL Unlicense UPL-1.0 Zlib
    """.split()
)


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
