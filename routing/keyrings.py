"""The keys of a backend's provider, used in turn by a worker inside one attempt."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Collection
from dataclasses import dataclass, field, replace

from inference.words import Call, Engine, EngineError, Event, Failure, Target

REST_S = 5.0
"""After a 429 that does not say for how long."""
REFUSED, LIMITED, USED = "refused", "limited", "used"
OWN = 0
"""The key in the backend's own row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    key_id: int
    label: str
    secret: str = field(repr=False)
    is_refused: bool = False


@dataclass(kw_only=True, slots=True)
class Ring:
    """All keys of one backend, and which of them rest here; times are monotonic."""

    keys: tuple[Key, ...]
    refused: set[int] = field(default_factory=set)
    limited_at: dict[int, float] = field(default_factory=dict)
    rest_until: dict[int, float] = field(default_factory=dict)

    def next(self, now: float, without: Collection[int] = ()) -> Key | None:
        """Of those that may be used the one that was limited longest ago."""
        able = [
            key
            for key in self._standing()
            if self.rest_until.get(key.key_id, 0.0) <= now and key.key_id not in without
        ]
        return min(able, key=lambda key: self.limited_at.get(key.key_id, 0.0), default=None)

    def refuse(self, key: Key) -> None:
        self.refused.add(key.key_id)

    def limit(self, key: Key, rest_s: float | None, now: float) -> None:
        self.limited_at[key.key_id] = now
        self.rest_until[key.key_id] = now + (REST_S if rest_s is None else rest_s)

    def rests_for_s(self, now: float) -> float | None:
        """Until one of them may be used again; None: never, all are refused."""
        waits = [self.rest_until.get(key.key_id, now) - now for key in self._standing()]
        return max(0.0, min(waits)) if waits else None

    def _standing(self) -> list[Key]:
        return [key for key in self.keys if key.key_id not in self.refused]

    def like(self, keys: tuple[Key, ...]) -> Ring:
        """The same rests for keys that were read again; what is refused stands in their rows."""
        refused = {key.key_id for key in keys if key.is_refused}
        return replace(self, keys=keys, refused=refused)


@dataclass(kw_only=True, slots=True)
class Turn:
    """One attempt's way through a ring: what came of each key it used, and who writes that down."""

    ring: Ring
    left_s: Callable[[], float]
    on_refused: Callable[[Key, str], None]
    outcomes: dict[int, dict[str, str]] = field(default_factory=dict)

    def next(self) -> Key | None:
        return self.ring.next(time.monotonic(), self.outcomes)

    def note(self, key: Key, outcome: str) -> None:
        self.outcomes[key.key_id] = {"key": key.label, "outcome": outcome}

    def told(self) -> list[dict[str, str]]:
        """Nothing where there was nothing to choose from."""
        return list(self.outcomes.values()) if len(self.ring.keys) > 1 else []


async def run(
    engine: Engine, target: Target, call: Call, turn: Turn
) -> AsyncGenerator[Event, None]:
    """The engine's events with the first key that its provider takes; keys change only while
    nothing has been said."""
    while True:
        key = _taken(turn)
        said = False
        own = replace(call, deadline_s=turn.left_s())
        try:
            events = engine.run(replace(target, secret=key.secret), own)
            async with contextlib.aclosing(events):
                async for event in events:
                    if not said:  # noted here: who has the answer asks for nothing more
                        turn.note(key, USED)
                    said = True
                    yield event
            return
        except EngineError as error:
            if not _noted(turn, key, error) or said or turn.next() is None:
                raise _of_all(turn, error) from None


def _taken(turn: Turn) -> Key:
    key = turn.next()
    if key is not None:
        return key
    rest_s = turn.ring.rests_for_s(time.monotonic())
    if rest_s is None:
        raise EngineError(
            Failure.KEY_PERMANENT,
            "its provider has refused every key: enter another, or forgive one that is mended",
        )
    raise EngineError(
        Failure.KEY_TRANSIENT, "every key of it rests until its limit ends", retry_after_s=rest_s
    )


def _noted(turn: Turn, key: Key, error: EngineError) -> bool:
    """Whether it is the key's fault, so that another may do better. Who needs no key has none."""
    if error.failure is Failure.KEY_PERMANENT and key.secret:
        turn.ring.refuse(key)
        turn.note(key, REFUSED)
        turn.on_refused(key, error.message)
        return True
    if error.failure is Failure.KEY_TRANSIENT:
        if len(turn.ring.keys) > 1:
            turn.ring.limit(key, error.retry_after_s, time.monotonic())
        turn.note(key, LIMITED)
        return True
    turn.note(key, USED)
    return False


def _of_all(turn: Turn, error: EngineError) -> EngineError:
    """What the last key said, unless others of the ring will be there sooner."""
    if error.failure not in (Failure.KEY_PERMANENT, Failure.KEY_TRANSIENT):
        return error
    rest_s = turn.ring.rests_for_s(time.monotonic())
    if len(turn.ring.keys) < 2 or rest_s is None:
        return error
    return EngineError(
        Failure.KEY_TRANSIENT, error.message, retry_after_s=rest_s, status=error.status
    )
