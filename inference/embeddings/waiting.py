"""Texts that wait to be embedded: taken in turns, so that a long list holds up no short one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inference.embedding import Embedded
from inference.embeddings.recent import Known
from inference.words import EngineError, Failure

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

CHARACTERS_PER_TOKEN = 4
MARKS = 2


@dataclass(kw_only=True, slots=True, eq=False)
class Asked:
    """One caller's texts, filled in as their vectors are made, by whichever thread makes them."""

    texts: list[str]
    keys: list[bytes]
    future: Future[Embedded] = field(default_factory=Future)
    rows: list[bytes] = field(default_factory=list)
    missing: deque[int] = field(default_factory=deque)
    """Places of texts that nobody has taken yet."""
    again: dict[int, list[int]] = field(default_factory=dict)
    """From a missing text's place to those of the same text later in the list."""
    is_kept: bool = True
    """Whether its vectors may be remembered."""
    unfinished: int = 0
    tokens: int = 0
    cached_tokens: int = 0
    truncated: int = 0
    compute_s: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take_known(self, place: int, known: Known) -> None:
        self.rows[place] = known.vector
        self.tokens += known.tokens
        self.cached_tokens += known.tokens
        self.truncated += known.truncated

    def take_made(self, place: int, made: Known, compute_s: float) -> None:
        """Lanes call it; the one that brings the last row answers."""
        with self.lock:
            self.rows[place] = made.vector
            self.tokens += made.tokens
            self.truncated += made.truncated
            self.compute_s += compute_s
            for later in self.again.get(place, ()):
                self.take_known(later, made)
            self.unfinished -= 1
            last = self.unfinished == 0
        if last:
            self.done()

    def done(self) -> None:
        with suppress(InvalidStateError):  # cancelled meanwhile, or failed before
            self.future.set_result(
                Embedded(
                    vectors=vectors(self.rows),
                    tokens=self.tokens,
                    cached_tokens=self.cached_tokens,
                    truncated=self.truncated,
                    compute_s=self.compute_s,
                )
            )

    def fail(self, error: Exception) -> None:
        with suppress(InvalidStateError):
            self.future.set_exception(error)


@dataclass(frozen=True, slots=True)
class Text:
    """One text of somebody's."""

    asked: Asked
    place: int

    @property
    def words(self) -> str:
        return self.asked.texts[self.place]


def guess(text: str, longest: int) -> int:
    """Tokens, before they are counted: only how much is taken at once depends on it."""
    return min(len(text) // CHARACTERS_PER_TOKEN + MARKS, longest)


def vectors(rows: Sequence[bytes]) -> npt.NDArray[np.float32]:
    import numpy as np  # only a process that embeds needs it

    return np.frombuffer(b"".join(rows), dtype=np.float32).reshape(len(rows), -1)


def batches(sizes: Sequence[int], most: int) -> list[range]:
    """Neighbours together as long as they fit; one alone always fits."""
    found: list[range] = []
    begin = total = 0
    for place, size in enumerate(sizes):
        if place > begin and total + size > most:
            found.append(range(begin, place))
            begin, total = place, 0
        total += size
    return [*found, range(begin, len(sizes))] if sizes else found


class Waiting:
    """What lanes share; each takes its part of what waits."""

    def __init__(self, *, most_tokens: int, most_texts: int, longest: int) -> None:
        self._most_tokens = most_tokens
        self._most_texts = most_texts
        self._longest = longest
        self._asked: deque[Asked] = deque()
        self._texts = 0
        self._idle = 0
        self._open = True
        self._news = threading.Condition()
        self.tokens = 0
        """A guess of how much waits."""

    @property
    def texts(self) -> int:
        return self._texts

    def ahead(self) -> int:
        """Tokens, about, before the first text of a caller who came now."""
        with self._news:
            return sum(self._guess(each, each.missing[0]) for each in self._asked if each.missing)

    def put(self, asked: Asked) -> None:
        with self._news:
            if not self._open:
                raise EngineError(Failure.SERVER, "the embedder was closed")
            self._asked.append(asked)
            self._texts += len(asked.missing)
            self.tokens += sum(self._guess(asked, place) for place in asked.missing)
            self._news.notify(len(asked.missing))
        asked.future.add_done_callback(lambda _: self._forget(asked))

    def take(self) -> list[Text]:
        """Blocks until something waits; nothing any more means that it is closed."""
        with self._news:
            self._idle += 1
            picked: list[Text] = []
            while self._open and not picked:
                self._news.wait_for(lambda: self._asked or not self._open)
                share = -(-self._texts // self._idle)
                picked = self._pick(min(share, self._most_texts))
            self._idle -= 1
            return picked

    def _pick(self, most: int) -> list[Text]:
        """One text of each caller in turn, as many as fit one batch by the guess."""
        picked: list[Text] = []
        tokens = 0
        while self._asked and len(picked) < max(most, 1):
            asked = self._asked[0]
            if not asked.missing:
                self._leave(asked)
                continue
            size = self._guess(asked, asked.missing[0])
            if picked and tokens + size > self._most_tokens:
                break
            self._asked.rotate(-1)
            picked.append(Text(asked, asked.missing.popleft()))
            self._texts -= 1
            self.tokens -= size
            tokens += size
        return picked

    def _forget(self, asked: Asked) -> None:
        """Who has left, or failed, is in nobody's way."""
        with self._news:
            if asked in self._asked:
                self._leave(asked)

    def _leave(self, asked: Asked) -> None:
        self._asked.remove(asked)
        self._texts -= len(asked.missing)
        self.tokens -= sum(self._guess(asked, place) for place in asked.missing)
        asked.missing.clear()

    def _guess(self, asked: Asked, place: int) -> int:
        return guess(asked.texts[place], self._longest)

    def give_up(self) -> list[Asked]:
        """All who wait, who will get nothing."""
        with self._news:
            left = list(self._asked)
            self._asked.clear()
            self._texts = self.tokens = 0
            return left

    def close(self) -> list[Asked]:
        with self._news:
            self._open = False
            self._news.notify_all()
            return self.give_up()

    @property
    def is_open(self) -> bool:
        return self._open
