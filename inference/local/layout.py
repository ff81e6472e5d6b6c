"""How a model is laid out in memory: sequences at once, tokens of each, bytes of all (pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from inference.local import memory
from inference.local.words import Settings

SLOTS = 8
"""When neither the settings nor the memory say otherwise."""
SHARE = 8
"""The lanes of one model take this part of the memory for models, but LEAST_BYTES anyway."""
LEAST_BYTES = 1 << 30
DECENT_CONTEXT = 4096
"""Rather fewer slots than sequences shorter than this."""
SHORTEST_CONTEXT = 512
STEP = 512
"""Tokens of a step for whose intermediate results room is made."""
PAGE = 256
"""llama.cpp rounds a lane up to whole pages of so many tokens."""


class Shape(Protocol):
    """What of `inference.store.facts.Facts` is needed here."""

    @property
    def context(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def kv_bytes_per_token(self) -> int: ...
    @property
    def vocabulary(self) -> int: ...
    @property
    def width(self) -> int: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """How much a model holds, and what that takes."""

    slots: int
    """Sequences that are decoded together."""
    lanes: int
    """Sequences whose keys and values have a place: the slots, and finished ones kept for reuse."""
    context: int
    """Tokens that one of them may hold: prompt and answer together."""
    bytes: int
    """An estimate: the file, the lanes when they are full, and room for one step."""


def room(shape: Shape, settings: Settings, *, kv_bytes: int = 0) -> Room:
    """What the settings leave open is chosen: as much context as the model was trained for, if the
    lanes then fit into `kv_bytes` (by default this machine's share), but on a small machine fewer
    slots before less than DECENT_CONTEXT."""
    most = kv_bytes or lanes_bytes()
    slots = settings.slots or _slots(shape, settings, most)
    lanes = _lanes(slots)
    context = _context(shape, settings, most // lanes)
    if not settings.slots and slots == 1 and not settings.context:
        context = max(context, min(shape.context, DECENT_CONTEXT))
    step = STEP * 4 * (shape.vocabulary + 12 * shape.width)
    kept = lanes * shape.kv_bytes_per_token * padded(context)
    return Room(slots=slots, lanes=lanes, context=context, bytes=shape.bytes + kept + step)


def effective_context(shape: Shape, settings: Settings) -> int:
    """Tokens that a sequence really may hold: never more than the model was trained for."""
    return room(shape, settings).context


def settled(shape: Shape, settings: Settings) -> Settings:
    """Nothing left open about slots and context."""
    chosen = room(shape, settings)
    return replace(settings, slots=chosen.slots, context=chosen.context)


def lanes_bytes() -> int:
    """What the keys and values of one model may take."""
    return max(LEAST_BYTES, memory.for_models() // SHARE)


def padded(context: int) -> int:
    return -(-context // PAGE) * PAGE


def _lanes(slots: int) -> int:
    return slots + max(1, slots // 2)


def _slots(shape: Shape, settings: Settings, most: int) -> int:
    """As many as usual, or as many as leave each sequence a decent length."""
    wanted = settings.context or DECENT_CONTEXT
    each = shape.kv_bytes_per_token * min(wanted, shape.context or wanted)
    fitting = (slots for slots in range(SLOTS, 1, -1) if _lanes(slots) * each <= most)
    return next(fitting, 1)


def _context(shape: Shape, settings: Settings, lane_bytes: int) -> int:
    if settings.context:
        return min(settings.context, shape.context or settings.context)
    each = shape.kv_bytes_per_token
    fits = max(SHORTEST_CONTEXT, lane_bytes // each) if each else shape.context
    return min(fits, shape.context or SHORTEST_CONTEXT)
