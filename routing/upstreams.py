"""Which addresses a backend may have: a public one over http or https, without credentials in it.

A name is resolved when it is saved. Who connects must check again (`refusal`), because what a
name means can change.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from teams import addresses
from teams.addresses import Resolve


def refusal(
    url: str, *, allowed: Collection[str] = (), resolve: Resolve = addresses.resolve
) -> str:
    """Why this address may not be called, as a sentence; empty when it may."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "This is not an address."
    if wrong := _malformed(parts) or (port == 0 and "Port 0 cannot be called."):
        return wrong
    host = str(parts.hostname).rstrip(".")
    if not addresses.barred(host, allowed, resolve):
        return ""
    return (
        f"{host} is inside this network. If that is meant, "
        f"list it in KORA_ALLOW_PRIVATE_UPSTREAMS and start KORA again."
    )


def _malformed(parts: SplitResult) -> str:
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "Use an address such as https://api.example.com/v1."
    if parts.username or parts.password:
        return "An address holds no user name or password; use the field `secret`."
    if parts.query or parts.fragment:
        return "An address ends with its path."
    return ""
