"""Reads the weights of a safetensors file without loading more than is asked for."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

LONGEST_HEADER = 16 << 20
FORMATS = {"F32": np.float32, "F16": np.float16, "F64": np.float64, "I64": np.int64}


def read(path: Path) -> Mapping[str, npt.NDArray[Any]]:
    """Every tensor by its name, mapped from the file; ValueError when it is none of ours."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > LONGEST_HEADER:
            raise ValueError(f"{path.name} is no safetensors file")
        header = json.loads(file.read(length))
    mapped = np.memmap(path, mode="r", offset=8 + length)
    return {
        name: _array(mapped, said) for name, said in header.items() if not name.startswith("__")
    }


def _array(mapped: npt.NDArray[np.uint8], said: Mapping[str, Any]) -> npt.NDArray[Any]:
    if said["dtype"] not in FORMATS:
        raise ValueError(f"weights of type {said['dtype']} are not read")
    begin, end = said["data_offsets"]
    return mapped[begin:end].view(FORMATS[said["dtype"]]).reshape(said["shape"])
