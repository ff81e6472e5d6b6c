"""Signals of a house's own, as somebody might write them."""

from __future__ import annotations

from routing.questions import Prompt
from routing.signals import texts


def read(prompt: Prompt) -> dict[str, bool | int | str]:
    said = texts.said(prompt).own
    return {"angry": "!!" in said, "shouts": sum(map(str.isupper, said)), "first": said}


def fail(prompt: Prompt) -> dict[str, bool]:
    raise RuntimeError(prompt.model)


def misread(prompt: Prompt) -> dict[str, object]:
    return {"prompt": prompt}
