"""Server-sent events out of bytes, however the network split them."""

from __future__ import annotations

LINE_LIMIT = 10 * 1024 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class LineTooLongError(Exception):
    """The upstream sent a line or an event longer than any honest one."""


class EventReader:
    """Feed it bytes, get the `data` of every event that they complete.

    Works on bytes: no byte of a multi-byte UTF-8 character is CR or LF, so a split inside a
    character cannot be mistaken for the end of a line.
    """

    def __init__(self, *, line_limit: int = LINE_LIMIT) -> None:
        self._limit = line_limit
        self._partial = bytearray()
        self._lines: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._begun = False

    def feed(self, received: bytes) -> list[bytes]:
        head, newline, rest = self._newlines(received).rpartition(b"\n")
        if not newline:
            self._keep(rest)
            return []
        lines = (bytes(self._partial) + head).split(b"\n")
        self._partial.clear()
        self._keep(rest)
        return [event for line in lines if (event := self._take(line)) is not None]

    def end(self) -> bytes | None:
        """What an upstream left without the blank line that should have closed it."""
        line = bytes(self._partial)
        self._partial.clear()
        self._take(line)
        return self._take(b"") if line else self._dispatch()

    def _newlines(self, received: bytes) -> bytes:
        """CRLF and CR become LF; the LF of a CRLF that was split in two is swallowed."""
        if self._after_cr and received.startswith(b"\n"):
            received = received[1:]
            self._after_cr = False
        if b"\r" in received:
            self._after_cr = received.endswith(b"\r")
            return received.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._after_cr = self._after_cr and not received
        return received

    def _keep(self, rest: bytes) -> None:
        self._partial += rest
        self._measure(len(self._partial))

    def _measure(self, size: int) -> None:
        if size > self._limit:
            raise LineTooLongError

    def _take(self, line: bytes) -> bytes | None:
        if not self._begun:
            self._begun = True
            line = line.removeprefix(BYTE_ORDER_MARK)
        if not line:
            return self._dispatch()
        self._measure(self._size + len(line))
        if line.startswith(b"data:"):
            self._lines.append(line[6:] if line[5:6] == b" " else line[5:])
            self._size += len(line)
        return None  # comments, and the fields event, id and retry, carry nothing for us

    def _dispatch(self) -> bytes | None:
        if not self._lines:
            return None
        event = self._lines[0] if len(self._lines) == 1 else b"\n".join(self._lines)
        self._lines = []
        self._size = 0
        return event
