"""What an e-mail address tells about whose it is: which mailbox, which organisation, a throw-away one."""

from pathlib import Path

from django.conf import settings

# Mailboxes that anybody can have: a shared domain says nothing there.
FREE_MAIL = frozenset((Path(__file__).parent / "free_mail.txt").read_text(encoding="utf-8").split())
# Where Ada.Lovelace and AdaLovelace are one mailbox.
_WITHOUT_DOTS = frozenset({"gmail.com"})
_SAME_AS = {"googlemail.com": "gmail.com", "protonmail.com": "proton.me", "pm.me": "proton.me"}


def normalised(address: str) -> str:
    """The mailbox behind an address, so that two spellings of one are found to be the same.

    >>> normalised("Ada.Lovelace+models@googlemail.com"), normalised("ada+x@example.org")
    ('adalovelace@gmail.com', 'ada@example.org')
    """
    name, _, domain = address.strip().lower().rpartition("@")
    domain = _SAME_AS.get(domain, domain)
    name = name.partition("+")[0] or name
    if domain in _WITHOUT_DOTS:
        name = name.replace(".", "") or name
    return f"{name}@{domain}"


def organisation_domain(address: str) -> str:
    """The domain, where it belongs to an organisation; "" for free and for throw-away mailboxes.

    >>> organisation_domain("ada@example.org"), organisation_domain("ada@gmail.com")
    ('example.org', '')
    """
    domain = domain_of(address)
    return "" if domain in FREE_MAIL or is_disposable(address) else domain


def is_disposable(address: str) -> bool:
    """Whether the address, or a domain above its own, is known for mailboxes that vanish."""
    # Only here, since a web process that looks at no application has no use for so many names: 2 MB.
    from disposable_email_domains import blocklist  # noqa: PLC0415

    labels = domain_of(address).split(".")
    above = {".".join(labels[start:]) for start in range(len(labels) - 1)}
    return not above.isdisjoint(blocklist) or not above.isdisjoint(settings.DISPOSABLE_MAIL_DOMAINS)


def domain_of(address: str) -> str:
    """What stands behind the @, in lower case."""
    return address.strip().lower().rpartition("@")[2]
