"""A listener that collects what an engine tells, and a context that can be watched and held."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from inference.local.context import Context, Feed
from inference.local.engine import Engine
from inference.local.library import Layout, Model
from inference.local.running import Ticket
from inference.local.words import Ended, Job, Piece, Sampling, Scored, Told
from inference.words import EngineError

LONGEST_S = 60.0
GREEDY = Sampling(temperature=0)


def job(text: str, **more: object) -> Job:
    """A prompt of one token a byte, written greedily unless it says otherwise."""
    wanted: dict[str, object] = {"max_tokens": 12, "sampling": GREEDY, **more}
    return Job(tokens=tuple(text.encode()), **wanted)  # type: ignore[arg-type]


@dataclass
class Heard:
    """All that was told of one job."""

    pieces: list[Piece] = field(default_factory=list)
    last: Ended | EngineError | None = None

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    @property
    def scored(self) -> list[Scored]:
        return [one for piece in self.pieces for one in piece.scored]

    @property
    def ended(self) -> Ended:
        assert isinstance(self.last, Ended), self.last
        return self.last

    @property
    def error(self) -> EngineError:
        assert isinstance(self.last, EngineError), self.last
        return self.last


class Listener:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._told: queue.SimpleQueue[list[tuple[object, Told]]] = queue.SimpleQueue()
        self.heard: dict[object, Heard] = {}
        self.calls = 0

    def submit(self, wanted: Job, name: object = 0) -> Ticket:
        self.heard[name] = Heard()
        return self._engine.submit(wanted, name, self._told.put)

    def hear(self) -> None:
        """What the engine tells at the end of one step."""
        self.calls += 1
        for name, told in self._told.get(timeout=LONGEST_S):
            heard = self.heard[name]
            assert heard.last is None, "told after its end"
            if isinstance(told, Piece):
                heard.pieces.append(told)
            else:
                heard.last = told

    def until_text(self, name: object = 0) -> None:
        while not self.heard[name].pieces:
            self.hear()

    def until_end(self, *names: object) -> None:
        while any(self.heard[name].last is None for name in names or self.heard):
            self.hear()


def idle(engine: Engine) -> bool:
    gauges = engine.gauges()
    return (gauges.running, gauges.waiting) == (0, 0)


def write(engine: Engine, *jobs: Job) -> list[Heard]:
    """Submits all at once and waits for all."""
    listener = Listener(engine)
    for number, wanted in enumerate(jobs):
        listener.submit(wanted, number)
    listener.until_end()
    return [listener.heard[number] for number in range(len(jobs))]


@dataclass(frozen=True)
class Seen:
    """What one lane was given in a step: how its prompt begins, from where on, how many tokens."""

    prompt: str
    lane: int
    start: int
    count: int


class Watch:
    """Every step that its context computed. Held, the context waits before a step until it is let
    go; a step whose number is in `failing` does not succeed."""

    def __init__(self) -> None:
        self.steps: list[list[Seen]] = []
        self.failing: set[int] = set()
        self.raising: set[int] = set()
        self._open = threading.Event()
        self._open.set()
        self._inside = threading.Event()

    def open(self, model: Model, layout: Layout) -> Context:
        return Watched(model, layout, self)

    def hold(self) -> None:
        """Returns when the engine stands before a step."""
        self._inside.clear()
        self._open.clear()

    def reached(self) -> None:
        assert self._inside.wait(LONGEST_S)

    def let_go(self) -> None:
        self._open.set()

    def enter(self, feeds: Sequence[Feed]) -> int:
        """The number of the step."""
        self._inside.set()
        assert self._open.wait(LONGEST_S)
        self.steps.append([seen(feed) for feed in feeds])
        return len(self.steps) - 1


def seen(feed: Feed) -> Seen:
    prompt = bytes(token & 0xFF for token in feed.tokens[:12]).decode("latin-1")
    return Seen(prompt, feed.lane, feed.start, feed.length)


class Watched(Context):
    def __init__(self, model: Model, layout: Layout, watch: Watch) -> None:
        super().__init__(model, layout)
        self._watch = watch

    def decode(self, feeds: Sequence[Feed]) -> int:
        step = self._watch.enter(feeds)
        if step in self._watch.raising:
            raise RuntimeError("told to break")
        status = super().decode(feeds)
        return -3 if step in self._watch.failing else status
