"""The countries and territories of ISO 3166-1, by their two-letter codes, with English names."""

from pathlib import Path

# One line each, sorted as an English reader looks them up: the code, a space, the name.
_LINES = (Path(__file__).parent / "countries.txt").read_text(encoding="utf-8").splitlines()

NAMES: dict[str, str] = {line[:2]: line[3:] for line in _LINES}


def name_of(code: str) -> str:
    """The country's English name; an unknown code is given back as it is.

    >>> name_of("DE"), name_of("??")
    ('Germany', '??')
    """
    return NAMES.get(code, code)
