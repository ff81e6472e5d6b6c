"""How a matrix becomes eight bits, so that what it is multiplied with may do so as well.

At run time all numbers that enter a matrix share one scale, that of the largest. So a few large
ones take the accuracy from all the others, unless they are made smaller before, and the matrix's
columns larger, or are kept apart. Both change nothing of the product.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inference.embeddings.onnx.bert import Floats

MOST = 127
MIDDLE = 128
EVENNESS = 0.65
"""How much of the unevenness moves from what enters into the matrix. Chosen on the sentences of
KORA's own documents: at 0.5 and at 0.8 more is lost."""
APART = 16
"""Inputs of the second feed-forward matrix that stay in 32 bits: one or two among them are ten
times as large as all the others."""
LEAST_INPUT, LEAST_WEIGHT = 1e-2, 1e-4


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """`numbers * scales`, a column for each number that the matrix makes."""

    numbers: npt.NDArray[np.int8]
    scales: Floats

    def unsigned(self) -> npt.NDArray[np.uint8]:
        """The same around the middle of a byte instead of zero."""
        return (self.numbers.astype(np.int16) + MIDDLE).astype(np.uint8)


def pack(matrix: Floats) -> Packed:
    """`matrix` has a row for each number that enters."""
    scales = np.abs(matrix).max(axis=0) / MOST
    scales[scales == 0] = 1
    numbers = np.rint(matrix / scales).astype(np.int8)
    return Packed(numbers=numbers, scales=scales.astype(np.float32))


def even(entering: Floats, matrix: Floats) -> Floats:
    """What each input is divided by, and the matrix's row multiplied with; near one on average."""
    weights = np.maximum(np.abs(matrix).max(axis=1), LEAST_WEIGHT)
    found = np.maximum(entering, LEAST_INPUT) ** EVENNESS / weights ** (1 - EVENNESS)
    scaled: Floats = (found / np.exp(np.log(found).mean())).astype(np.float32)
    return scaled


def smallest_first(entering: Floats) -> npt.NDArray[np.intp]:
    """An order in which those that are kept apart are the last."""
    return np.argsort(entering, kind="stable")


def sums_are_exact() -> bool:
    """Whether products of signed weights are added in 32 bits. Processors of Intel's kind without
    VNNI add them in 16, which overflow; there unsigned ones are exact and half as fast."""
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        return True
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "avx512_vnni" in told or "avx_vnni" in told
