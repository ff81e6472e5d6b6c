"""Sending one signed call to an address that somebody entered: bounded, to the host that was
looked at, and nowhere else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection, Mapping
from urllib.parse import SplitResult, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from analytics.alerts.errors import NotDeliveredError
from teams import addresses
from teams.addresses import Resolve

LIMIT_S = 10.0
NONE = "This is not an address."
INSIDE = (
    "{host} is inside this network. If that is meant, whoever operates this KORA lists it in "
    "KORA_ALLOW_PRIVATE_WEBHOOKS and starts it again."
)


def refusal(
    url: str, *, allowed: Collection[str] = (), resolve: Resolve = addresses.resolve
) -> str:
    """Why nothing is sent to this address, as a sentence; empty when it may be."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return NONE
    if not url.isprintable() or " " in url or "\\" in url or "%" in parts.netloc:
        return NONE
    if wrong := _malformed(parts) or (port == 0 and "Port 0 cannot be called."):
        return wrong
    host = _host(parts)
    return INSIDE.format(host=host) if addresses.barred(host, allowed, resolve) else ""


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    allowed: Collection[str] = (),
    resolve: Resolve = addresses.resolve,
) -> None:
    """Raises NotDeliveredError unless it was taken: any 2xx, and no redirect."""
    if wrong := refusal(url, allowed=allowed, resolve=resolve):
        raise NotDeliveredError(wrong)
    looked_at = _Checked(allowed, resolve)
    try:
        status = asyncio.run(_status(url, body, headers, looked_at))
    except TimeoutError:
        raise NotDeliveredError(f"There was no answer within {LIMIT_S:.0f} seconds.") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise NotDeliveredError("No connection could be made.") from error
    if not 200 <= status < 300:
        what = "redirected, which is not followed" if 300 <= status < 400 else "said no"
        raise NotDeliveredError(f"The receiver {what} ({status}).")


async def _status(url: str, body: bytes, headers: Mapping[str, str], resolver: _Checked) -> int:
    """Only the status is read: what else the host says is nobody's business."""
    connector = aiohttp.TCPConnector(resolver=resolver, force_close=True, use_dns_cache=False)
    async with (
        aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=LIMIT_S),
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as session,
        session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
    ):
        return answer.status


class _Checked(AbstractResolver):
    """Names mean only what was looked at in the same moment, so none can change in between."""

    def __init__(self, allowed: Collection[str], resolve: Resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002
    ) -> list[ResolveResult]:
        found = sorted(await asyncio.to_thread(self._resolve, host))
        fine = addresses.listed(host, self._allowed)
        if not found or not (fine or all(addresses.public(each) for each in found)):
            raise OSError(f"{host} is not an address that may be called")
        return [_result(host, each, port) for each in found]

    async def close(self) -> None:
        """Holds nothing."""


def _result(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=0,
        flags=socket.AI_NUMERICHOST,
    )


def _host(parts: SplitResult) -> str:
    return str(parts.hostname).rstrip(".")


def _malformed(parts: SplitResult) -> str:
    """Unlike a backend's, the address may have a query: some receivers know their caller by it."""
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "Use an address such as https://hooks.example.com/kora."
    if parts.username or parts.password or parts.fragment:
        return "An address holds no user name, password or fragment."
    return ""
