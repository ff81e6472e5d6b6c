"""Embeds in this process: a thread for each lane, which takes together whatever waits together."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from inference.embedding import USUAL, Embedded, Terms
from inference.embeddings import encoders, recent, waiting
from inference.embeddings.encoders import Choice, Lane, Weights
from inference.embeddings.recent import Known, Recent
from inference.embeddings.waiting import Asked, Text, Waiting
from inference.embeddings.wordpiece import BEGIN, END, WordPiece
from inference.store.errors import ModelError
from inference.store.models import Store
from inference.words import EngineError, Failure

log = logging.getLogger(__name__)

BATCH_TOKENS = 256
"""A longer batch is no faster on a processor, and every text attends to the whole of it."""
BATCH_TEXTS = 64
LONGEST = 512
MOST_WAITING = 20_000
"""Texts; callers take turns, so it is for memory's sake that there is a bound."""
FIRST_GUESS_S = 0.0005
"""Seconds a token, until some have been measured."""
WEIGHT_OF_NEW = 0.1
ANEW, NOT_KEPT = ("no-cache", "off"), ("no-store", "off")


@dataclass(frozen=True, slots=True)
class Opened:
    weights: Weights
    pieces: WordPiece


class Local:
    """Opens its model when it is first needed, and again after a failure to."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._recent = Recent()
        self._waiting = Waiting(
            most_tokens=BATCH_TOKENS, most_texts=BATCH_TEXTS, longest=BATCH_TOKENS
        )
        self._lanes: list[threading.Thread] = []
        self._lock = threading.RLock()
        self._naming = threading.Lock()
        self._choice: Choice | None = None
        self._opened: Opened | None = None
        self._token_s = FIRST_GUESS_S

    @property
    def name(self) -> str:
        return self._chosen().named(self._terms.model)

    @property
    def dimensions(self) -> int:
        return self._open().weights.dimensions

    @property
    def longest(self) -> int:
        return _longest(self._open().weights)

    @property
    def wait_s(self) -> float:
        return self._waiting.ahead() * self._token_s / max(self._terms.threads, 1)

    @property
    def tokens_per_s(self) -> float:
        return 1 / self._token_s

    def warm(self) -> None:
        if self._waiting.is_open:
            self._start()

    def remembers(self, texts: Sequence[str], *, domain: str = "") -> bool:
        return all(map(self._recent.find, _keys(self._terms.model, domain, texts)))

    def submit(
        self, texts: Sequence[str], *, domain: str = "", memory: str = USUAL
    ) -> Future[Embedded]:
        asked = self._asked(list(texts), domain, memory)
        if not asked.unfinished:
            asked.done()
        elif self._waiting.texts + asked.unfinished > MOST_WAITING:
            asked.fail(_busy(self._waiting.tokens * self._token_s / self._terms.threads))
        else:
            self._waiting.put(asked)
            self._start()
        return asked.future

    def close(self) -> None:
        """What waits fails; what is being computed is finished."""
        for asked in self._waiting.close():
            asked.fail(EngineError(Failure.SERVER, "the embedder was closed"))
        for lane in self._lanes:
            lane.join()
        with self._lock:
            if self._opened is not None:
                self._opened.weights.close()
                self._opened = None

    def _asked(self, texts: list[str], domain: str, memory: str) -> Asked:
        """What is remembered already, and what is missing."""
        keys = _keys(self._terms.model, domain, texts)
        asked = Asked(texts=texts, keys=keys, rows=[b""] * len(texts))
        asked.is_kept = memory not in NOT_KEPT
        first: dict[bytes, int] = {}
        for place, key in enumerate(asked.keys):
            if key in first:
                asked.again.setdefault(first[key], []).append(place)
            elif memory not in ANEW and (known := self._recent.find(key)):
                asked.take_known(place, known)
            else:
                first[key] = place
                asked.missing.append(place)
        asked.unfinished = len(asked.missing)
        return asked

    # Opening

    def _open(self) -> Opened:
        with self._lock:
            if self._opened is None:
                self._opened = _load(self._terms, self._chosen())
            return self._opened

    def _chosen(self) -> Choice:
        """Once there is a file, for good: what is computed must be what the name says."""
        with self._naming:
            if self._choice is not None:
                return self._choice
            path = _path(self._terms)
            choice = encoders.choose(path, self._terms.engine)
            if path is not None:
                self._choice = choice
                if choice.reason:
                    log.info("llama.cpp embeds by %s: %s", self._terms.model, choice.reason)
            return choice

    def _start(self) -> None:
        with self._lock:
            self._lanes = [lane for lane in self._lanes if lane.is_alive()]
            for number in range(len(self._lanes), max(self._terms.threads, 1)):
                lane = threading.Thread(target=self._work, name=f"embed-{number}", daemon=True)
                self._lanes.append(lane)
                lane.start()

    # A lane's thread

    def _work(self) -> None:
        try:
            opened = self._open()
            most_tokens = max(BATCH_TOKENS, opened.pieces.longest)
            lane = opened.weights.lane(most_tokens=most_tokens, most_texts=BATCH_TEXTS)
        except Exception as error:  # noqa: BLE001
            self._cannot(error)
            return
        while texts := self._waiting.take():
            self._make(lane, opened.pieces, texts)
        lane.close()

    def _cannot(self, error: Exception) -> None:
        """Those who wait learn it; who comes later lets it be tried again."""
        log.error("the embedding model %s cannot be opened: %s", self._terms.model, error)
        with self._lock:
            self._lanes.remove(threading.current_thread())
            left = [] if self._lanes else self._waiting.give_up()
        for asked in left:
            asked.fail(_told(error))

    def _make(self, lane: Lane, pieces: WordPiece, texts: list[Text]) -> None:
        try:
            began = time.thread_time()
            read = [pieces.read(text.words) for text in texts]
            reading_s = (time.thread_time() - began) / len(texts)
            sizes = [len(each.ids) for each in read]
            for batch in waiting.batches(sizes, lane.most_tokens):
                began = time.thread_time()
                rows = lane.encode([read[place].ids for place in batch])
                token_s = (time.thread_time() - began) / sum(sizes[place] for place in batch)
                self._token_s += WEIGHT_OF_NEW * (token_s - self._token_s)
                for row, place in zip(rows, batch, strict=True):
                    made = Known(row.tobytes(), sizes[place], read[place].truncated)
                    self._hand_over(texts[place], made, reading_s + token_s * sizes[place])
        except Exception as error:
            log.exception("texts could not be embedded")
            for text in texts:
                text.asked.fail(_told(error))

    def _hand_over(self, text: Text, made: Known, compute_s: float) -> None:
        if text.asked.is_kept:
            self._recent.remember(text.asked.keys[text.place], made)
        text.asked.take_made(text.place, made, compute_s)


def _path(terms: Terms) -> Path | None:
    try:
        return Store(terms.models).find(terms.model).path
    except ModelError:
        return None


def _load(terms: Terms, choice: Choice) -> Opened:
    try:
        path = Store(terms.models).find(terms.model).path
    except ModelError as error:
        raise EngineError(Failure.SERVER, str(error)) from error
    weights = encoders.open_weights(path, choice.engine)
    vocabulary = weights.vocabulary()
    if not {BEGIN, END} <= set(vocabulary):
        weights.close()
        raise EngineError(
            Failure.SERVER, f"{terms.model} cannot embed here: it does not read word pieces as BERT"
        )
    return Opened(weights, WordPiece(vocabulary, longest=_longest(weights)))


def _longest(weights: Weights) -> int:
    return min(weights.longest, LONGEST)


def _keys(name: str, domain: str, texts: Sequence[str]) -> list[bytes]:
    try:
        return [recent.key(name, domain, text) for text in texts]
    except UnicodeEncodeError as error:
        raise EngineError(
            Failure.CLIENT, "a text holds half of a surrogate pair, which is no character"
        ) from error


def _busy(wait_s: float) -> EngineError:
    return EngineError(Failure.SERVER, "too many texts wait to be embedded", retry_after_s=wait_s)


def _told(error: Exception) -> EngineError:
    if isinstance(error, EngineError):
        return error
    return EngineError(Failure.SERVER, "the embedder failed; the log has the details")
