"""The listening socket: opened first, so that a taken port is known before anything starts.

The supervisor keeps it while the web process is replaced, so a caller waits instead of being
refused.
"""

from __future__ import annotations

import errno
import http.client
import socket

from kora_site.up import errors

BACKLOG = 2048


def listen(host: str, port: str) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, _number(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        door = socket.socket(family, kind, protocol)
    except (ValueError, socket.gaierror) as error:
        raise errors.StartError(
            f"KORA cannot listen on {host}:{port}: check KORA_HOST and KORA_PORT."
        ) from error
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind(address)
        door.listen(BACKLOG)
    except OSError as error:
        door.close()
        raise errors.StartError(_why(error, host, port)) from error
    return door


def _number(port: str) -> int:
    """The resolver would quietly take 99999 for 34463."""
    number = int(port)
    if not 0 <= number < 2**16:
        raise ValueError(port)
    return number


def _why(error: OSError, host: str, port: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken; stop what uses it or set KORA_PORT to another."
    return f"KORA cannot listen on {host}:{port}: {error.strerror}."


def url(door: socket.socket) -> str:
    host, port = door.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


def answers(address: str) -> bool:
    """Whether /readyz says that every part is ready."""
    line = http.client.HTTPConnection(address.removeprefix("http://"), timeout=1)
    try:
        line.request("GET", "/readyz", headers={"Connection": "close"})
        return line.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()
