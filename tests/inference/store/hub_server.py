"""A model hub on loopback that behaves well, or badly in ways that a test asks for."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REPOSITORY = "acme/Tiny-GGUF"
FILE = "Tiny-Q8_0.gguf"


@dataclass(kw_only=True)
class Hub:
    """What the server holds, how it misbehaves, and what it was asked."""

    files: dict[str, bytes]
    url: str = ""
    elsewhere: str = ""
    """Another server that files are redirected to, as hubs do with large ones."""
    token: str = ""
    cuts: list[int] = field(default_factory=list)
    """After how many bytes each of the next answers with a file ends early."""
    statuses: list[int] = field(default_factory=list)
    """What the next answers are instead."""
    ranges: bool = True
    etag: str = '"v1"'
    announced: dict[str, Any] = field(default_factory=dict)
    """What the listing says of each file instead of the truth."""
    location: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def listing(self) -> dict[str, Any]:
        return {
            "id": REPOSITORY,
            "siblings": [{"rfilename": "README.md"}, *map(self._one, self.files)],
        }

    def _one(self, path: str) -> dict[str, Any]:
        content = self.files[path]
        large = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        return {"rfilename": path, "size": len(content), "lfs": {**large, **self.announced}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: Any) -> None:
        return None

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.hub.asked.append((self.path, headers))
        if self.hub.statuses:
            self._plain(self.hub.statuses.pop(0))
        elif self.hub.token and headers.get("authorization") != f"Bearer {self.hub.token}":
            self._plain(401)
        elif self.path.startswith(f"/api/models/{REPOSITORY}/revision/main"):
            self._plain(200, json.dumps(self.hub.listing()).encode())
        elif self.hub.location:
            self._redirect(self.hub.location)
        elif self.hub.elsewhere:
            self._redirect(f"{self.hub.elsewhere}{self.path}?signature=secret")
        else:
            self._file(self.path.partition("?")[0].rpartition("/")[2])

    def _plain(self, status: int, body: bytes = b"{}") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _redirect(self, where: str) -> None:
        self.send_response(302)
        self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _file(self, name: str) -> None:
        content = self.hub.files.get(name)
        if content is None:
            self._plain(404)
            return
        begin = self._begin()
        if begin >= len(content):
            self._plain(416)
            return
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        if self.hub.etag:
            self.send_header("ETag", self.hub.etag)
        self.end_headers()
        self._send(content[begin:])

    def _begin(self) -> int:
        asked = self.headers.get("Range", "")
        current = self.headers.get("If-Range", self.hub.etag) == self.hub.etag
        usable = self.hub.ranges and current and asked.startswith("bytes=")
        return int(asked.removeprefix("bytes=").rstrip("-")) if usable else 0

    def _send(self, content: bytes) -> None:
        cut = self.hub.cuts.pop(0) if self.hub.cuts else 0
        self.wfile.write(content[:cut] if cut else content)
        self.close_connection = self.close_connection or bool(cut)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Clients that hang up are part of the play."""


@contextlib.contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
