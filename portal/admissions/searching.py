"""Finding applications by words: what is kept to be searched, and what is asked for."""

import hashlib
import re
from collections.abc import Iterable

from django.contrib.postgres.search import SearchQuery

WORD = re.compile(r"[^\W_]+")
WORDS_ASKED_MAX = 12


def words_in(texts: Iterable[str]) -> str:
    """Every word of `texts`, as it is kept and asked for: PostgreSQL's own parser takes an address for one.

    >>> words_in(["Ann Applicant", "ann@example.org"])
    'ann applicant ann example org'
    """
    return " ".join(word for text in texts for word in WORD.findall(text.lower()))


def answer_token(code: str, label: str) -> str:
    """The word that stands for the choice of `label` in answer to the question `code`.

    Kept among the words, whose statistics tell PostgreSQL how common a choice is.

    >>> answer_token("intended_use", "Research")
    'c1d7a7bc38f968d97'
    """
    return "c" + hashlib.sha256(f"{code}={label}".encode()).hexdigest()[:16]


def asked_for(text: str) -> SearchQuery | None:
    """All words of `text`, the last of which may be the beginning of one; None where there are none."""
    words = words_in([text]).split()[:WORDS_ASKED_MAX]
    return SearchQuery(" & ".join(words) + ":*", config="simple", search_type="raw") if words else None
