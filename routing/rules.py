"""Ordered rules over signals and metadata; none can be written yet, so none ever applies (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from routing.questions import Prompt
from routing.signals import Signals


@dataclass(frozen=True, kw_only=True, slots=True)
class NoRule:
    reason: str = "no-rules"


@dataclass(frozen=True, kw_only=True, slots=True)
class Deny:
    rule: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Say:
    """A rule's own answer, without a model."""

    rule: str
    text: str


Verdict = NoRule | Deny | Say
NO_RULE = NoRule()


def judge(prompt: Prompt, signals: Signals) -> Verdict:
    del prompt, signals
    return NO_RULE
