"""The only door to llama.cpp: its functions as we call them, and one loaded model behind them."""

from __future__ import annotations

import ctypes
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.local.words import Settings
from inference.store import facts
from inference.store.errors import BadModelError
from inference.store.facts import Facts
from inference.talk import tools
from inference.words import EngineError, Failure

# A thread that waits for another at the end of each operation spins. By default it does so for
# milliseconds, which on a busy machine takes the core from the very thread that it waits for.
# libgomp reads this once, when it is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "2000")

import llama_cpp._utils as _binding_utils
import llama_cpp.llama_cpp as _binding

# The binding's own classes, which nobody uses here, hold these open until the process ends.
_binding_utils.outnull_file.close()
_binding_utils.errnull_file.close()

llama: Any = _binding
"""Functions that take their time: Python's lock is given away while they run."""

log = logging.getLogger(__name__)
LEVELS = {1: logging.DEBUG, 2: logging.DEBUG, 3: logging.WARNING, 4: logging.ERROR}
PIECE_BYTES = 256


class _Quick:
    """Functions of a few microseconds, called with Python's lock held: giving it away for each of
    them can cost a whole switch interval (5 ms) when another thread computes."""

    def __init__(self) -> None:
        self._library = ctypes.PyDLL(llama._lib._name)

    def __getattr__(self, name: str) -> Any:
        function, slow = getattr(self._library, name), getattr(llama, name)
        function.argtypes, function.restype = slow.argtypes, slow.restype
        setattr(self, name, function)
        return function


quick = _Quick()


@llama.llama_log_callback  # type: ignore[untyped-decorator]
def _tell_log(level: int, text: bytes, _: ctypes.c_void_p) -> None:
    """llama.cpp writes a page for every model: it is for those who look for a fault. The
    callback lives as long as this module, and must not raise into C."""
    line = (text or b"").decode(errors="replace").strip()
    if line and log.isEnabledFor(logging.DEBUG):
        log.debug("llama.cpp (%s): %s", logging.getLevelName(LEVELS.get(level, 10)), line)


llama.llama_log_set(_tell_log, None)
llama.llama_backend_init()


class UnloadableError(EngineError):
    """llama.cpp could not load this model."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(Failure.SERVER, f"{path.name} could not be loaded: {why}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How much a context holds and what runs it."""

    lanes: int
    """Sequences whose keys and values have a place: the slots, and finished ones kept for reuse."""
    context: int
    """Tokens that one of them may hold: prompt and answer together."""
    threads: int
    batch: int
    """Tokens of one step at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """What is known of a model that is in memory, and how it is run."""

    path: Path
    layout: Layout
    trained_context: int
    vocabulary: int
    parameters: int
    weights_bytes: int
    kv_bytes_per_token: int
    description: str
    template: str
    bos: int
    eos: int
    bos_text: str
    eos_text: str
    adds_bos: bool
    controls: frozenset[str]
    """The spellings of control tokens: a client's text must not become one."""

    @property
    def context(self) -> int:
        return self.layout.context


class Pieces(dict[int, bytes | None]):
    """Token → the bytes that it writes; None ends the text, control tokens write nothing but for
    those that mark calls of tools."""

    def __init__(self, vocab: Any) -> None:
        super().__init__()
        self._vocab = vocab

    def __missing__(self, token: int) -> bytes | None:
        ends = quick.llama_vocab_is_eog(self._vocab, token)
        self[token] = piece = None if ends else self._written(token)
        return piece

    def _written(self, token: int) -> bytes:
        plain = spelling(self._vocab, token, special=False)
        name = plain or spelling(self._vocab, token, special=True)
        return plain or (name if name.decode(errors="replace") in tools.MARKS else b"")


def spelling(vocab: Any, token: int, *, special: bool) -> bytes:
    """The token's bytes; of a control token only when `special`."""
    room = ctypes.create_string_buffer(PIECE_BYTES)
    size = quick.llama_token_to_piece(vocab, token, room, PIECE_BYTES, 0, special)
    if size < 0:
        room = ctypes.create_string_buffer(-size)
        size = quick.llama_token_to_piece(vocab, token, room, -size, 0, special)
    return room.raw[:size]


class Model:
    """Weights and vocabulary; free of any sequence, so any thread may ask it."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path = path
        self.facts = _inspected(path)
        self.pointer = llama.llama_model_load_from_file(str(path).encode(), model_params(settings))
        if not self.pointer:
            raise UnloadableError(path, "llama.cpp refused the file")
        self.vocab = llama.llama_model_get_vocab(self.pointer)
        self.vocabulary: int = llama.llama_vocab_n_tokens(self.vocab)
        self.pieces = Pieces(self.vocab)

    def free(self) -> None:
        if self.pointer:
            llama.llama_model_free(self.pointer)
            self.pointer = None

    def tokenize(self, text: str, *, special: bool, begin: bool) -> list[int]:
        written = text.encode(errors="replace")
        room = (ctypes.c_int32 * (len(written) + 8))()
        count = llama.llama_tokenize(
            self.vocab, written, len(written), room, len(room), False, special
        )
        tokens: list[int] = room[:count]
        bos = llama.llama_vocab_bos(self.vocab)
        if begin and llama.llama_vocab_get_add_bos(self.vocab) and tokens[:1] != [bos]:
            tokens.insert(0, bos)
        return tokens

    @property
    def trained_context(self) -> int:
        return int(llama.llama_model_n_ctx_train(self.pointer))

    def loaded(self, layout: Layout) -> Loaded:
        bos, eos = llama.llama_vocab_bos(self.vocab), llama.llama_vocab_eos(self.vocab)
        template = llama.llama_model_chat_template(self.pointer, None)
        return Loaded(
            path=self.path,
            layout=layout,
            trained_context=self.trained_context,
            vocabulary=self.vocabulary,
            parameters=llama.llama_model_n_params(self.pointer),
            weights_bytes=llama.llama_model_size(self.pointer),
            kv_bytes_per_token=self.facts.kv_bytes_per_token,
            description=self._description(),
            template=(template or b"").decode(errors="replace"),
            bos=bos,
            eos=eos,
            bos_text=self._name(bos),
            eos_text=self._name(eos),
            adds_bos=llama.llama_vocab_get_add_bos(self.vocab),
            controls=self._controls(),
        )

    def _controls(self) -> frozenset[str]:
        ends, control = quick.llama_vocab_is_eog, quick.llama_vocab_is_control
        tokens = range(self.vocabulary)
        found = [one for one in tokens if control(self.vocab, one) or ends(self.vocab, one)]
        return frozenset(self._name(one) for one in found) - {""}

    def _name(self, token: int) -> str:
        written = spelling(self.vocab, token, special=True) if token >= 0 else b""
        return written.decode(errors="replace")

    def _description(self) -> str:
        room = ctypes.create_string_buffer(PIECE_BYTES)
        llama.llama_model_desc(self.pointer, room, PIECE_BYTES)
        return room.value.decode(errors="replace")


def _inspected(path: Path) -> Facts:
    """llama.cpp can end the process over a file that is no model for text: we look first."""
    try:
        found = facts.inspect(path)
    except (BadModelError, OSError) as error:
        raise UnloadableError(path, str(error)) from error
    if found.embeds:
        raise UnloadableError(path, "it makes vectors and writes no text")
    return found


def model_params(settings: Settings) -> Any:
    params = llama.llama_model_default_params()
    params.n_gpu_layers = settings.gpu_layers
    params.load_mode = llama.LLAMA_LOAD_MODE_MMAP if settings.mmap else llama.LLAMA_LOAD_MODE_NONE
    params.use_extra_bufts = settings.repack
    return params
