"""What an operator may set of a local backend: its `options`, checked and read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from inference.local import layout
from inference.local.layout import Shape
from inference.local.words import Settings
from inference.words import EngineError, Failure

Check = tuple[Callable[[Any], bool], str]


def _whole(low: int, high: int) -> Check:
    def fits(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

    return fits, f"a whole number from {low} to {high}"


FLAG: Check = (lambda value: isinstance(value, bool), "true or false")
OPTIONS: Mapping[str, Check] = {
    "context": _whole(0, 10_000_000),
    "slots": _whole(1, 64),
    "waiting": _whole(0, 10_000),
    "threads": _whole(0, 256),
    "chunk": _whole(16, 8192),
    "gpu_layers": _whole(-1, 1000),
    "mmap": FLAG,
    "repack": FLAG,
    "grammars": FLAG,
}


def check_options(options: Mapping[str, Any]) -> list[str]:
    """What is wrong with a backend's options, a sentence each; empty when nothing is."""
    wrong = [f"{name} is no option of a local model" for name in options if name not in OPTIONS]
    for name, (fits, wanted) in OPTIONS.items():
        if name in options and not fits(options[name]):
            wrong.append(f"{name} must be {wanted}")
    return wrong


def settings(options: Mapping[str, Any]) -> Settings:
    if wrong := check_options(options):
        raise EngineError(Failure.SERVER, f"the backend's options: {'; '.join(wrong)}")
    return Settings(**{name: value for name, value in options.items() if name != "grammars"})


def effective_context(shape: Shape, options: Mapping[str, Any]) -> int:
    """Tokens, prompt and answer together, that a backend of this file holds under these options:
    what it may promise."""
    return layout.effective_context(shape, settings(options))


def label(options: Mapping[str, Any]) -> str:
    """As gauges call the setting that these options make; of wrong ones there is none."""
    return "wrong" if check_options(options) else settings(options).label


def takes_grammars(options: Mapping[str, Any]) -> bool:
    """Whether clients may send GBNF of their own. llama.cpp follows a bad one until the whole
    process stands still or dies, and no look at it can tell: the operator must trust them all."""
    return options.get("grammars") is True
