"""The steps of one engine's thread: who is in, what the model is given, what came of it."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Sequence

from inference.local import batch, crew
from inference.local.context import Context, Feed
from inference.local.crew import Crew
from inference.local.lanes import Lanes
from inference.local.library import Layout, Model
from inference.local.meter import Meter
from inference.local.running import Running
from inference.local.sampling import Candidates
from inference.local.speeds import Speeds
from inference.local.words import Settings, Tell, Told
from inference.words import EngineError, Failure

log = logging.getLogger(__name__)
Fed = list[tuple[Running, Feed]]


class Loop:
    """Other threads put into `arrivals` and look at `running`, `waiting` and the figures."""

    def __init__(self, model: Model, context: Context, settings: Settings, layout: Layout) -> None:
        self.arrivals: queue.SimpleQueue[Running | None] = queue.SimpleQueue()
        self.running: list[Running] = []
        """In the order of their lanes."""
        self.waiting: list[Running] = []
        self.speeds = Speeds()
        self.left = 0
        """How many jobs have ended."""
        self.prefilled = 0
        """Prompt tokens that went through the model."""
        self._model, self._context, self._settings = model, context, settings
        self._lanes = Lanes(context, layout.lanes)
        self._meter = Meter(on_gpu=settings.gpu_layers != 0)
        self._crew = Crew((settings.threads,) if settings.threads else crew.choices(layout.threads))
        self._candidates = Candidates(model.vocabulary)
        self._told: dict[Tell, list[tuple[object, Told]]] = {}
        self._number = 0
        self._changed = False
        self._open = True

    def run(self) -> None:
        """Until None arrives; then everybody who is left is told."""
        self._meter.begin()
        while True:
            self._arrive()
            if not self._open:
                break
            self._drop()
            self._admit()
            if self.running:
                self._step()
            self._say()
        self.fail_all("the engine was closed")

    def fail_all(self, why: str) -> None:
        while not self.arrivals.empty():
            arrived = self.arrivals.get()
            self.waiting += [arrived] if arrived else []
        for running in [*self.running, *self.waiting]:
            self._end(running, EngineError(Failure.SERVER, why))
        self._say()

    def _arrive(self) -> None:
        idle = not (self.running or self.waiting)
        while idle or not self.arrivals.empty():
            arrived = self.arrivals.get()
            idle = False
            if arrived is None:
                self._open = False
                return
            self._number += 1
            arrived.number = self._number
            self.waiting.append(arrived)

    def _drop(self) -> None:
        now = time.monotonic()
        for running in [*self.running, *self.waiting]:
            if running.cancelled:
                self._end(running, running.ended("cancelled"))
            elif running.deadline <= now:
                self._end(running, EngineError(Failure.TIMEOUT, "not done by its deadline"))

    def _admit(self) -> None:
        if self.waiting and len(self.running) < self._settings.slots:
            waiting = {one.number: one for one in self.waiting}
            for number in self._order():
                if len(self.running) < self._settings.slots and not self._awaits(waiting[number]):
                    self._seat(waiting[number])
        if self._changed:
            self._lanes.close_gaps(one.lane for one in self.running if one.lane)
            self.running.sort(key=Running.place)
            self._changed = False

    def _order(self) -> list[int]:
        waiting = (
            batch.Waiting(number=one.number, priority=one.job.priority, domain=one.job.domain)
            for one in self.waiting
        )
        return batch.order(waiting, (one.job.domain for one in self.running))

    def _awaits(self, running: Running) -> bool:
        """Another job is reading the same beginning: to wait for it is cheaper than to read too."""
        lane = running.awaits.lane
        if lane is not None and lane.busy and lane.read < running.awaits.shared:
            return True
        running.awaits = self._lanes.reading(running.tokens, running.job.domain)
        return running.awaits.lane is not None

    def _seat(self, running: Running) -> None:
        running.lane = self._lanes.take(running.tokens, running.job.domain)
        running.cached = running.lane.read
        self.waiting.remove(running)
        self.running.append(running)
        self._changed = True

    def _end(self, running: Running, told: Told, *, usable: bool = True) -> None:
        lane, running.lane = running.lane, None
        if lane is None:
            self.waiting.remove(running)
        else:
            self.running.remove(running)
            self._changed = True
            (self._lanes.keep if usable else self._lanes.clear)(lane)
        running.sampler.free()
        self.left += 1
        self._tell(running, told)

    def _step(self) -> None:
        began = time.perf_counter()
        fed = self._feeds()
        total = sum(feed.length for _, feed in fed)
        status = self._compute(fed, total)
        if status:
            self._fail(fed, status)
            return
        self._account(fed, total)
        wrote = sum(feed.answers for _, feed in fed)
        self._write(fed, wrote)
        self.prefilled += total - wrote
        self.speeds.step(total - wrote, wrote, time.perf_counter() - began)

    def _compute(self, fed: Fed, total: int) -> int:
        threads = self._crew.choose(total)
        self._context.use(threads)
        self._meter.start()
        status = self._context.decode([feed for _, feed in fed])
        wall_s = self._meter.stop(threads)
        self._crew.saw(total, threads, wall_s)
        return status

    def _feeds(self) -> Fed:
        """Everyone who writes is in every step; those who read share what is left of it."""
        shares = self._shares()
        fed = []
        for running in self.running:
            lane = running.lane
            if lane is None:
                continue
            owed = len(running.tokens) - lane.read
            count = 1 if owed == 1 else shares.get(running.number, 0)
            if count:
                feed = Feed(lane.number, running.tokens, lane.read, count, count == owed)
                fed.append((running, feed))
        return fed

    def _shares(self) -> dict[int, int]:
        reading = [
            batch.Reading(number=one.number, priority=one.job.priority, owed=one.owed)
            for one in self.running
            if one.owed > 1
        ]
        if not reading:
            return {}
        return batch.shares(reading, batch.chunk(self.speeds.prefill_tps, self._settings.chunk))

    def _account(self, fed: Fed, total: int) -> None:
        each_s = self._meter.take() / total
        for running, feed in fed:
            running.compute_s += each_s * feed.length
            if running.lane is not None:
                running.lane.read += feed.length

    def _write(self, fed: Fed, answers: int) -> None:
        if not answers:
            return
        rows = self._context.logits(answers)
        plain = any(one.sampler.plain for one, feed in fed if feed.answers)
        best: Sequence[int] = rows.argmax(axis=1).tolist() if plain else ()
        place = row = -1
        for running, feed in fed:
            place += feed.length
            if not feed.answers:
                continue
            row += 1
            if running.sampler.plain:
                token = best[row]
            else:
                token = running.sampler.choose(self._context, place, self._candidates, rows[row])
            if not running.cancelled:
                self._take(running, token, row)

    def _take(self, running: Running, token: int, row: int) -> None:
        piece, finish = running.write(token, self._model, self._context.rows[row])
        if piece is not None:
            self._tell(running, piece)
        if finish:
            self.speeds.ended(running.written)
            self._end(running, running.ended(finish))

    def _fail(self, fed: Fed, status: int) -> None:
        """What the lanes of this step hold now nobody knows: they are emptied."""
        self._meter.take()
        for running, _ in fed:
            error = EngineError(Failure.SERVER, f"the model could not go on (decode: {status})")
            self._end(running, error, usable=False)

    def _tell(self, running: Running, told: Told) -> None:
        self._told.setdefault(running.tell, []).append((running.name, told))

    def _say(self) -> None:
        told, self._told = self._told, {}
        for tell, events in told.items():
            try:
                tell(events)
            except Exception:  # one listener's fault is not the others'
                log.exception("a listener of the local engine failed")
