"""One loaded model: jobs go in, pieces of text come out; one thread and one context behind it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from inference.local import batch, layout, sampling
from inference.local.context import Context
from inference.local.library import Layout, Loaded, Model
from inference.local.loop import Loop
from inference.local.running import Running, Ticket
from inference.local.words import Gauges, Job, Settings, Tell
from inference.words import EngineError, Failure

log = logging.getLogger(__name__)
UNKNOWN_WAIT_S = 1.0


class Engine:
    """Loads in the constructor (raises UnloadableError). Every method may be called from any
    thread and returns at once; only `close` waits, for the step that is being computed.

    Determinism: at temperature 0, and with a seed above it, the same job gives the same tokens
    when it is computed in batches of the same shape: the same build, threads and neighbours. In
    another batch, or with part of its prompt taken over from another job, sums are rounded in
    another order; with f16 weights that has not been seen to change a token, with quantised
    weights it does where two tokens are nearly equal.
    """

    def __init__(
        self,
        path: Path,
        settings: Settings,
        *,
        name: str,
        opening: Callable[[Model, Layout], Context] = Context,
    ) -> None:
        """`opening` is the seam for contexts that do more, or fail where they are told to."""
        self.name = name
        self._lock = threading.Lock()
        self._state, self._message = "ready", ""
        self._accepted = 0
        self._model = Model(path, settings)
        self.settings = settings = layout.settled(self._model.facts, settings)
        self._layout = _layout(self._model, settings)
        self.facts: Loaded = self._model.loaded(self._layout)
        try:
            self._context = opening(self._model, self._layout)
        except EngineError:
            self._model.free()
            raise
        self._loop = Loop(self._model, self._context, settings, self._layout)
        self._thread = threading.Thread(target=self._work, name=f"engine {name}", daemon=True)
        self._thread.start()

    def tokenize(self, text: str, *, special: bool = False, begin: bool = False) -> list[int]:
        """`special`: control tokens that are spelled out in the text count as such. `begin`: the
        model's first token is put before it, if the model wants one and it is not there."""
        return self._model.tokenize(text, special=special, begin=begin)

    def submit(self, job: Job, name: object, tell: Tell) -> Ticket:
        """Raises EngineError when the job can't be run, or when too many wait already."""
        self._check(job)
        self._make_sure_of_room()
        running = Running(job, name, tell, model=self._model, context=self._layout.context)
        try:
            with self._lock:
                self._make_sure_of_room()
                self._accepted += 1
                self._loop.arrivals.put(running)
        except EngineError:
            running.sampler.free()
            raise
        return Ticket(running)

    def gauges(self) -> Gauges:
        loop, running = self._loop, len(self._loop.running)
        return Gauges(
            model=self.name,
            state=self._state,
            message=self._message,
            slots=self.settings.slots,
            running=running,
            waiting=max(0, self._accepted - loop.left - running),
            bound=self.settings.waiting,
            prefill_tps=loop.speeds.prefill_tps,
            decode_tps=loop.speeds.decode_tps,
            wait_s=self._wait_s(loop.waiting),
            threads=1 if self.settings.gpu_layers else self._layout.threads,
            context=self._layout.context,
        )

    @property
    def prefilled(self) -> int:
        """Prompt tokens that went through the model since it was loaded."""
        return self._loop.prefilled

    def forget_lengths(self) -> None:
        """What was written so far says nothing of the answers to come."""
        self._loop.speeds.forget_lengths()

    def close(self) -> None:
        """Jobs that are not done fail with `server`; the memory is given back."""
        with self._lock:
            if self._state == "ready":
                self._state = "closed"
                self._loop.arrivals.put(None)
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _check(self, job: Job) -> None:
        length, context = len(job.tokens), self._layout.context
        if length + 1 > context:
            raise EngineError(
                Failure.CONTEXT,
                f"the prompt has {length} tokens and needs room for one more; "
                f"{self.name} has a context of {context}",
                param="messages",
            )
        if not job.tokens or job.max_tokens < 1:
            raise EngineError(Failure.CLIENT, "a prompt and max_tokens of at least 1 are needed")
        sampling.check(job.sampling)
        if min(job.tokens) < 0 or max(job.tokens) >= self._model.vocabulary:
            raise EngineError(Failure.CLIENT, f"a token is not in the vocabulary of {self.name}")

    def _make_sure_of_room(self) -> None:
        if self._state != "ready":
            raise EngineError(Failure.SERVER, self._message or f"{self.name} is {self._state}")
        if self._accepted - self._loop.left >= self.settings.slots + self.settings.waiting:
            wait_s = self._wait_s([]) or UNKNOWN_WAIT_S
            raise EngineError(Failure.SERVER, "queue full", retry_after_s=wait_s)

    def _wait_s(self, waiting: list[Running]) -> float:
        """Until a slot is free behind these."""
        speeds = self._loop.speeds
        return batch.wait_s(
            [self._work_left(one) for one in tuple(self._loop.running)],
            [self._work_left(one) for one in tuple(waiting)],
            slots=self.settings.slots,
            speed=(speeds.prefill_tps, speeds.decode_tps),
        )

    def _work_left(self, running: Running) -> batch.Work:
        """Its owner may end it meanwhile: these are only estimates."""
        owed = running.owed
        write = self._loop.speeds.still_to_write(running.written, running.limit)
        return batch.Work(read=owed if owed > 1 else 0, write=write)

    def _work(self) -> None:
        try:
            self._loop.run()
        except Exception as error:  # the edge of the thread: all are told
            log.exception("the engine of %s broke", self.name)
            with self._lock:
                self._state, self._message = "failed", f"{self.name} broke: {error}"
            self._loop.fail_all(self._message)
        finally:
            self._context.free()
            self._model.free()


def _layout(model: Model, settings: Settings) -> Layout:
    chosen = layout.room(model.facts, settings)
    return Layout(
        lanes=chosen.lanes,
        context=chosen.context,
        threads=settings.threads or usual_threads(),
        batch=settings.chunk + settings.slots,
    )


def usual_threads() -> int:
    """Every core of a small machine; of a larger one half, which are the real ones."""
    cores = len(os.sched_getaffinity(0))
    return cores if cores <= 4 else cores // 2
