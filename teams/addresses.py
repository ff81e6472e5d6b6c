"""Which hosts may be called from here: public ones, and those inside that an operator lists.

A name is resolved when it is saved. Who connects must look again, because what a name means can
change.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection, Iterable

EVERY = "*"
NAT64 = ipaddress.ip_network("64:ff9b::/96")
NOT_PUBLIC = tuple(
    ipaddress.ip_network(each)
    for each in (
        "192.0.0.0/24", "192.88.99.0/24", "::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48",
        "2001::/23", "2002::/16", "fec0::/10",
    )
)  # fmt: skip
"""What older Pythons take for public: for protocols, of a site, or another address in disguise.
In 192.0.0.0/24 clouds keep credentials of their machines."""

Resolve = Callable[[str], Iterable[str]]


def resolve(host: str) -> set[str]:
    """Nothing for a name that nobody knows here; connecting would fail too."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return set()
    return {str(entry[4][0]) for entry in found}


def barred(host: str, allowed: Collection[str], resolve: Resolve = resolve) -> bool:
    """Whether any of what this name means lies inside, and nobody said that it may."""
    return not listed(host, allowed) and any(not public(each) for each in resolve(host))


def listed(host: str, allowed: Collection[str]) -> bool:
    return EVERY in allowed or host in allowed


def public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return public(str(found.ipv4_mapped))
        if found in NAT64:
            return public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
    if any(found in inside for inside in NOT_PUBLIC):
        return False
    return found.is_global and not found.is_multicast
