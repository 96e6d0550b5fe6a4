"""Where from, and for which releases, a key may be used: both are its owner's choice."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from portal.keys.models import ApiKey
from portal.keys.refusals import CHANGE_PAGE, KeyRefusal
from portal.releases.models import Release

NETWORKS_MAX = 20


def network_named(text: str) -> str:
    """A network in CIDR notation (RFC 4632, RFC 4291), its host bits set to zero; one address is its own.

    Raises ValueError for anything else.

    >>> network_named("203.0.113.9/24"), network_named("2001:DB8::1")
    ('203.0.113.0/24', '2001:db8::1/128')
    """
    return str(ip_network(text.strip(), strict=False))


def require_network(key: ApiKey, address: str) -> None:
    """Refuse a key that is sent from outside its networks, or from nobody knows where. No I/O.

    Raises KeyRefusal: `network_not_allowed`.
    """
    if key.networks and not _is_in(address, tuple(key.networks)):
        raise KeyRefusal(
            "network_not_allowed",
            f"This API key may not be used from {address or 'an unknown address'}. "
            "Add the network to the key, or call from one that is listed there.",
            status=403,
            remedy=CHANGE_PAGE.format(public_id=key.public_id),
            reference=key.prefix,
        )


def require_release(key: ApiKey, release: Release) -> None:
    """Refuse a key that was made for other releases. One query, and none for a key for all of them.

    Raises KeyRefusal: `release_not_allowed`.
    """
    if key.is_limited_to_releases and not key.releases.filter(pk=release.pk).exists():
        raise KeyRefusal(
            "release_not_allowed",
            f"This API key was not made for {release.name}. Add the model to the key, or use another key.",
            status=403,
            remedy=CHANGE_PAGE.format(public_id=key.public_id),
            reference=key.prefix,
        )


def _is_in(address: str, networks: tuple[str, ...]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    # A server that listens on both families tells an IPv4 client as ::ffff:203.0.113.9.
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in network for network in _parsed(networks))


@lru_cache(maxsize=1024)
def _parsed(networks: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(network) for network in networks)
