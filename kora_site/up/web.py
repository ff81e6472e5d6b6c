"""The web process: uvicorn on the socket that the supervisor opened."""

from __future__ import annotations

import os
import socket
import sys

import uvicorn

from kora_site.up import door
from kora_site.up.programs import DRAIN_S


def main() -> None:
    listening = socket.socket(fileno=int(sys.argv[1]))
    behind_proxy = os.environ.get("FORWARDED_ALLOW_IPS", "")
    config = uvicorn.Config(
        "kora_site.asgi:application",
        loop="uvloop",
        http="httptools",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        # Without a named proxy a caller could claim any address, and keys may be bound to one.
        proxy_headers=bool(behind_proxy),
        forwarded_allow_ips=behind_proxy or None,
        backlog=door.BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=DRAIN_S,
    )
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
