"""Makes a smaller variant of a model in a process of its own: native code that fails or is killed
takes nobody with it. Run as `python -m inference.store.quantising SOURCE TARGET MIX`."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from inference.store.errors import ModelError
from inference.store.ggml_types import MIXES
from inference.store.models import ModelFile, Store

ORIGINALS = frozenset({"F32", "F16", "BF16"})
"""A variant is made from one of these: made from a coarser one it would lose twice."""
NEEDS_IMPORTANCE = re.compile(r"IQ[12]_|IQ3_XX?S|Q2_K_S")
NUMBERS = {name.lower(): number for number, name in MIXES.items()}
STEP = re.compile(rb"\[\s*(\d+)\s*/\s*(\d+)\s*\]")

Progress = Callable[[int, int], None]
"""Tensors done, tensors in all."""


def quiet(_done: int, _all: int) -> None:
    return None


def mixes() -> list[str]:
    """What a variant may be made of without data about which weights matter."""
    return sorted(
        name.lower()
        for name in MIXES.values()
        if name not in ORIGINALS and not NEEDS_IMPORTANCE.match(name)
    )


def quantise(store: Store, reference: str, mix: str, *, progress: Progress = quiet) -> ModelFile:
    """The new variant of the same name; interrupted, it leaves nothing and may be run again."""
    model, mix = store.find(reference), mix.lower()
    if mix not in mixes():
        raise ModelError(f"{mix!r} cannot be made here; these can: {', '.join(mixes())}.")
    if model.facts.quantisation not in ORIGINALS:
        raise ModelError(
            f"{model.reference} is {model.facts.quantisation} already; variants are made from "
            "f16, bf16 or f32, because quantising twice loses twice."
        )
    store.must_be_free(f"{model.name}:{mix}")
    with store.incoming() as folder:
        target = folder / "model.gguf"
        _run(model.path, target, mix, progress)
        return store.keep(target, f"{model.name}:{mix}", source=f"quantised from {model.variant}")


def _run(source: Path, target: Path, mix: str, progress: Progress) -> None:
    command = [sys.executable, "-m", "inference.store.quantising", str(source), str(target), mix]
    said: list[bytes] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
        try:
            assert child.stdout is not None
            for line in child.stdout:
                said = [*said[-8:], line.strip()]
                if found := STEP.search(line):
                    progress(int(found.group(1)), int(found.group(2)))
        except BaseException:
            child.kill()
            raise
    if child.returncode != 0:
        last = b"; ".join(line for line in said if line)[-400:].decode(errors="replace")
        raise ModelError(f"Quantising ended with status {child.returncode}: {last}")


def main(source: str, target: str, mix: str) -> int:
    """The child. Nothing else runs in it, so what the library prints may go straight out."""
    import llama_cpp  # here only: the web process reads this module too

    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = NUMBERS[mix]
    parameters.nthread = len(os.sched_getaffinity(0))
    os.nice(5)  # whoever answers requests meanwhile goes first
    llama_cpp.llama_log_set(_LOG, ctypes.c_void_p(0))
    return int(
        llama_cpp.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(parameters))
    )


def _log(_level: int, text: bytes, _user: int) -> None:
    try:
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # whoever asked was killed
        os._exit(1)


_LOG = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(_log)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
