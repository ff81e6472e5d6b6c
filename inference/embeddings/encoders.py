"""What makes vectors of token numbers, and which engine is to do it for a model's file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from inference.store import gguf_header
from inference.store.errors import BadModelError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

AUTO, ONNX, LLAMA = "auto", "onnx", "llama.cpp"
ENGINES = (AUTO, ONNX, LLAMA)


class Lane(Protocol):
    """One thread's way to the weights."""

    most_tokens: int
    most_texts: int

    def encode(self, texts: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
        """One row of length one for each text. ValueError where they are no batch: one is empty
        or longer than is read, or they are too many."""

    def close(self) -> None: ...


class Weights(Protocol):
    dimensions: int
    longest: int

    def vocabulary(self) -> list[str]: ...

    def lane(self, *, most_tokens: int, most_texts: int) -> Lane: ...

    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    engine: str
    reason: str = ""
    """Why it is not the faster one."""

    def named(self, model: str) -> str:
        """What vectors are stored as. The two engines' differ a little, so they never mix."""
        return f"{model}@{ONNX}" if self.engine == ONNX else model


def choose(path: Path | None, wanted: str) -> Choice:
    """By the header alone; of a file that is not there yet the best is expected."""
    if wanted != AUTO:
        return Choice(engine=wanted)
    reason = _no_runtime() or (_unfit(path) if path else "")
    return Choice(engine=LLAMA if reason else ONNX, reason=reason)


def open_weights(path: Path, engine: str) -> Weights:
    if engine == ONNX:
        from inference.embeddings.onnx import session  # each library loads when it is needed

        return session.Weights(path)
    from inference.embeddings import native

    return native.Weights(path)


def _no_runtime() -> str:
    try:
        import onnxruntime  # noqa: F401
    except (ImportError, OSError) as error:
        return f"ONNX Runtime does not load: {error}"
    return ""


def _unfit(path: Path) -> str:
    from inference.embeddings.onnx import bert

    try:
        return bert.why_not(gguf_header.read(path))
    except BadModelError as error:
        return str(error)
