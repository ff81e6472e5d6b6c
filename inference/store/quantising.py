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

from inference.store import incoming
from inference.store.errors import ModelError
from inference.store.facts import Facts
from inference.store.ggml_types import MIXES
from inference.store.models import ModelFile, Store

ORIGINALS = frozenset({"F32", "F16", "BF16"})
"""A variant is made from one of these: made from a coarser one it would lose twice."""
NEEDS_IMPORTANCE = re.compile(r"IQ[12]_|IQ3_XX?S|Q2_K_S")
UNMADE = frozenset({"NVFP4", "Q1_0"})
"""llama.cpp knows these and ends with an error for most models."""
LOOSELY = 1.25
"""Some tensors of a mix are kept in finer formats than most."""
BITS = re.compile(r"I?Q(\d)|TQ(\d)")
WHY = re.compile(rb"error|fail|cannot|unable|unsupported|invalid|not enough|no space", re.I)
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
        if name not in ORIGINALS | UNMADE and not NEEDS_IMPORTANCE.match(name)
    )


def quantise(store: Store, reference: str, mix: str, *, progress: Progress = quiet) -> ModelFile:
    """The new variant of the same name; interrupted, it leaves nothing and may be run again."""
    model, mix = store.find(reference), mix.lower()
    must_be_possible(model.reference, model.facts, mix)
    store.must_be_free(f"{model.name}:{mix}")
    incoming.must_fit(store.folder, _likely_bytes(model.facts, mix))
    with store.incoming() as folder:
        target = folder / "model.gguf"
        _run(model.path, target, mix, progress)
        return store.keep(target, f"{model.name}:{mix}", source=f"quantised from {model.variant}")


def must_be_possible(name: str, facts: Facts, mix: str) -> None:
    if mix.lower() not in mixes():
        raise ModelError(f"{mix!r} cannot be made here; these can: {', '.join(mixes())}.")
    if facts.quantisation not in ORIGINALS:
        raise ModelError(
            f"{name} is {facts.quantisation} already; variants are made from "
            "f16, bf16 or f32, because quantising twice loses twice."
        )


def _likely_bytes(facts: Facts, mix: str) -> int:
    """Rather too many: a disk that is full ends more than this."""
    found = BITS.match(mix.upper())
    bits = next((int(group) for group in found.groups() if group), 8) if found else 8
    return min(facts.bytes, int(facts.parameters * (bits + 0.5) / 8 * LOOSELY))


def _why(said: list[bytes]) -> str:
    """Of llama.cpp's last lines the one that names a reason, without where in its code that is."""
    lines = [line for line in said if line]
    named = [line for line in lines if WHY.search(line)] or lines[-1:]
    line = named[-1].decode(errors="replace") if named else "it said nothing"
    return re.sub(r"^\w+: ", "", line)[:300]


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
        raise ModelError(f"llama.cpp could not make {mix} of {source.name}: {_why(said)}")


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
