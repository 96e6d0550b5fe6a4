"""From which networks keys were used; the first use from a new one is told to the owner."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from portal.keys import letters
from portal.keys.models import ApiKey, KeyNetwork

# What one subscriber is given at least: neighbours within it are no news.
IPV4_PREFIX, IPV6_PREFIX = 24, 48
# A key that runs in a cloud comes from everywhere; its owner is not written a hundred mails a day.
MAILS_A_DAY = 5


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a key: when, from which address, by which client; "" for unknown."""

    key_id: int
    at: datetime
    address: str
    client: str = ""


def network_of(address: str) -> str:
    """The network of an address in CIDR notation, "" for what is none.

    >>> network_of("203.0.113.9"), network_of("2001:db8:1:2::3"), network_of("::ffff:203.0.113.9")
    ('203.0.113.0/24', '2001:db8:1::/48', '203.0.113.0/24')
    """
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    prefix = IPV6_PREFIX if isinstance(found, IPv6Address) else IPV4_PREFIX
    return str(ip_network((found, prefix), strict=False))


def note(uses: Iterable[Use]) -> None:
    """Remember the networks of `uses`, and mail the owners of keys that came from a new one.

    One query where no network is new, for each new one up to three more. Call it in a transaction.
    """
    by_network = {(use.key_id, network): use for use in uses if (network := network_of(use.address))}
    known = _known(by_network) if by_network else set()
    for (key_id, network), use in by_network.items():
        if (key_id, network) not in known:
            _note_new(network, use)


def _known(wanted: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    rows = KeyNetwork.objects.filter(
        key_id__in={key_id for key_id, _ in wanted}, network__in={network for _, network in wanted}
    )
    return set(rows.values_list("key_id", "network"))


def _note_new(network: str, use: Use) -> None:
    key = ApiKey.objects.filter(pk=use.key_id).select_related("user").first()
    if key is None:
        return
    _, is_new = KeyNetwork.objects.get_or_create(key=key, network=network, defaults={"first_used_at": use.at})
    today = key.used_networks.filter(first_used_at__gt=use.at - timedelta(days=1)).count()
    if is_new and today <= MAILS_A_DAY:
        letters.key_used_elsewhere(key, use_at=use.at, address=use.address, client=use.client)
