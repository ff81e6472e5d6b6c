"""Bytes of tokens become text that is sure to stay: whole characters, nothing of a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from inference.local.words import Piece, Scored

Utf8 = codecs.getincrementaldecoder("utf-8")


class Text:
    """What one job writes. Bytes that are no UTF-8 become U+FFFD, they never raise."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._decoder = Utf8(errors="replace")
        self._held = ""
        self._sent = 0
        self._scored: list[tuple[int, int, Scored]] = []
        self.stopped = False
        """A stop string was written; nothing comes after it."""

    def add(self, written: bytes, scored: Scored | None = None) -> Piece | None:
        if scored is None and not self._stops and not self._scored:
            text = self._decoder.decode(written)
            self._sent += len(text)
            return Piece(text=text) if text else None
        start = self._sent + len(self._held)
        self._held += self._decoder.decode(written)
        if scored is not None:
            self._scored.append((start, self._sent + len(self._held), scored))
        return self._release(self._settled() if self._stops else len(self._held))

    def end(self) -> Piece | None:
        """What was held back after all, and a character that was never finished."""
        if self.stopped:
            return None
        self._held += self._decoder.decode(b"", final=True)
        return self._release(len(self._held), last=True)

    def _settled(self) -> int:
        """How much of what is held can go out."""
        found = [at for at in map(self._held.find, self._stops) if at >= 0]
        if found:
            self.stopped = True
            self._held = self._held[: min(found)]
            return len(self._held)
        return len(self._held) - max(_overlap(self._held, stop) for stop in self._stops)

    def _release(self, count: int, *, last: bool = False) -> Piece | None:
        text, self._held = self._held[:count], self._held[count:]
        self._sent += count
        scored = self._ripe(last) if self._scored else ()
        return Piece(text=text, scored=scored) if text or scored else None

    def _ripe(self, last: bool) -> tuple[Scored, ...]:
        """Scored tokens go with their text; of those a stop string cuts, the ones with a rest."""
        if self.stopped:
            ripe = [one for one in self._scored if one[0] < self._sent]
            self._scored = []
        else:
            ripe = [one for one in self._scored if last or one[1] <= self._sent]
            self._scored = self._scored[len(ripe) :]
        return tuple(scored for _, _, scored in ripe)


def _overlap(text: str, stop: str) -> int:
    """The length of the longest end of `text` that begins `stop`."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if stop.startswith(text[-length:]):
            return length
    return 0
