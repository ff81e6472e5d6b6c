"""Which addresses a backend may have: a public one over http or https, without credentials in it.

A name is resolved when it is saved. Who connects must check again (`refusal`), because what a
name means can change.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection, Iterable
from urllib.parse import SplitResult, urlsplit

EVERY = "*"
NAT64 = ipaddress.ip_network("64:ff9b::/96")

Resolve = Callable[[str], Iterable[str]]


def resolve(host: str) -> set[str]:
    """Nothing for a name that nobody knows here; connecting would fail too."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return set()
    return {str(entry[4][0]) for entry in found}


def refusal(url: str, *, allowed: Collection[str] = (), resolve: Resolve = resolve) -> str:
    """Why this address may not be called, as a sentence; empty when it may."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "This is not an address."
    if wrong := _malformed(parts) or (port == 0 and "Port 0 cannot be called."):
        return wrong
    host = str(parts.hostname).rstrip(".")
    if EVERY in allowed or host in allowed:
        return ""
    inner = [address for address in resolve(host) if not public(address)]
    if not inner:
        return ""
    return (
        f"{host} is inside this network. If that is meant, "
        f"list it in KORA_ALLOW_PRIVATE_UPSTREAMS and start KORA again."
    )


def public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return public(str(found.ipv4_mapped))
        if found in NAT64:
            return public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
    return found.is_global and not found.is_multicast


def _malformed(parts: SplitResult) -> str:
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "Use an address such as https://api.example.com/v1."
    if parts.username or parts.password:
        return "An address holds no user name or password; use the field `secret`."
    if parts.query or parts.fragment:
        return "An address ends with its path."
    return ""
