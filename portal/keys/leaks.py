"""What follows when somebody says that they saw a key where anybody can read it.

The whole token proves that it was seen, so whoever sends it is believed and the key ends
at once. Answers say the same of a key that there is and of one that there is not.
"""

import base64
import hmac
from dataclasses import dataclass, field

from django.conf import settings
from django.core.cache import cache
from django.db import transaction

from portal.common.refusals import Refusal
from portal.keys import actions, letters, tokens
from portal.keys.models import ApiKey, LeakOutcome, LeakReport
from portal.keys.networks import network_of
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

# Whoever finds more at once sends them in several reports.
KEYS_MAX = 200
REPORTED_MAX, REPORTED_SECONDS = 600, 3600
REFERENCE_BYTES = 8
NAME_CHARACTERS_MAX = 80
URL_CHARACTERS_MAX = 1000


@dataclass(frozen=True)
class Sighting:
    """A token that was seen; `url` is where, `source` in what, such as a commit.

    `kind` is how the scanner calls such tokens. All but the token may be empty.
    """

    token: str = field(repr=False)
    url: str = ""
    source: str = ""
    kind: str = ""


def found_in(text: str) -> list[str]:
    """The tokens within `text` that are whole, each once. No I/O.

    >>> found_in("key=owk_0123456789ab_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef12Zfb5; and owk_ alone")
    ['owk_0123456789ab_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef12Zfb5']
    """
    found = (match[0] for match in tokens.TOKEN.finditer(text))
    return list(dict.fromkeys(token for token in found if tokens.parse(token)))


def require_few(count: int, *, address: str) -> None:
    """Count `count` more keys as reported from the network of `address`. Raises Refusal 429 for too many."""
    name = f"leaks-reported:{network_of(address) or address}"
    cache.add(name, 0, REPORTED_SECONDS)
    if cache.incr(name, count) > REPORTED_MAX:
        raise Refusal(
            "too_many_reports",
            "Many keys were reported from your network. Try again in an hour, or write to us.",
            status=429,
        )


@transaction.atomic
def report(sighting: Sighting, *, reporter: str, address: str | None = None) -> LeakReport:
    """Revoke the key that was seen, tell its owner, and give the receipt; for the same report the same.

    Sixteen queries for a key that works, eight for any other.
    """
    source = sighting.source[:NAME_CHARACTERS_MAX]
    url, by = sighting.url[:URL_CHARACTERS_MAX], reporter[:NAME_CHARACTERS_MAX]
    key = _proven(sighting.token)
    is_revoked = key is not None and key.is_live and actions.revoke(key, by=None, address=address)
    known = LeakOutcome.REVOKED if is_revoked else LeakOutcome.OVER
    receipt, is_new = LeakReport.objects.get_or_create(
        reference=_reference(sighting.token, url, by),
        defaults={
            "key": key,
            "outcome": LeakOutcome.UNKNOWN if key is None else known,
            "reporter": by,
            "source": source,
            "seen_at_url": url,
            "address": address,
        },
    )
    if key is not None and is_new:
        facts = {
            "public_id": key.public_id,
            "reference": receipt.reference,
            "reporter": by,
            "url": url,
            "outcome": known,
        }
        record(Verb.KEY_LEAK_REPORTED, subject=key, by=None, data=facts, address=address)
    if key is not None and is_revoked:
        letters.key_leaked(key, receipt=receipt)
    return receipt


def _proven(token: str) -> ApiKey | None:
    public_id = tokens.parse(token)
    key = ApiKey.objects.filter(public_id=public_id).select_related("user").first() if public_id else None
    # As when a key is used: computed in either case, so that time does not tell which ids exist.
    is_proven = tokens.proves(token, against=key.digest if key else "0" * 64)
    return key if is_proven else None


def _reference(*parts: str) -> str:
    """A receipt's number, the same for the same report: `LEAK-` and 13 letters and digits."""
    told = "\n".join(parts).encode()
    number = hmac.digest(settings.KEY_PEPPER.encode(), b"leak:" + told, "sha256")[:REFERENCE_BYTES]
    return "LEAK-" + base64.b32encode(number).decode().rstrip("=")
