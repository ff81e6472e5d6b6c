"""One llama.cpp context: lanes of keys and values, and the batch that goes through the model."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from inference.local.layout import padded
from inference.local.library import Layout, Model, UnloadableError, llama, quick

Logits = npt.NDArray[np.float32]
UBATCH = 512


class Feed(NamedTuple):
    """What one lane is given in a step: its tokens from `start` on; logits of the last, or none."""

    lane: int
    tokens: array[int]
    start: int
    length: int
    answers: bool


class Context:
    """Owned by one thread. Each lane is a stream of its own (not llama.cpp's unified cache, where
    every token looks at the cells of all sequences, kept ones included), so a batch must name its
    lanes in ascending order, and lanes without a gap between them go through the model together.
    """

    def __init__(self, model: Model, layout: Layout) -> None:
        self._model = model
        self.pointer = llama.llama_init_from_model(model.pointer, _params(layout))
        if not self.pointer:
            raise UnloadableError(model.path, "there is no room for its context")
        self._memory = llama.llama_get_memory(self.pointer)
        self._positions = array("i", range(layout.context + 1))
        self._batch = _Batch(layout.batch)
        self.rows: Logits = np.empty((0, model.vocabulary), np.float32)
        self._at = (0, 0)

    def free(self) -> None:
        if self.pointer:
            llama.llama_free(self.pointer)
            self.pointer = None

    def use(self, threads: int) -> None:
        """From the next step on."""
        quick.llama_set_n_threads(self.pointer, threads, threads)

    def decode(self, feeds: Sequence[Feed]) -> int:
        """Zero when all went well; otherwise the lanes of these feeds hold nobody knows what."""
        self._batch.fill(feeds, self._positions)
        status: int = llama.llama_decode(self.pointer, self._batch.native)
        if status == 0:
            llama.llama_synchronize(self.pointer)  # on a GPU it waits, without Python's lock
        return status

    def logits(self, rows: int) -> Logits:
        """Of the last step, a row for each feed that answers; gone with the next step."""
        where = ctypes.cast(quick.llama_get_logits(self.pointer), ctypes.c_void_p).value or 0
        if (where, rows) != self._at:
            width = self._model.vocabulary
            memory: Any = (ctypes.c_float * (rows * width)).from_address(where)
            self.rows = np.frombuffer(memory, np.float32).reshape(rows, width)
            self._at = (where, rows)
        return self.rows

    def cut(self, lane: int, length: int) -> bool:
        """Forgets what lies behind the first `length` tokens; False: this model can only forget
        all of a sequence (a recurrent one), and has done so."""
        done = bool(quick.llama_memory_seq_rm(self._memory, lane, length, -1))
        if not done:
            quick.llama_memory_seq_rm(self._memory, lane, -1, -1)
        return done

    def save(self, lane: int) -> bytearray:
        size = llama.llama_state_seq_get_size(self.pointer, lane)
        room = bytearray(size)
        view = (ctypes.c_uint8 * size).from_buffer(room)
        llama.llama_state_seq_get_data(self.pointer, view, size, lane)
        return room

    def restore(self, lane: int, saved: bytearray) -> bool:
        """Into an empty lane. False: llama.cpp would not take it, and the lane is empty."""
        view = (ctypes.c_uint8 * len(saved)).from_buffer(saved)
        taken = llama.llama_state_seq_set_data(self.pointer, view, len(saved), lane)
        if not taken:
            self.cut(lane, 0)
        return bool(taken)

    def copy(self, source: int, target: int, length: int) -> bool:
        """The first `length` tokens of one lane into another one, bit for bit."""
        self.cut(target, 0)
        return self.restore(target, self.save(source)) and self.cut(target, length)


class _Batch:
    """llama.cpp's batch over arrays of ours, which are filled by slices and never allocated."""

    def __init__(self, size: int) -> None:
        self._tokens, self._places = array("i", [0] * size), array("i", [0] * size)
        self._lanes, self._outputs = array("i", [0] * size), array("b", [0] * size)
        self._ones = array("i", [1] * size)
        first, _ = self._lanes.buffer_info()
        self._each = (ctypes.c_void_p * size)(*(first + 4 * index for index in range(size)))
        self.native = llama.llama_batch()
        for field, values in (
            ("token", self._tokens),
            ("pos", self._places),
            ("n_seq_id", self._ones),
            ("logits", self._outputs),
        ):
            kind = dict(llama.llama_batch._fields_)[field]
            setattr(self.native, field, ctypes.cast(values.buffer_info()[0], kind))
        kind = dict(llama.llama_batch._fields_)["seq_id"]
        self.native.seq_id = ctypes.cast(self._each, kind)

    def fill(self, feeds: Sequence[Feed], positions: array[int]) -> None:
        at = 0
        for feed in feeds:
            start, count = feed.start, feed.length
            if count == 1:
                self._tokens[at] = feed.tokens[start]
                self._places[at] = start
                self._lanes[at] = feed.lane
            else:
                end = at + count
                self._tokens[at:end] = feed.tokens[start : start + count]
                self._places[at:end] = positions[start : start + count]
                self._lanes[at:end] = array("i", [feed.lane]) * count
                self._outputs[at:end] = array("b", [0]) * count
            at += count
            self._outputs[at - 1] = feed.answers
        self.native.n_tokens = at


def _params(layout: Layout) -> Any:
    params = llama.llama_context_default_params()
    params.n_ctx = layout.lanes * padded(layout.context)
    params.n_seq_max = layout.lanes
    params.n_batch = layout.batch
    params.n_ubatch = min(layout.batch, UBATCH)
    params.n_outputs_max = layout.lanes
    params.n_threads = params.n_threads_batch = layout.threads
    params.kv_unified = False
    return params
