"""Times each stage of a request's way; what it wrote down is the receipt's timeline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Stopwatch:
    __slots__ = ("_began", "_stages")

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._stages: list[tuple[str, float, float, str]] = []

    def __call__(self, stage: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Does the stage's work and notes how long it took, also when it fails."""
        began = time.perf_counter()
        try:
            done = work(*args, **kwargs)
        except BaseException as error:
            self._note(stage, began, type(error).__name__)
            raise
        self._note(stage, began, getattr(done, "reason", ""))
        return done

    def note(self, stage: str, began: float, remark: str = "") -> None:
        """A stage that awaited, and so could not be a plain call; `began` is perf_counter's."""
        self._note(stage, began, remark)

    def _note(self, stage: str, began: float, remark: str) -> None:
        now = time.perf_counter()
        self._stages.append((stage, (began - self._began) * 1000, (now - began) * 1000, remark))

    @property
    def elapsed_ms(self) -> float:
        return (time.perf_counter() - self._began) * 1000

    def as_json(self) -> list[dict[str, Any]]:
        return [
            {"name": name, "at_ms": round(at, 3), "ms": round(ms, 3), "note": remark}
            for name, at, ms, remark in self._stages
        ]
