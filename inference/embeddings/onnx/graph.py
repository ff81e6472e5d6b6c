"""An ONNX model as its nodes are added one by one, and its bytes in the end.

The field numbers are those of onnx.proto; the package `onnx` itself would cost the web process
more memory than the model does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from inference.embeddings.onnx import wire

OPSET, IR = 20, 10
RUNTIMES_OWN = "com.microsoft"
"""Operators that ONNX Runtime has beside the standard's."""
TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int64": 7}
FLOAT, INT, INTS = 1, 2, 7
Array = npt.NDArray[np.generic]
Axes = Sequence[int | str]
"""Lengths, or names of those that differ from run to run."""
Setting = int | float | tuple[int, ...]


class Graph:
    """Each operation says what its result is called."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._constants: dict[str, bytes] = {}

    def op(self, kind: str, *inputs: str, **settings: Setting) -> str:
        return self.ops(kind, *inputs, results=1, **settings)[0]

    def own(self, kind: str, *inputs: str, **settings: Setting) -> str:
        """One of the runtime's operators."""
        return self._add((kind, RUNTIMES_OWN), inputs, 1, settings)[0]

    def ops(self, kind: str, *inputs: str, results: int, **settings: Setting) -> list[str]:
        return self._add((kind, ""), inputs, results, settings)

    def constant(self, name: str, array: Array) -> str:
        dims = (wire.number(1, size) for size in array.shape)
        kind = wire.number(2, TYPES[array.dtype.name])
        body = (*dims, kind, wire.text(8, name), wire.message(9, array.tobytes()))
        self._constants[name] = wire.message(5, *body)
        return name

    def model(self, given: Mapping[str, Axes], made: Mapping[str, Axes]) -> bytes:
        """What goes in and what comes out, all of 32-bit floats."""
        graph = wire.message(
            7,
            *self._nodes,
            wire.text(2, "encoder"),
            *self._constants.values(),
            *(wire.message(11, _value(name, axes)) for name, axes in given.items()),
            *(wire.message(12, _value(name, axes)) for name, axes in made.items()),
        )
        opsets = (("", OPSET), (RUNTIMES_OWN, 1))
        read = (wire.message(8, wire.text(1, name), wire.number(2, set_)) for name, set_ in opsets)
        return b"".join((wire.number(1, IR), graph, *read))

    def _add(
        self,
        kind: tuple[str, str],
        inputs: Sequence[str],
        results: int,
        settings: dict[str, Setting],
    ) -> list[str]:
        name, domain = kind
        made = [f"{name}_{len(self._nodes)}_{number}" for number in range(results)]
        self._nodes.append(
            wire.message(
                1,
                *(wire.text(1, each) for each in inputs),
                *(wire.text(2, each) for each in made),
                wire.text(4, name),
                *(_setting(key, value) for key, value in settings.items()),
                wire.text(7, domain),
            )
        )
        return made


def _setting(name: str, value: Setting) -> bytes:
    if isinstance(value, float):
        kind, body = FLOAT, wire.fraction(2, value)
    elif isinstance(value, int):
        kind, body = INT, wire.number(3, value)
    else:
        kind, body = INTS, b"".join(wire.number(8, each) for each in value)
    return wire.message(5, wire.text(1, name), body, wire.number(20, kind))


def _value(name: str, axes: Axes) -> bytes:
    dims = (
        wire.message(1, wire.number(1, axis) if isinstance(axis, int) else wire.text(2, axis))
        for axis in axes
    )
    tensor = wire.message(1, wire.number(1, TYPES["float32"]), wire.message(2, *dims))
    return wire.text(1, name) + wire.message(2, tensor)
