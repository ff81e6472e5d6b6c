"""Which models are in memory: loaded once when first wanted, put out when others need the room."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from inference.local import crashes, layout, memory, rehearsal
from inference.local.crashes import Marks, TakenOutError
from inference.local.engine import Engine
from inference.local.words import Gauges, Settings, Told
from inference.store import models
from inference.store.errors import ModelError
from inference.store.models import ModelFile
from inference.talk.chat import Chat
from inference.words import EngineError, Failure

log = logging.getLogger(__name__)
RETRY_S = 30.0
"""How long a model that could not be loaded is left alone."""
BUSY_RETRY_S = 2.0
LEAVING_S = 5.0
GIVEN_UP = frozenset({"failed", "taken-out"})

Open = Callable[[ModelFile, Settings], Engine]
Inbox = asyncio.Queue[tuple[int, Told]]
Key = tuple[str, tuple[int, int, int], Settings]


class NoRoomError(EngineError):
    """The models that are answering leave no memory for this one: that passes."""

    def __init__(self, reference: str) -> None:
        super().__init__(
            Failure.SERVER,
            f"no memory for {reference} beside the models that are answering",
            retry_after_s=BUSY_RETRY_S,
        )


@dataclass(frozen=True, slots=True)
class Seat:
    """Where the news of one job goes: into its call's inbox, under its number there."""

    inbox: Inbox
    number: int


class Post:
    """Wakes the event loop once for each step of an engine, however many jobs it tells of."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def tell(self, happened: Sequence[tuple[object, Told]]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(_deliver, happened)


def _deliver(happened: Sequence[tuple[object, Told]]) -> None:
    for seat, told in happened:
        if isinstance(seat, Seat):
            seat.inbox.put_nowait((seat.number, told))


@dataclass(kw_only=True, slots=True)
class Resident:
    """One loaded model, and how many calls use it."""

    engine: Engine
    chat: Chat
    post: Post
    bytes: int
    used_at: float = 0.0
    users: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Nobody uses it."""

    def enter(self) -> Self:
        self.users += 1
        self.left.clear()
        return self

    def leave(self) -> None:
        self.users -= 1
        self.used_at = time.monotonic()
        if not self.users:
            self.left.set()


@dataclass(kw_only=True, slots=True)
class Place:
    """Of one model in one setting: what became of it."""

    model: ModelFile
    settings: Settings
    state: str = "loading"
    error: EngineError | None = None
    failed_at: float = 0.0
    resident: Resident | None = None
    loading: asyncio.Task[None] | None = None

    @property
    def gauges(self) -> Gauges:
        setting = self.settings.label
        if self.resident:
            return replace(self.resident.engine.gauges(), setting=setting)
        said, under = self.error.message if self.error else "", f"with {setting}"
        message = f"{said} ({under})" if said and setting and under not in said else said
        return Gauges(
            model=self.model.reference, state=self.state, message=message, setting=setting
        )


def open_engine(model: ModelFile, settings: Settings) -> Engine:
    engine = Engine(model.path, settings, name=model.reference)
    rehearsal.rehearse(engine)
    return engine


class Residents:
    """Belongs to one event loop; models are loaded and closed on threads."""

    def __init__(self, *, memory_bytes: int = 0, opening: Open = open_engine) -> None:
        self._memory_bytes = memory_bytes or memory.for_models()
        self._opening = opening
        self._places: dict[Key, Place] = {}
        self._open = True

    async def take(self, model: ModelFile, settings: Settings) -> Resident:
        """Whoever takes it must `leave` it. Raises EngineError when it cannot be had."""
        place = self._place(model, settings)
        self._notice_trouble(place)
        if place.resident is None:
            await self._loaded(place)
        if place.resident is None:
            raise place.error or EngineError(Failure.SERVER, f"{model.reference} is not loaded")
        return place.resident.enter()

    def gauges(self) -> list[Gauges]:
        return [place.gauges for place in self._places.values()]

    async def close(self) -> None:
        self._open = False
        places = list(self._places.values())
        self._places.clear()
        for place in places:
            if place.loading:
                _marks().withdraw(place.model.reference, place.settings.label)
            if place.resident:
                await _closed(place.resident)

    def _place(self, model: ModelFile, settings: Settings) -> Place:
        """A file that was replaced or repaired is another model; its state begins anew."""
        key = (model.reference, model.stamp, settings)
        if key not in self._places:
            for other in [other for other in self._places if _was(other, model)]:
                if not (self._places[other].resident or self._places[other].loading):
                    del self._places[other]
        return self._places.setdefault(key, Place(model=model, settings=settings))

    def _notice_trouble(self, place: Place) -> None:
        """An engine that broke is closed and counts as a model that could not be loaded."""
        resident = place.resident
        if resident and (said := resident.engine.gauges()).state != "ready":
            place.resident = None
            _failed(place, EngineError(Failure.SERVER, said.message or f"it is {said.state}"))

    async def _loaded(self, place: Place) -> None:
        """One load at a time for each place, whoever waits for it and whoever gives up."""
        if place.loading is None:
            if place.state == "failed" and time.monotonic() - place.failed_at < RETRY_S:
                return
            place.loading = asyncio.create_task(self._load(place))
        await asyncio.shield(place.loading)

    async def _load(self, place: Place) -> None:
        """A state that keeps callers away stays until the model is there."""
        if place.state not in GIVEN_UP:
            place.state = "loading"
        began = time.monotonic()
        try:
            fresh = await self._seated(place)
            if self._open:
                place.resident, place.state, place.error = fresh, "ready", None
                log.info("%s is loaded (%.1f s)", _told(place), time.monotonic() - began)
            else:
                await _closed(fresh)
        except NoRoomError as error:
            place.state, place.error = "not loaded", error
        except EngineError as error:
            _failed(place, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, callers must be told
            _failed(place, EngineError(Failure.SERVER, f"{place.model.reference}: {error}"))
        finally:
            place.loading = None

    async def _seated(self, place: Place) -> Resident:
        await self._make_room(place.model, place.settings)
        engine, chat = await asyncio.to_thread(self._opened, place.model, place.settings)
        fresh = Resident(
            engine=engine,
            chat=chat,
            post=Post(),
            bytes=layout.room(place.model.facts, place.settings).bytes,
            used_at=time.monotonic(),
        )
        fresh.left.set()
        return fresh

    def _opened(self, model: ModelFile, settings: Settings) -> tuple[Engine, Chat]:
        """On a thread of its own: this takes from milliseconds to minutes."""
        try:
            models.store().verify(model)
        except ModelError as error:
            raise EngineError(Failure.SERVER, str(error)) from error
        with _marks().loading(model.reference, model.path, settings.label):
            engine = self._opening(model, settings)
        facts = engine.facts
        try:
            chat = Chat(
                facts.template, bos=facts.bos_text, eos=facts.eos_text, controls=facts.controls
            )
        except EngineError:
            engine.close()
            raise
        return engine, chat

    async def _make_room(self, model: ModelFile, settings: Settings) -> None:
        """Puts out what nobody uses, longest unused first; a model alone is never too large."""
        wanted = layout.room(model.facts, settings).bytes
        idle = [key for key, place in self._places.items() if _idle(place)]
        for key in sorted(idle, key=self._last_used):
            replaced = _was(key, model)
            if replaced or self._used_bytes() + wanted > self._memory_bytes:
                await self._put_out(key, forget=replaced)
        used = self._used_bytes()
        if used and used + wanted > self._memory_bytes:
            raise NoRoomError(model.reference)

    async def _put_out(self, key: Key, *, forget: bool) -> None:
        place = self._places[key]
        resident, place.resident, place.state = place.resident, None, "not loaded"
        if forget:
            del self._places[key]
        if resident:
            await _closed(resident)

    def _last_used(self, key: Key) -> float:
        resident = self._places[key].resident
        return resident.used_at if resident else 0.0

    def _used_bytes(self) -> int:
        return sum(place.resident.bytes for place in self._places.values() if place.resident)


async def _closed(resident: Resident) -> None:
    """Not while somebody still reads its vocabulary: its memory is given back."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(resident.left.wait(), LEAVING_S)
        await asyncio.to_thread(resident.engine.close)


def _was(key: Key, model: ModelFile) -> bool:
    """This is what the model's file was before it changed."""
    return key[0] == model.reference and key[1] != model.stamp


def _failed(place: Place, error: EngineError) -> None:
    """A model that is taken out is looked at again each time: somebody may have forgiven it."""
    before = place.state
    place.state = "taken-out" if isinstance(error, TakenOutError) else "failed"
    place.error, place.failed_at = error, time.monotonic()
    if not before == place.state == "taken-out":
        log.warning("%s is %s: %s", _told(place), place.state, error.message)


def _told(place: Place) -> str:
    setting = place.settings.label
    return f"{place.model.reference} ({setting})" if setting else place.model.reference


def _idle(place: Place) -> bool:
    return place.resident is not None and place.resident.users == 0


def _marks() -> Marks:
    return crashes.Marks(models.store().folder)
